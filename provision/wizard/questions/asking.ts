/** Asks one question with known replies, for tests. */
import assert from 'node:assert/strict';
import { type Reply, ScriptedDialogue } from '../dialogue/scripted.ts';
import { type FakeMachine, fakeMachine } from '../fake-machine.ts';
import { type Draft, emptyDraft } from '../progress.ts';
import type { Change, Question } from './question.ts';

export interface Asked {
  readonly change: Change;
  readonly dialogue: ScriptedDialogue;
  readonly machine: FakeMachine;
}

export async function ask(
  question: Question,
  replies: readonly Reply[],
  given: { machine?: FakeMachine; draft?: Partial<Draft>; passphrase?: string } = {},
): Promise<Asked> {
  const dialogue = new ScriptedDialogue(replies);
  const machine = given.machine ?? fakeMachine();
  const change = await question.ask({
    dialogue,
    machine,
    draft: { ...emptyDraft, ...given.draft },
    passphrase: given.passphrase,
  });
  assert.ok(dialogue.isUsedUp, 'a reply was not asked for');
  return { change, dialogue, machine };
}
