/**
 * What to do next, as functions of what is known: which copy of a recording on the drive to go on with, and which
 * recording comes first. Nothing here reads a file or talks to a drive.
 */
import { randomInt } from 'node:crypto';
import {
  conflictName,
  maxConflict,
  parseRecordingName,
  type RecordingName,
  recordingSuffix,
} from '../recordings/names.ts';

/**
 * Most copies that one recording gets beside files with other bytes, as long as the syncer runs. Each was made here and is another
 * one now: a drive that alters whatever it is given would otherwise be filled with copies.
 */
export const maxCopiesMade = 16;
/**
 * Most files of one recording that are compared before another copy is made. Whoever can make files on the drive can make
 * thousands under its names, and each costs round trips.
 */
export const maxCompared = 64;

/** What is known of a recording's copy on the drive. */
export type DriveCopy =
  | { readonly kind: 'unknown' }
  /**
   * The drive's file `target` was sent `bytes` bytes, all equal to the local ones. `session` is the connection
   * in which that was seen: in a later one the file is compared again before anything is appended.
   */
  | {
      readonly kind: 'known';
      readonly target: RecordingName;
      readonly bytes: number;
      readonly session: number;
    }
  /**
   * The drive's file begins with all `localBytes` of the local one and goes on: a power cut took from the disk what
   * had been sent already. Nothing is missing there, and nothing is appended.
   */
  | { readonly kind: 'ahead'; readonly target: RecordingName; readonly localBytes: number }
  /** So many copies were made, and all hold other bytes now. */
  | { readonly kind: 'given-up' };

export type CopyPlan =
  /** The drive has nothing by this name: append from the first byte. */
  | { readonly kind: 'create'; readonly target: RecordingName }
  /** The drive has a file that may be the beginning of this recording: compare, then append or ask again. */
  | { readonly kind: 'compare'; readonly target: RecordingName; readonly bytes: number }
  /** The drive has a file that holds more than the local one: see whether it holds that, too. */
  | { readonly kind: 'longer'; readonly target: RecordingName }
  | { readonly kind: 'give-up' };

/** What is known of one recording's files on the drive. */
export interface CopiesSeen {
  /** Sizes of the drive's files, as the drive tells them. */
  readonly drive: ReadonlyMap<string, number>;
  /** Names that were compared and hold other bytes. */
  readonly mismatched: ReadonlySet<string>;
  /** Names that this syncer began under. */
  readonly made: ReadonlySet<string>;
}

/**
 * Which file on the drive to go on with. Copies that exist come first, so that a conflict copy made earlier is
 * continued instead of making another. A file longer than the local one is never offered for comparison.
 *
 * Names that others took count for nothing: the first conflict name is 1, and each other one is drawn, so that nobody can take
 * all of them beforehand.
 *
 * @param draw a random conflict number
 */
export function planCopy(
  name: RecordingName,
  localBytes: number,
  { drive, mismatched, made }: CopiesSeen,
  draw: () => number = drawConflict,
): CopyPlan {
  const copies = conflictCopies(name, drive);
  const isOpen = ({ fileName }: RecordingName): boolean => !mismatched.has(fileName);
  const own = drive.has(name.fileName) ? [name] : [];
  if (mismatched.size < maxCompared) {
    const [target] = [...own, ...inOrder(copies, drive, localBytes, made)].filter(isOpen);
    const bytes = target && drive.get(target.fileName);
    if (target && bytes !== undefined) {
      return bytes > localBytes ? { kind: 'longer', target } : { kind: 'compare', target, bytes };
    }
  }
  if (own.length === 0) return { kind: 'create', target: name };
  if ([...made].filter((fileName) => mismatched.has(fileName)).length >= maxCopiesMade)
    return { kind: 'give-up' };
  if (copies.length === 0) return { kind: 'create', target: conflictName(name, 1) };
  for (;;) {
    const target = conflictName(name, draw());
    if (!drive.has(target.fileName)) return { kind: 'create', target };
  }
}

