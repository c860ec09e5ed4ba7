/**
 * What was answered so far, kept after each question, so that nothing is lost however the wizard ends. Two files: the
 * answers without secrets on the root partition, and all of them on the config volume as soon as there is one. The
 * passphrase of the volume is in neither.
 */
import { answersSchema, chosen, resolveNode, type SchemaNode } from '../../runtime/config/schema.ts';
import { ConfigError } from '../../runtime/config/validate.ts';
import { type PartialAnswers, validatePartialAnswers } from '../answers/validate.ts';
import type { Machine } from './machine.ts';

/** Names of the questions; each owns some of the answers. */
export type QuestionId =
  | 'timeZone'
  | 'hostName'
  | 'network'
  | 'account'
  | 'passphrase'
  | 'recoveryKey'
  | 'signing'
  | 'ownerKeys'
  | 'cameras'
  | 'storage'
  | 'monitor'
  | 'retention';

/** What was measured on the way; later questions use it. */
export interface Facts {
  /** Of all cameras together. */
  readonly videoBytesPerSecond?: number | undefined;
  readonly uploadBytesPerSecond?: number | undefined;
  readonly hasRecoveryKey?: boolean | undefined;
  /** Address of the owner whose code the camera took: who can watch without an OpenPGP key. */
  readonly pairedOwner?: string | undefined;
}

export interface Draft {
  readonly answers: PartialAnswers;
  readonly answered: ReadonlySet<QuestionId>;
  readonly facts: Facts;
}

/** Which question fills an answer in; what no question asks for can only come from a file. */
export const questionOf: Readonly<Record<string, QuestionId>> = {
  timeZone: 'timeZone',
  hostName: 'hostName',
  network: 'network',
  account: 'account',
  signing: 'signing',
  owner: 'ownerKeys',
  cameras: 'cameras',
  storage: 'storage',
  monitor: 'monitor',
  recordings: 'retention',
};

export const emptyDraft: Draft = { answers: {}, answered: new Set(), facts: {} };

const version = 1;

interface Stored {
  readonly version: typeof version;
  readonly answered: readonly QuestionId[];
  readonly facts: Facts;
  readonly answers: Record<string, unknown>;
  /** Answers that are not whole here, because a part of them is secret. */
  readonly withheld: readonly string[];
}

/** Writes both files; the second only while the volume is open. */
export async function saveDraft(
  machine: Pick<Machine, 'progress' | 'secretProgress'>,
  draft: Draft,
  isVolumeOpen: boolean,
): Promise<void> {
  const { unlocking: _, ...answers } = draft.answers;
  const all: Stored = {
    version,
    answered: [...draft.answered],
    facts: draft.facts,
    answers,
    withheld: [],
  };
  // First where everything is: the other file never knows more.
  if (isVolumeOpen) await machine.secretProgress.write(`${JSON.stringify(all)}\n`);
  await machine.progress.write(`${JSON.stringify(withoutSecrets(all))}\n`);
}

function withoutSecrets(all: Stored): Stored {
  const withheld: string[] = [];
  const answers = Object.fromEntries(
    Object.entries(all.answers).map(([name, value]) => {
      const open = strip(value, answersSchema.properties?.[name]);
      if (open.removed) withheld.push(name);
      return [name, open.value];
    }),
  );
  return { ...all, answers, withheld };
}

/** The value without what the schema calls secret, and whether there was any. */
function strip(value: unknown, raw: SchemaNode | undefined): { value: unknown; removed: boolean } {
  const resolved = raw && resolveNode(raw);
  if (resolved?.secret || hasCredentials(value)) return { value: undefined, removed: true };
  const node = resolved && chosen(resolved, value);
  if (Array.isArray(value)) {
    const items = value.map((item) => strip(item, node?.items));
    return { value: items.map((item) => item.value), removed: items.some((item) => item.removed) };
  }
  if (typeof value !== 'object' || value === null) return { value, removed: false };
  let removed = false;
  const kept: [string, unknown][] = [];
  for (const [name, child] of Object.entries(value)) {
    const stripped = strip(child, node?.properties?.[name]);
    removed ||= stripped.removed;
    if (stripped.value !== undefined) kept.push([name, stripped.value]);
  }
  return { value: Object.fromEntries(kept), removed };
}

/** The address of a network camera may hold its password. */
function hasCredentials(value: unknown): boolean {
  return typeof value === 'string' && /:\/\/[^\s/@]+@/.test(value);
}

/** A draft from one of the files. What is not whole, or no longer valid, is asked again. */
export function parseDraft(text: string | undefined): Draft | undefined {
  const stored = text === undefined ? undefined : parseStored(text);
  if (!stored) return undefined;
  const answered = new Set(stored.answered);
  let answers: PartialAnswers = {};
  for (const [name, value] of Object.entries(stored.answers)) {
    const valid = stored.withheld.includes(name) ? undefined : validOrNothing(name, value);
    if (valid) answers = { ...answers, ...valid };
    else {
      const question = questionOf[name];
      if (question) answered.delete(question);
    }
  }
  return { answers, answered, facts: stored.facts };
}

function parseStored(text: string): Stored | undefined {
  let value: Partial<Stored> | null;
  try {
    value = JSON.parse(text) as Partial<Stored> | null;
  } catch {
    // Files are replaced as a whole: this is not ours, as if there were none.
    return undefined;
  }
  if (value?.version !== version || typeof value.answers !== 'object' || value.answers === null)
    return undefined;
  const { answered, facts = {}, withheld = [] } = value;
  if (!Array.isArray(answered) || !Array.isArray(withheld)) return undefined;
  return { version, answered, facts, withheld, answers: value.answers };
}

function validOrNothing(name: string, value: unknown): PartialAnswers | undefined {
  try {
    return validatePartialAnswers({ [name]: value });
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** The draft with answers that came from a file, where there are none yet. */
export function withGiven(draft: Draft, given: PartialAnswers): Draft {
  const answered = new Set(draft.answered);
  for (const name of Object.keys(given)) {
    const question = questionOf[name];
    if (question && !(name in draft.answers)) answered.add(question);
  }
  return { ...draft, answered, answers: { ...given, ...draft.answers } };
}
