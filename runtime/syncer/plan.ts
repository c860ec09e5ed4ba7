/**
 * What to do next, as functions of what is known: which copy of a recording on the drive to go on with, and which
 * recording comes first. Nothing here reads a file or talks to a drive.
 */
import { conflictName, type RecordingName } from '../recordings/names.ts';

/**
 * Most copies under a conflict name that one recording gets. Each exists because the ones before it hold other
 * bytes; a drive that alters whatever it is given would otherwise be filled with copies.
 */
export const maxConflictCopies = 16;

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
  /** Every name that may be used is taken by other bytes. */
  | { readonly kind: 'given-up' };

export type CopyPlan =
  /** The drive has nothing by this name: append from the first byte. */
  | { readonly kind: 'create'; readonly target: RecordingName }
  /** The drive has a file that may be the beginning of this recording: compare, then append or ask again. */
  | { readonly kind: 'compare'; readonly target: RecordingName; readonly bytes: number }
  /** The drive has a file that holds more than the local one: see whether it holds that, too. */
  | { readonly kind: 'longer'; readonly target: RecordingName }
  | { readonly kind: 'give-up' };

/**
 * Which file on the drive to go on with. Copies that exist come first, so that a conflict copy made earlier is
 * continued instead of making another. A file longer than the local one is never offered for comparison.
 *
 * @param drive sizes of the drive's files, as the drive tells them
 * @param mismatched names that were compared and hold other bytes
 */
export function planCopy(
  name: RecordingName,
  localBytes: number,
  drive: ReadonlyMap<string, number>,
  mismatched: ReadonlySet<string>,
): CopyPlan {
  let free: RecordingName | undefined;
  for (let conflict = 0; conflict <= maxConflictCopies; conflict++) {
    const target = conflict === 0 ? name : conflictName(name, conflict);
    const bytes = drive.get(target.fileName);
    if (bytes === undefined) free ??= target;
    else if (mismatched.has(target.fileName)) continue;
    else return bytes > localBytes ? { kind: 'longer', target } : { kind: 'compare', target, bytes };
  }
  return free ? { kind: 'create', target: free } : { kind: 'give-up' };
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
