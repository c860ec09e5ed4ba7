/**
 * What the owner left on the boot partition for the set-up to take over: `encrocam.json`, whole or in part, and what
 * Raspberry Pi Imager wrote. The former goes first where both say something: it was written for this.
 */
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { placeOfMistake } from '../json-place.ts';
import { answersFile } from '../steps/boot-partition.ts';
import type { System } from '../system.ts';
import { cloudInitAnswers } from './cloud-init.ts';
import { type PartialAnswers, validatePartialAnswers } from './validate.ts';

export interface GivenAnswers {
  readonly answers: PartialAnswers;
  /** Where they came from and what was left out, for people; no secret is part of it. */
  readonly notes: readonly string[];
  /** Why nothing of `encrocam.json` was taken over, if it is there and wrong. */
  readonly refusal?: EncroCamError;
}

export async function readGivenAnswers(
  system: System,
  bootDirectory: string | undefined,
): Promise<GivenAnswers> {
  if (bootDirectory === undefined) return { answers: {}, notes: [] };
  const imager = cloudInitAnswers({
    userData: await system.readText(`${bootDirectory}/user-data`),
    networkConfig: await system.readText(`${bootDirectory}/network-config`),
  });
  const notes = [...imager.notes];
  if (Object.keys(imager.answers).length > 0) notes.push(taken('Raspberry Pi Imager', imager.answers));
  const text = await system.readText(`${bootDirectory}/${answersFile}`);
  if (text === undefined) return { answers: imager.answers, notes };
  try {
    const file = validatePartialAnswers(parse(text), answersFile);
    notes.push(taken(answersFile, file));
    return { answers: { ...imager.answers, ...file }, notes };
  } catch (error) {
    if (!isEncroCamError(error)) throw error;
    notes.push(`${error.message}\nNothing of it was taken over.`);
    return { answers: imager.answers, notes, refusal: error };
  }
}

function parse(text: string): unknown {
  try {
    // Windows editors put a mark in front.
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    // The parser's own message may quote a password.
    throw new EncroCamError(
      'CONFIG_INVALID',
      `${answersFile} is not JSON: look at ${placeOfMistake(text)}.`,
      {
        hint: 'A missing comma, quote or bracket is the usual cause.',
      },
    );
  }
}

function taken(source: string, answers: PartialAnswers): string {
  return `Taken over from ${source}: ${Object.keys(answers).join(', ')}.`;
}
