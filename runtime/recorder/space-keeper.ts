/**
 * Keeps the disk from filling up: looks at it regularly and when a write fails, removes what `decideSpace` says,
 * and tells the cameras to hold back while nothing more can be removed.
 */
import { readdir, stat, statfs, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Camera } from '../config/load.ts';
import { messageOf, systemErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { parseRecordingName } from '../recordings/names.ts';
import type { SyncerState } from '../state/state.ts';
import type { Clock } from './clock.ts';
import { decideSpace, headroomBytes, type StoredRecording } from './space.ts';

/** Between two looks at the free space: 16 cameras at 5 Mbit/s write 20 MB in that time. */
export const spaceCheckMs = 2000;
/** The cameras' directories are read again after this, even when all seems well. */
export const maxCountAgeMs = 60_000;
/** While nothing can be removed, this is said again after this long. */
const repeatMs = 600_000;
/** A quota is no part of what the disk says is free: after a refusal, a write is tried again after this long. */
const refusalMs = 60_000;
/** Files in one camera's directory that are looked at: 100 years of hourly recordings. */
const maxFilesPerCamera = 1_000_000;

export interface SpaceKeeperOptions {
  readonly recordingsDirectory: string;
  readonly cameras: readonly Camera[];
  readonly keepFreeBytes: number;
  readonly budgetBytes: number | undefined;
  /** Without a drive no recording is held elsewhere: then the oldest are recorded over. */
  readonly hasDrive: boolean;
  readonly readSyncerState: () => Promise<SyncerState | undefined>;
  /** Paths of the recordings that are open now. */
  readonly openFiles: () => ReadonlySet<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Free bytes on the disk; tests replace it. */
  readonly freeBytes?: () => Promise<number>;
}

export class SpaceKeeper {
  readonly #options: SpaceKeeperOptions;
  readonly #added: Camera[] = [];
  #blocked = false;
  /** The last write that met a full disk, and how much was said to be free then. */
  #refused: { freeBytes: number; atMs: number } | undefined;
  #counted: { bytes: number; sinceMs: number } | undefined;
  #checking: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;
  #saidMs: number | undefined;
  #failed = false;

  constructor(options: SpaceKeeperOptions) {
    this.#options = options;
  }

  /** Whether nothing may be written: the disk is full and nothing more can be removed. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Looks now, and then regularly. */
  async start(): Promise<void> {
    await this.check();
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.schedule(spaceCheckMs, () => void this.start());
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** More cameras are recorded from now on. */
  add(cameras: readonly Camera[]): void {
    this.#added.push(...cameras);
  }

  /** To be told of all bytes that are written, between two counts of the files. */
  wrote(bytes: number): void {
    if (this.#counted) this.#counted.bytes += bytes;
  }

  /** A write met a full disk, whatever the free space is said to be. Resolves when something was done about it. */
  async met(): Promise<void> {
    await this.#checking;
    await this.check(true);
  }

  /** Never rejects. */
  check(full = false): Promise<void> {
    this.#checking ??= this.#look(full)
      .then(
        () => {
          this.#failed = false;
        },
        (error: unknown) => {
          if (!this.#failed) {
            this.#options.logger.error('cannot look after the disk space', { cause: messageOf(error) });
          }
          this.#failed = true;
        },
      )
      .finally(() => {
        this.#checking = undefined;
      });
    return this.#checking;
  }

  async #look(full: boolean): Promise<void> {
    const { clock, keepFreeBytes, budgetBytes } = this.#options;
    const headroom = headroomBytes(keepFreeBytes);
    const freeBytes = await this.#usableBytes(full);
    // Once held back, writing goes on only when there is room to speak of.
    const margin = this.#blocked || full ? headroom : 0;
    const needFree = keepFreeBytes + margin;
    const known = this.#counted;
    const isCountFresh = known !== undefined && clock.monotonicMs() - known.sinceMs < maxCountAgeMs;
    const isBudgetKept =
      budgetBytes === undefined ||
      (isCountFresh && known.bytes <= budgetBytes - (this.#blocked ? margin : 0));
    if (freeBytes >= needFree && isBudgetKept) {
      this.#tell(0);
      return;
    }
    const recordings = await this.#recordings();
    this.#counted = {
      bytes: recordings.reduce((sum, recording) => sum + recording.sizeBytes, 0),
      sinceMs: clock.monotonicMs(),
    };
    const { remove, lackingBytes } = decideSpace({
      recordings,
      freeBytes,
      keepFreeBytes: needFree,
      budgetBytes:
        budgetBytes === undefined
          ? undefined
          : this.#blocked
            ? Math.max(0, budgetBytes - margin)
            : budgetBytes,
      headroomBytes: headroom,
    });
    for (const recording of remove) await this.#remove(recording);
    this.#tell(lackingBytes);
  }

  async #remove(recording: StoredRecording): Promise<void> {
    const { logger, hasDrive } = this.#options;
    await unlink(recording.path).catch((error: unknown) => {
      // Clean-up by age may have been first.
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    });
    if (this.#counted) this.#counted.bytes -= recording.sizeBytes;
    logger.warn(
      hasDrive
        ? 'disk full: removed the oldest recording that the drive holds completely'
        : 'disk full: removed the oldest recording; no drive is set up, so it is gone',
      { file: recording.path, bytes: recording.sizeBytes },
    );
  }

  #tell(lackingBytes: number): void {
    const { clock, logger, hasDrive } = this.#options;
    const nowMs = clock.monotonicMs();
    if (lackingBytes === 0) {
      if (this.#blocked) logger.warn('there is room on the disk again: recording goes on');
      this.#blocked = false;
      this.#refused = undefined;
      this.#saidMs = undefined;
      return;
    }
    this.#blocked = true;
    if (this.#saidMs !== undefined && nowMs - this.#saidMs < repeatMs) return;
    this.#saidMs = nowMs;
    logger.error(
      hasDrive
        ? 'disk full, and no recording is left that the drive holds completely: NEW VIDEO IS LOST until there is room'
        : 'disk full, and no recording is left that could be removed: NEW VIDEO IS LOST until there is room',
      { lackingBytes: Math.ceil(lackingBytes) },
    );
  }

  /** What is free beyond that which turned out not to be for us. */
  async #usableBytes(full: boolean): Promise<number> {
    const nowMs = this.#options.clock.monotonicMs();
    const freeBytes = await this.#freeBytes();
    if (full) this.#refused = { freeBytes, atMs: nowMs };
    const refused = this.#refused;
    if (!refused || nowMs - refused.atMs >= refusalMs) return freeBytes;
    return Math.max(0, freeBytes - refused.freeBytes);
  }

  async #freeBytes(): Promise<number> {
    if (this.#options.freeBytes) return this.#options.freeBytes();
    const { bavail, bsize } = await statfs(this.#options.recordingsDirectory);
    return bavail * bsize;
  }

  async #recordings(): Promise<StoredRecording[]> {
    const { clock, hasDrive, openFiles } = this.#options;
    const state = hasDrive ? await this.#options.readSyncerState() : undefined;
    const recordings: StoredRecording[] = [];
    const open = openFiles();
    for (const camera of [...this.#options.cameras, ...this.#added]) {
      const confirmed = state?.cameras.find(({ name }) => name === camera.name)?.confirmedBytes ?? {};
      for (const fileName of (await namesIn(camera.localDirectory)).slice(0, maxFilesPerCamera)) {
        const name = parseRecordingName(fileName);
        if (!name) continue;
        const file = path.join(camera.localDirectory, fileName);
        const stats = await stat(file).catch((error: unknown) => {
          if (systemErrorCode(error) === 'ENOENT') return undefined;
          throw error;
        });
        if (!stats?.isFile()) continue;
        const isPast = name.startMs + name.lengthMs <= clock.nowMs();
        const held = Object.hasOwn(confirmed, fileName) ? (confirmed[fileName] ?? -1) : -1;
        recordings.push({
          path: file,
          // What it takes on disk would be less for a file with holes; ours have none.
          sizeBytes: stats.size,
          startMs: name.startMs,
          removable: isPast && !open.has(file) && (!hasDrive || held >= stats.size),
        });
      }
    }
    return recordings;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
