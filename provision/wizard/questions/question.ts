/** A question of the wizard: data, and a function that asks. What it changes is returned, never done to the draft. */

import { answersSchema, nodeAt } from '../../../runtime/config/schema.ts';
import { ConfigError } from '../../../runtime/config/validate.ts';
import { EncroCamError, messageOf } from '../../../runtime/errors.ts';
import type { Answers } from '../../answers/types.ts';
import { type PartialAnswers, validatePartialAnswers } from '../../answers/validate.ts';
import type { Dialogue, Verdict } from '../dialogue/dialogue.ts';
import type { Machine } from '../machine.ts';
import type { Draft, Facts, QuestionId } from '../progress.ts';

export interface Question {
  readonly id: QuestionId;
  readonly title: string;
  /** Why it is asked. */
  readonly why: string;
  /** Whether it makes sense here; it does if this is missing. */
  isAsked?(context: QuestionContext): boolean | Promise<boolean>;
  ask(context: QuestionContext): Promise<Change>;
  /** What was answered, in a few words and without secrets. */
  summary(draft: Draft): string;
}

export interface QuestionContext {
  readonly dialogue: Dialogue;
  readonly machine: Machine;
  readonly draft: Draft;
  /** Of the config volume, once it is made. */
  readonly passphrase: string | undefined;
}

export interface Change {
  readonly answers?: PartialAnswers;
  /** Answers that are no longer there. */
  readonly without?: readonly (keyof Answers)[];
  readonly facts?: Facts;
  readonly passphrase?: string;
  /** Questions whose answers follow from this one. */
  readonly reopens?: readonly QuestionId[];
}

/**
 * What the schema says about one setting having this value, as a sentence for whoever typed it.
 * @param setting as in `network.wifi.country`.
 * @param beside other settings that decide which rules hold (the driver of a storage).
 */
export function checkSetting(setting: string, value: unknown, beside: Record<string, unknown> = {}): Verdict {
  const segments = setting.split('.');
  const answers: Record<string, unknown> = structuredClone(beside);
  let object = answers;
  for (const segment of segments.slice(0, -1)) {
    const below = (object[segment] ?? {}) as Record<string, unknown>;
    object[segment] = below;
    object = below;
  }
  object[segments.at(-1) ?? ''] = value;
  try {
    validatePartialAnswers(answers);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problem = error.problems.find(
      (one) => one.setting === setting || one.setting.startsWith(`${setting}[`),
    );
    if (!problem) return undefined;
    return `Expected ${problem.expected}.${problem.hint ? ` ${problem.hint}.` : ''}`;
  }
}

/** The schema's own words about a setting. */
export function describeSetting(setting: string, beside: Record<string, unknown> = {}): string {
  return nodeAt(setting.split('.'), beside, answersSchema)?.description ?? '';
}

/** An error for a person: what and what to do. Defects are thrown on. */
export function explain(error: unknown): string {
  if (!(error instanceof EncroCamError)) throw error;
  return error.hint ? `${messageOf(error)}\n${error.hint}` : messageOf(error);
}

/** A fingerprint in groups, as people compare it. */
export function groupFingerprint(fingerprint: string): string {
  return fingerprint.match(/.{1,4}/g)?.join(' ') ?? fingerprint;
}
