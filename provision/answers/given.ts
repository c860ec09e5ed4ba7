/**
 * What the owner left for the set-up to take over: by a pairing code, in `encrocam.json` on the boot partition, whole or
 * in part, and by Raspberry Pi Imager. The first of these goes first where several say something.
 */
import type { PairingMessage } from '../../ledger/pairing/message.ts';
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { placeOfMistake } from '../json-place.ts';
import { readKept } from '../pairing/kept.ts';
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
  /** What the owner told the camera by a code, and is not set up yet. */
  readonly pairing?: PairingMessage;
}

export async function readGivenAnswers(
  system: System,
  bootDirectory: string | undefined,
): Promise<GivenAnswers> {
  const left = await readBootAnswers(system, bootDirectory);
  const pairing = await readKept(system);
  if (!pairing) return left;
  // It was checked before it was taken.
  const said = validatePartialAnswers(pairing.answers ?? {}, 'The pairing message');
  return {
    ...left,
    pairing,
    answers: { ...left.answers, ...said },
    notes: [...left.notes, taken(`the pairing with ${pairing.owner}`, said)],
  };
}

async function readBootAnswers(system: System, bootDirectory: string | undefined): Promise<GivenAnswers> {
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
  return `Taken over from ${source}: ${Object.keys(answers).join(', ') || 'no answers'}.`;
}
