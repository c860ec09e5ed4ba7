/** Decides which recordings make room when the disk, or the share of it that was granted, is full. Pure. */

export interface StoredRecording {
  readonly path: string;
  readonly sizeBytes: number;
  readonly startMs: number;
  /** Whether it may go: nobody writes it, and the drive holds all of it (or there is no drive). */
  readonly removable: boolean;
}

export interface SpaceQuestion {
  readonly recordings: readonly StoredRecording[];
  readonly freeBytes: number;
  readonly keepFreeBytes: number;
  readonly budgetBytes: number | undefined;
  /** Removing goes on until this much more than needed is free, so that it is not for every packet. */
  readonly headroomBytes: number;
}

export interface SpaceAnswer {
  /** Oldest first. */
  readonly remove: readonly StoredRecording[];
  /** What is lacking after that: nothing may be written while it is more than 0. */
  readonly lackingBytes: number;
}

export function decideSpace(question: SpaceQuestion): SpaceAnswer {
  const { recordings, freeBytes, keepFreeBytes, budgetBytes, headroomBytes } = question;
  const usedBytes = recordings.reduce((sum, recording) => sum + recording.sizeBytes, 0);
  const lacking = (removedBytes: number): number =>
    Math.max(
      0,
      keepFreeBytes - (freeBytes + removedBytes),
      budgetBytes === undefined ? 0 : usedBytes - removedBytes - budgetBytes,
    );
  if (lacking(0) === 0) return { remove: [], lackingBytes: 0 };

  const remove: StoredRecording[] = [];
  let removedBytes = 0;
  const oldestFirst = recordings
    .filter((recording) => recording.removable)
    .sort((a, b) => a.startMs - b.startMs || (a.path < b.path ? -1 : 1));
  for (const recording of oldestFirst) {
    // The headroom belongs to the need: below it, there is none.
    if (lacking(removedBytes - headroomBytes) === 0) break;
    remove.push(recording);
    removedBytes += recording.sizeBytes;
  }
  return { remove, lackingBytes: lacking(removedBytes) };
}

/** Room that is made beyond the need: a sixteenth of what is kept free, at least 1 MB. */
export function headroomBytes(keepFreeBytes: number): number {
  return Math.max(1_000_000, keepFreeBytes / 16);
}