function drawConflict(): number {
  return randomInt(2, maxConflict);
}

function conflictCopies(name: RecordingName, drive: ReadonlyMap<string, number>): RecordingName[] {
  const beginning = name.fileName.slice(0, -recordingSuffix.length);
  return [...drive.keys()]
    .filter((fileName) => fileName.startsWith(beginning) && fileName !== name.fileName)
    .map(parseRecordingName)
    .filter((copy) => copy !== undefined);
}

/** Those made here first, then the largest that may be a beginning: nobody takes thousands of names with much under each. */
function inOrder(
  copies: readonly RecordingName[],
  drive: ReadonlyMap<string, number>,
  localBytes: number,
  made: ReadonlySet<string>,
): RecordingName[] {
  const weight = ({ fileName }: RecordingName): number => {
    const bytes = drive.get(fileName) ?? 0;
    if (made.has(fileName)) return Number.POSITIVE_INFINITY;
    return bytes > localBytes ? -bytes : bytes;
  };
  return copies
    .map((copy) => ({ copy, weight: weight(copy) }))
    .sort((one, other) => (other.weight > one.weight ? 1 : other.weight < one.weight ? -1 : 0))
    .map(({ copy }) => copy);
}

/** What {@link nextJob} needs to know of a recording on disk. */
export interface RecordingStatus {
  readonly name: RecordingName;
  readonly localBytes: number;
  readonly copy: DriveCopy;
}

export interface Job<Recording extends RecordingStatus> {
  /** `verify`: find out what the drive holds. `upload`: append what it lacks. */
  readonly kind: 'verify' | 'upload';
  readonly recording: Recording;
}

/**
 * The newest recording comes first: it is the one that is being written, and the one that is lost with a stolen
 * camera. Then the others from the oldest on: the oldest is the first that a full disk costs.
 *
 * @param recordings on disk, from the oldest to the newest
 * @param wanted false for recordings that the drive would remove again at once
 */
export function nextJob<Recording extends RecordingStatus>(
  recordings: readonly Recording[],
  session: number,
  wanted: (name: RecordingName) => boolean,
): Job<Recording> | undefined {
  const newest = recordings.at(-1);
  if (!newest) return undefined;
  for (const recording of [newest, ...recordings]) {
    const kind = wanted(recording.name) ? due(recording, session) : undefined;
    if (kind) return { kind, recording };
  }
  return undefined;
}

function due(
  { copy, localBytes }: RecordingStatus,
  session: number,
): Job<RecordingStatus>['kind'] | undefined {
  switch (copy.kind) {
    case 'given-up':
      return undefined;
    case 'ahead':
      return localBytes === copy.localBytes ? undefined : 'verify';
    case 'unknown':
      // Nothing can be said of an empty recording, and an upload of nothing fails on some servers.
      return localBytes > 0 ? 'verify' : undefined;
    case 'known':
      if (localBytes === copy.bytes) return undefined;
      // Shorter than what was sent: the local file was cut, so what the drive holds is no longer its beginning.
      return localBytes < copy.bytes || copy.session !== session ? 'verify' : 'upload';
  }
}

const minSliceBytes = 64 * 1024;
const maxSliceBytes = 16 * 1024 * 1024;

/**
 * How much of an older recording to send before the newest is looked at again: as much as the last slice says
 * takes a second, so that live video waits no longer than that on a slow line. It changes by a factor of four at
 * most, so that one odd measurement does little.
 */
export function nextSliceBytes(sliceBytes: number, sentBytes: number, tookMs: number): number {
  // A slice that the file's end cut short says little about the line.
  if (sentBytes < sliceBytes / 2) return sliceBytes;
  const perSecond = (sentBytes * 1000) / Math.max(tookMs, 1);
  const bounded = Math.min(Math.max(perSecond, sliceBytes / 4), sliceBytes * 4);
  return Math.round(Math.min(Math.max(bounded, minSliceBytes), maxSliceBytes));
}

export const firstSliceBytes = 1024 * 1024;
