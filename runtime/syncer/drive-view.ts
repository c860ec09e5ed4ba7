/**
 * A camera's directory on the drive as it was listed, kept up to date with what was done since. Only names of
 * recordings are in it, and sizes that can be: whatever else a drive tells is not acted upon.
 */
import { parseRecordingName } from '../recordings/names.ts';
import { type DriveFile, maxFileBytes } from '../storage/storage.ts';
import type { Recording } from './ledger.ts';

export interface Missing {
  readonly recording: Recording;
  /** Of its copy on the drive. */
  readonly fileName: string;
}

export class DriveView {
  readonly #sizes = new Map<string, number>();

  get sizes(): ReadonlyMap<string, number> {
    return this.#sizes;
  }

  /**
   * Enters a listing and forgets what it contradicts.
   * @returns recordings that the drive had confirmed to hold, and the names that are not listed any more
   */
  enter(listing: readonly DriveFile[], recordings: readonly Recording[]): readonly Missing[] {
    const missing: Missing[] = [];
    this.#sizes.clear();
    for (const { name, sizeBytes } of listing) {
      if (parseRecordingName(name)) this.set(name, sizeBytes);
    }
    for (const recording of recordings) {
      for (const name of recording.mismatched) {
        if (!this.#sizes.has(name)) recording.mismatched.delete(name);
      }
      const { copy } = recording;
      if (copy.kind === 'known' || copy.kind === 'ahead') {
        const { fileName } = copy.target;
        if (recording.confirmedBytes > 0 && !this.#sizes.has(fileName)) missing.push({ recording, fileName });
      }
      if (copy.kind === 'given-up') recording.copy = { kind: 'unknown' };
      const size =
        copy.kind === 'known' || copy.kind === 'ahead' ? (this.#sizes.get(copy.target.fileName) ?? 0) : 0;
      if (copy.kind === 'ahead' && size <= copy.localBytes) {
        recording.copy = { kind: 'unknown' };
        recording.confirmedBytes = 0;
      }
      if (copy.kind !== 'known') continue;
      if (size === copy.bytes) continue;
      recording.copy = { kind: 'unknown' };
      if (size < recording.confirmedBytes) recording.confirmedBytes = 0;
    }
    return missing;
  }

  set(fileName: string, sizeBytes: number | undefined): void {
    if (sizeBytes === undefined) this.#sizes.delete(fileName);
    // A size that cannot be is kept as one that no local file has: the name is taken and never appended to.
    else this.#sizes.set(fileName, isPossible(sizeBytes) ? sizeBytes : Number.POSITIVE_INFINITY);
  }
}

function isPossible(sizeBytes: number): boolean {
  return Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= maxFileBytes;
}
