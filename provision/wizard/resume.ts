/** Where a wizard begins: with what an earlier one left, and with what the owner put on the boot partition. */
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import type { GivenAnswers } from '../answers/given.ts';
import type { Session, WizardContext } from './engine.ts';
import { type Draft, emptyDraft, parseDraft, type QuestionId, withGiven } from './progress.ts';
import { explain } from './questions/question.ts';
import { Back } from './signals.ts';

/** Questions whose answers are the volume itself. */
const volumeQuestions: readonly QuestionId[] = ['passphrase', 'recoveryKey'];

export async function begin(context: WizardContext): Promise<Session> {
  const { dialogue, machine } = context;
  const given = await machine.givenAnswers();
  for (const note of given.notes) dialogue.say(note);
  const hint = given.pairing?.hint;
  if (hint !== undefined) dialogue.say(`The owner's hint at the passphrase: ${printable(hint)}`);
  const open = parseDraft(await machine.progress.read());
  if (open && open.answered.size > 0) dialogue.say('The set-up was begun before and goes on where it was.');
  if (await machine.volume.isMade()) {
    const passphrase = await openVolume(context, given.answers.unlocking?.passphrase);
    if (passphrase !== undefined) {
      const draft = parseDraft(await machine.secretProgress.read()) ?? open ?? emptyDraft;
      // The volume may have been made just before the power went: then it is its own answer.
      const answered = new Set(draft.answered).add('passphrase');
      return { draft: withAll({ ...draft, answered }, given), passphrase };
    }
  }
  return { draft: withAll(withoutVolume(open ?? emptyDraft), given), passphrase: undefined };
}

/** Who the owner is follows from the code alone, not from what an earlier wizard knew. */
function withAll(draft: Draft, { answers, pairing }: GivenAnswers): Draft {
  const facts = { ...draft.facts, pairedOwner: pairing?.owner };
  return withGiven({ ...draft, facts }, answers);
}

/** A draft whose volume is not there, or not to be opened any more. */
function withoutVolume(draft: Draft): Draft {
  const answered = new Set(draft.answered);
  for (const id of volumeQuestions) answered.delete(id);
  return { ...draft, answered, facts: { ...draft.facts, hasRecoveryKey: false } };
}

/** The passphrase that opened it; `undefined` to make it anew. */
async function openVolume(
  { dialogue, machine }: WizardContext,
  given: string | undefined,
): Promise<string | undefined> {
  if (given === undefined) {
    dialogue.say('The encrypted partition is made already: its passphrase opens what was answered.');
  }
  let candidate = given;
  for (;;) {
    try {
      const secret = candidate ?? (await dialogue.askSecret({ message: 'Passphrase' }));
      candidate = undefined;
      await dialogue.work('Opening the encrypted partition', () => machine.volume.open(secret), {
        canBeCancelled: false,
      });
      return secret;
    } catch (error) {
      if (error instanceof EncroCamError && isEncroCamError(error, 'PASSPHRASE_WRONG', 'VOLUME_UNUSABLE')) {
        dialogue.say(explain(error));
      } else if (!(error instanceof Back)) throw error;
    }
    if (await wantsToStartOver(dialogue)) return undefined;
  }
}

async function wantsToStartOver(dialogue: WizardContext['dialogue']): Promise<boolean> {
  try {
    const next = await dialogue.choose({
      message: 'What now?',
      choices: [
        { value: 'again', label: 'type the passphrase again' },
        {
          value: 'over',
          label: 'make the partition anew; passwords and keys that were answered are asked again',
        },
      ],
    });
    return next === 'over';
  } catch (error) {
    if (error instanceof Back) return false;
    throw error;
  }
}
