/**
 * Which files are past retention, by their names alone, and whether the clock can be trusted to say so.
 *
 * Only a clock that is ahead does harm: it makes everything look old. One that is behind keeps too much for a
 * while. A board without a battery can start with any time, and record under it before the network corrects it.
 */
import { isTreeFileName, parseProofName, recordingOfProof } from '../recordings/companions.ts';
import { parseRecordingName, type RecordingName } from '../recordings/names.ts';
import type { DriveFile } from '../storage/storage.ts';

export const dayMs = 24 * 3600 * 1000;

/** No EncroCam was built before this: a clock that shows less was never set. */
export const earliestPlausibleMs = Date.UTC(2026, 0, 1);

/** Names that say nothing for longer than this make a jump of the clock as likely as a camera that was off. */
export const maxSilenceMs = 2 * dayMs;
/** How long the clock must have gone on steadily after a jump: time for the network to correct it. */
export const steadyMs = dayMs;

export type ClockVerdict =
  | { readonly plausible: true }
  | { readonly plausible: false; readonly reason: string };

/**
 * Whether files may be removed because of their age.
 *
 * @param synchronised the system says that its clock is set by a time server: then that settles it
 * @param names recordings that the clock is held against
 */
export function judgeClock(
  nowMs: number,
  synchronised: boolean,
  names: readonly RecordingName[],
): ClockVerdict {
  if (nowMs < earliestPlausibleMs) {
    return { plausible: false, reason: 'the clock shows a time before this program was made' };
  }
  // Names from the future are of a time when the clock was wrong; they prove nothing about now.
  const past = names.filter((name) => name.startMs <= nowMs).sort((a, b) => b.startMs - a.startMs);
  const newest = past[0];
  if (synchronised || !newest) return { plausible: true };
  if (nowMs - endMs(newest) > maxSilenceMs) {
    return {
      plausible: false,
      reason: `the newest recording ended ${days(nowMs - endMs(newest))} days before what the clock shows`,
    };
  }
  let steadySinceMs = newest.startMs;
  for (const name of past) {
    if (steadySinceMs - endMs(name) > maxSilenceMs && nowMs - steadySinceMs < steadyMs) {
      return {
        plausible: false,
        reason: `the clock went ${days(steadySinceMs - endMs(name))} days ahead less than a day ago`,
      };
    }
    steadySinceMs = Math.min(steadySinceMs, name.startMs);
  }
  return { plausible: true };
}

/** Whether a recording is past retention; never with a retention of 0, which keeps for ever. */
export function isExpired(name: RecordingName, nowMs: number, retentionMs: number): boolean {
  return retentionMs > 0 && endMs(name) < nowMs - retentionMs;
}

/** A file in a camera's directory on disk. */
export interface DiskFile {
  readonly name: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  readonly regular: boolean;
}

export interface DiskRetention {
  readonly nowMs: number;
  readonly retentionMs: number;
  /** `undefined` without a drive: then nothing waits for an upload. */
  readonly drive:
    | { readonly retentionMs: number; readonly confirmedBytes: Readonly<Record<string, number>> }
    | undefined;
  readonly removeUnrecognised: boolean;
}

export interface DiskCleanUp {
  readonly remove: readonly string[];
  /** Past retention, but the drive does not hold them completely. */
  readonly heldBack: readonly string[];
}

/**
 * What to remove from the disk. The newest recording stays whatever its age: it may be the one being written.
 * Recordings that the drive does not hold yet stay as well: a drive that cannot be reached must not cost footage,
 * and a full disk is the recorder's to deal with. They go once the drive would not keep them either.
 */
export function planDiskCleanUp(files: readonly DiskFile[], options: DiskRetention): DiskCleanUp {
  const { nowMs, retentionMs, drive } = options;
  const remove: string[] = [];
  const heldBack: string[] = [];
  const recordings = files.filter((file) => file.regular && parseRecordingName(file.name));
  const newestStartMs = Math.max(...recordings.map((file) => parseRecordingName(file.name)?.startMs ?? 0));
  for (const file of files) {
    if (!file.regular || isCompanion(file.name)) continue;
    const name = parseRecordingName(file.name);
    if (!name) {
      if (options.removeUnrecognised && isOld(file.modifiedMs, nowMs, retentionMs)) remove.push(file.name);
    } else if (name.startMs !== newestStartMs && isExpired(name, nowMs, retentionMs)) {
      const needed = drive && name.conflict === undefined && !isExpired(name, nowMs, drive.retentionMs);
      if (needed && (drive.confirmedBytes[file.name] ?? 0) < file.bytes) heldBack.push(file.name);
      else remove.push(file.name);
    }
  }
  return { remove: [...remove, ...uselessProofs(files, remove, options)], heldBack };
}

/** Proofs go with the recordings that they are of, once the drive has them. Trees stay: they are small, and all proofs can be made of them. */
function uselessProofs(
  files: readonly DiskFile[],
  removed: readonly string[],
  { nowMs, drive }: DiskRetention,
): string[] {
  const gone = new Set(removed);
  const there = new Set(files.map(({ name }) => name).filter((name) => !gone.has(name)));
  return files
    .filter(({ name: fileName, bytes, regular }) => {
      const name = recordingOfProof(fileName);
      if (!regular || !name || there.has(name.fileName)) return false;
      if (!drive || isExpired(name, nowMs, drive.retentionMs)) return true;
      return (drive.confirmedBytes[fileName] ?? 0) >= bytes;
    })
    .map(({ name }) => name);
}

/** Of the ledger's, not somebody's who left it here. */
function isCompanion(fileName: string): boolean {
  return parseProofName(fileName) !== undefined || isTreeFileName(fileName);
}

/** What to remove from the drive; nothing with a retention of 0. */
export function planDriveCleanUp(
  files: readonly DriveFile[],
  options: { nowMs: number; retentionMs: number; removeUnrecognised: boolean },
): string[] {
  const { nowMs, retentionMs } = options;
  if (retentionMs <= 0) return [];
  return files
    .filter((file) => {
      const name = parseRecordingName(file.name) ?? recordingOfProof(file.name);
      if (name) return isExpired(name, nowMs, retentionMs);
      if (isCompanion(file.name)) return false;
      const { modifiedMs } = file;
      return options.removeUnrecognised && modifiedMs !== undefined && isOld(modifiedMs, nowMs, retentionMs);
    })
    .map((file) => file.name);
}

/** Somebody may be working with a file of today, however short the retention is. */
function isOld(modifiedMs: number, nowMs: number, retentionMs: number): boolean {
  return modifiedMs < nowMs - Math.max(retentionMs, dayMs);
}

function endMs(name: RecordingName): number {
  return name.startMs + name.lengthMs;
}

function days(durationMs: number): number {
  return Math.round(durationMs / dayMs);
}
