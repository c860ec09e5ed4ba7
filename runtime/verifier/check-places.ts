/** Checks all that `encrocam verify` was given, one file after the other: what cannot be read is told, and hides nothing of the rest. */
import path from 'node:path';
import type { Key } from 'openpgp';
import type { CommandArguments } from '../commands.ts';
import { isEncroCamError, messageOf } from '../errors.ts';
import { fingerprintOf } from '../pgp/keys.ts';
import { findInputs, type Input } from '../viewer/inputs.ts';
import { processScreen } from '../viewer/progress.ts';
import type { Shelf } from '../viewer/shelf.ts';
import { wholeRange } from '../viewer/time.ts';
import { type CheckedFile, checkFile } from './check-file.ts';
import { ReadingProgress } from './progress.ts';
import { type Verification, verificationOf } from './report.ts';

export interface Verified {
  readonly verifications: readonly Verification[];
  readonly shelves: readonly Shelf[];
  /** Whether any place was a directory. */
  readonly isWhole: boolean;
}

/** What is judged together: a directory, or files of one directory. */
interface Group {
  readonly places: string[];
  readonly files: CheckedFile[];
  /** When the last one was read: the newest of them is. */
  readMs: number;
}

/**
 * Files of one directory that are named by themselves, as a shell does for `DIR/*`, are checked as the directory is: each by itself would not
 * show what is missing between them.
 * @param mayBeEmpty whether somebody else, as a chain, tells of recordings that are not there
 */
export async function checkPlaces(
  places: readonly string[],
  trusted: Key,
  args: CommandArguments,
  mayBeEmpty: boolean,
): Promise<Verified> {
  const groups = new Map<string, Group>();
  const shelves: Shelf[] = [];
  let isWhole = false;
  const progress = new ReadingProgress(processScreen());
  for (const [index, place] of places.entries()) {
    const found = await findInputs(place, wholeRange, args, { mayBeEmpty, withCopies: true });
    const { inputs, isDirectory, shelves: beside, fileIn, close } = found;
    isWhole ||= isDirectory;
    shelves.push(...beside);
    try {
      const key = fileIn === undefined ? `${index}` : `in ${fileIn}`;
      const group = groups.get(key) ?? { places: [], files: [], readMs: 0 };
      groups.set(key, group);
      group.places.push(place);
      for await (const input of inputs) {
        const name = `${place.replace(/\/$/, '')}/${input.recording?.fileName ?? ''}`;
        group.files.push(await checkInput(input, { trusted, progress, ...(isDirectory ? { name } : {}) }));
        group.readMs = Date.now();
      }
    } finally {
      progress.end();
      await close();
    }
  }
  const verifications = [...groups.values()].map(({ places: together, files, readMs }) =>
    verificationOf(nameOf(together), fingerprintOf(trusted), files, readMs),
  );
  return { verifications, shelves, isWhole };
}

/** Of several files of one directory, that. */
function nameOf(places: readonly string[]): string {
  const [first = ''] = places;
  return places.length === 1 ? first : path.posix.dirname(first);
}

interface CheckOptions {
  readonly trusted: Key;
  readonly progress: ReadingProgress;
  /** Of an entry of a directory, which nobody asked for by itself. */
  readonly name?: string;
}

/** What was read before it could not be read any more counts. */
async function checkInput(input: Input, { trusted, progress, name }: CheckOptions): Promise<CheckedFile> {
  let unreadable: string | undefined;
  const tell = (error: unknown): void => {
    if (!isEncroCamError(error, 'INPUT_UNREADABLE', 'STORAGE_REFUSED')) throw error;
    unreadable = messageOf(error);
  };
  try {
    const source = await input.open();
    const readable = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* progress.read(source, input);
      } catch (error) {
        tell(error);
      }
    };
    try {
      const checked = await checkFile(source.name, readable(), trusted);
      return unreadable === undefined ? checked : { ...checked, unreadable };
    } finally {
      await source.close();
    }
  } catch (error) {
    if (name === undefined) throw error;
    tell(error);
    return {
      name,
      version: undefined,
      runs: [],
      skippedBytes: 0,
      cutBytes: 0,
      repeatedRuns: 0,
      unreadable: messageOf(error),
    };
  }
}
