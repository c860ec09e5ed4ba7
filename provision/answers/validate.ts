/**
 * Checks answers, by the same schema and with the same messages as a configuration: complete ones (a file that sets
 * up a camera by itself) and partial ones (what Raspberry Pi Imager wrote, a file that leaves some to the wizard, what
 * the wizard has so far). It looks at the values alone: whether a key can be fetched or a drive reached is not asked.
 */
import { type ConfigProblem, schemaProblems, show, unique } from '../../runtime/config/problems.ts';
import { answersSchema } from '../../runtime/config/schema.ts';
import { ConfigError, cameraProblems } from '../../runtime/config/validate.ts';
import type { Answers } from './types.ts';
import validateAgainstSchema from './validator.ts';

/** Some of the answers; each that is there is whole and has its defaults. */
export type PartialAnswers = Partial<Answers>;

export interface AnswersOptions {
  /** Whether an owner was paired with the camera, who needs no OpenPGP key to watch. Default: no. */
  readonly isPaired?: boolean;
}

const reference = 'docs/ref/answers.md';

const noOwner: ConfigProblem = {
  setting: 'owner',
  expected: 'Who can watch.',
  found: 'nothing',
  hint: undefined,
};

/**
 * Checks complete answers and returns them with all defaults filled in. The argument is not changed.
 * @throws {ConfigError} `CONFIG_INVALID` with every problem that was found; no secret is part of it.
 */
export function validateAnswers(
  value: unknown,
  source = 'The answers file',
  { isPaired = false }: AnswersOptions = {},
): Answers {
  const answers: unknown = structuredClone(value);
  const problems = schemaProblems(validateAgainstSchema, answersSchema, answers);
  if (problems.length === 0) problems.push(...crossCheck(answers as Answers));
  if (!isPaired && (answers as PartialAnswers | null)?.owner === undefined) problems.push(noOwner);
  if (problems.length > 0) throw new ConfigError(source, unique(problems), reference);
  return answers as Answers;
}

/**
 * Checks the answers that are there. What is missing stays missing: only inside what was answered are defaults
 * filled in.
 * @throws {ConfigError} `CONFIG_INVALID` with every problem that was found; no secret is part of it.
 */
export function validatePartialAnswers(value: unknown, source = 'The answers file'): PartialAnswers {
  const answers: unknown = structuredClone(value);
  const required = new Set(answersSchema.required);
  const problems = schemaProblems(validateAgainstSchema, answersSchema, answers).filter(
    ({ setting, found }) => !(required.has(setting) && found === 'nothing'),
  );
  if (problems.length === 0) problems.push(...crossCheck(answers as PartialAnswers));
  if (problems.length > 0) throw new ConfigError(source, unique(problems), reference);
  const given = new Set(Object.keys(value as object));
  return Object.fromEntries(
    Object.entries(answers as PartialAnswers).filter(([name]) => given.has(name)),
  ) as PartialAnswers;
}

/** Names of the answers that are still missing and have no default, in the schema's order. */
export function missingAnswers(answers: PartialAnswers, { isPaired = false }: AnswersOptions = {}): string[] {
  const required = new Set([...(answersSchema.required ?? []), ...(isPaired ? [] : ['owner'])]);
  return Object.keys(answersSchema.properties ?? {}).filter(
    (name) => required.has(name) && !(name in answers),
  );
}

/** What a schema cannot say. */
function crossCheck(answers: PartialAnswers): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (answers.timeZone !== undefined && !isTimeZone(answers.timeZone)) {
    problems.push({
      setting: 'timeZone',
      expected: 'a time zone by its name in the IANA data base',
      found: show(answers.timeZone),
      hint: 'Names are like Europe/Berlin; they are listed by: timedatectl list-timezones',
    });
  }
  if (answers.cameras) problems.push(...cameraProblems(answers.cameras));
  return problems;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // Offsets like +01:00 are accepted there, and are no file in the time zone data base.
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}
