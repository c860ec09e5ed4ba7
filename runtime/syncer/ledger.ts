/**
 * The recordings of one camera on this disk, and what is known of their copies on the drive. It reads the
 * directory and sizes, nothing else; `camera-sync.ts` enters what the drive holds.
 *
 * Changes are noted from anywhere with {@link Ledger.changed} and applied by one caller of {@link Ledger.update}
 * at a time: two looks at one growing file that overtake each other would make it shrink.
 */
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { parseRecordingName, type RecordingName } from '../recordings/names.ts';
import type { DriveCopy } from './plan.ts';

export interface Recording {
  readonly name: RecordingName;
  localBytes: number;
  copy: DriveCopy;
  /** Bytes from the beginning that the drive has confirmed to hold. */
  confirmedBytes: number;
  /** The last bytes before `copy.bytes`, at most `seamBytes` of them: see `upload.ts`. */
  seam: Uint8Array;
  /** Names on the drive that hold other bytes. */
  readonly mismatched: Set<string>;
  /** Names on the drive that this syncer began under. */
  readonly made: Set<string>;
}

export interface Backlog {
  readonly bytes: number;
  readonly files: number;
}

export class Ledger {
  readonly directory: string;
  /** Bytes by which recordings were seen to grow since the start; it never falls. */
  grownBytes = 0;
  readonly #recordings = new Map<string, Recording>();
  #sorted: readonly Recording[] | undefined;
  #changed = new Set<string>();
  #rescan = true;
  #scanned = false;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** From the oldest to the newest. */
  get recordings(): readonly Recording[] {
    this.#sorted ??= [...this.#recordings.values()].sort(
      (a, b) => a.name.startMs - b.name.startMs || a.name.lengthMs - b.name.lengthMs,
    );
    return this.#sorted;
  }

  get newest(): Recording | undefined {
    return this.recordings.at(-1);
  }

  has(recording: Recording): boolean {
    return this.#recordings.get(recording.name.fileName) === recording;
  }

  /** Notes that a file may have changed, appeared or gone; without a name, that any may have. */
  changed(fileName?: string): void {
    if (fileName === undefined) this.#rescan = true;
    else this.#changed.add(fileName);
  }

  /** Looks at what was noted since the last time. */
  async update(): Promise<void> {
    const names = this.#changed;
    this.#changed = new Set();
    if (this.#rescan) {
      this.#rescan = false;
      for (const name of await readNames(this.directory)) names.add(name);
      for (const name of this.#recordings.keys()) names.add(name);
    }
    for (const name of names) await this.#look(name);
    this.#scanned = true;
  }

  async #look(fileName: string): Promise<void> {
    const name = parseRecordingName(fileName);
    // A conflict name is what the drive's other copy is called; on disk nobody writes one.
    if (!name || name.conflict !== undefined) return;
    const bytes = await sizeOf(path.join(this.directory, fileName));
    const known = this.#recordings.get(fileName);
    if (bytes === undefined) {
      if (this.#recordings.delete(fileName)) this.#sorted = undefined;
    } else if (known) {
      this.grew(known, bytes);
    } else {
      if (this.#scanned) this.grownBytes += bytes;
      this.#recordings.set(fileName, newRecording(name, bytes));
      this.#sorted = undefined;
    }
  }

  /** Enters a recording's size on disk. */
  grew(recording: Recording, localBytes: number): void {
    this.grownBytes += Math.max(0, localBytes - recording.localBytes);
    recording.localBytes = localBytes;
  }

  backlog(wanted: (name: RecordingName) => boolean): Backlog {
    let [bytes, files] = [0, 0];
    for (const { name, localBytes, confirmedBytes } of this.#recordings.values()) {
      if (localBytes <= confirmedBytes || !wanted(name)) continue;
      bytes += localBytes - confirmedBytes;
      files += 1;
    }
    return { bytes, files };
  }

  confirmed(): Record<string, number> {
    const confirmed: Record<string, number> = {};
    for (const { name, confirmedBytes } of this.recordings) {
      if (confirmedBytes > 0) confirmed[name.fileName] = confirmedBytes;
    }
    return confirmed;
  }
}

function newRecording(name: RecordingName, localBytes: number): Recording {
  return {
    name,
    localBytes,
    copy: { kind: 'unknown' },
    confirmedBytes: 0,
    seam: new Uint8Array(),
    mismatched: new Set(),
    made: new Set(),
  };
}

/** Names in the directory; none while it does not exist, which the recorder may not have come to yet. */
async function readNames(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Size of a regular file; `undefined` for what is gone, and for links, which nobody here makes. */
async function sizeOf(file: string): Promise<number | undefined> {
  try {
    const stats = await lstat(file);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
