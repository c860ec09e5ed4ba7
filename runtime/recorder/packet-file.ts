/**
 * A file of whole packets while it is written: one behind the other, flushed to disk in time. It is only ever appended
 * to: a packet that a full disk cut short is finished when there is room again, because the syncer may have sent its
 * beginning already.
 */
import { systemErrorCode } from '../errors.ts';
import type { Clock } from './clock.ts';
import type { AppendFile, FileSystem } from './file-system.ts';

/** Bytes reach the disk at the latest after this and the flush itself: together below 2 s. */
export const flushDelayMs = 1000;

/** The disk, or the user's part of it, is full. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
}

export interface PacketFileOptions {
  readonly path: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  /**
   * What happens to a packet of which a full disk took nothing: `dropped`, or `kept` to be written before any other, where each
   * packet vouches for the one before.
   */
  readonly untaken: 'dropped' | 'kept';
  /** Called with the bytes that were added to the file. */
  readonly onWritten: (bytes: number) => void;
  /** Called when everything written so far is safe. */
  readonly onFlushed: () => void;
  readonly onFlushFailed: (error: unknown) => void;
}

export class PacketFile {
  readonly #file: AppendFile;
  readonly #options: PacketFileOptions;
  #sizeBytes: number;
  /** What a full disk left over of the packet that the file ends with. */
  #rest: Buffer | undefined;
  /** One write after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #unflushed = false;
  #cancelFlush: (() => void) | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;

  static async open(options: PacketFileOptions): Promise<PacketFile> {
    const file = await fullIsTold(options.fileSystem.openAppend(options.path));
    return new PacketFile(file, options);
  }

  private constructor(file: AppendFile, options: PacketFileOptions) {
    this.#file = file;
    this.#options = options;
    this.#sizeBytes = file.sizeBytes;
  }

  /**
   * Appends a packet; it is made only when its turn has come and there is room for what was left over. `onTaken` is
   * called when it is in the file, before the next one is made.
   * @throws {DiskFullError} nothing of this packet is in the file, or it will be whole when there is room.
   */
  write(make: () => Buffer, onTaken?: () => void): Promise<void> {
    const done = this.#last.then(async () => {
      await this.#write(make);
      onTaken?.();
    });
    // Whoever called hears of a failure; the next in turn need not.
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Of the file so far: while a packet is made, where it will stand. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Whether it ends with a whole packet, and none waits for room. */
  get isWhole(): boolean {
    return this.#rest === undefined;
  }

  /** Does not wait for more, where what was written last is worth it. */
  flushSoon(): void {
    if (this.#closed || !this.#unflushed) return;
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#flushing = this.#flushing.then(() => this.#flush()).catch(this.#options.onFlushFailed);
  }

  /** Waits for what is being written, flushes, and closes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelFlush?.();
    try {
      await this.#last;
      await this.#finishRest().catch((error: unknown) => {
        if (!(error instanceof DiskFullError)) throw error;
      });
      await this.#flushing;
      if (this.#unflushed) await this.#flush();
    } finally {
      await this.#file.close();
    }
  }

  /** Closes a file in which nothing is worth keeping. */
  async abandon(): Promise<void> {
    this.#closed = true;
    this.#cancelFlush?.();
    await this.#file.close();
  }

  async #write(make: () => Buffer): Promise<void> {
    await this.#finishRest();
    const packet = make();
    let left = packet;
    try {
      while (left.length > 0) left = left.subarray(await this.#writeOnce(left));
    } catch (error) {
      const isBegun = left.length < packet.length;
      if (error instanceof DiskFullError && (isBegun || this.#options.untaken === 'kept')) {
        this.#rest = Buffer.from(left);
      }
      throw error;
    }
  }

  async #finishRest(): Promise<void> {
    while (this.#rest !== undefined) {
      const written = await this.#writeOnce(this.#rest);
      this.#rest = written < this.#rest.length ? this.#rest.subarray(written) : undefined;
    }
  }

  async #writeOnce(bytes: Buffer): Promise<number> {
    const written = await fullIsTold(this.#file.write(bytes));
    // A disk that takes nothing and says nothing would be asked for ever.
    if (written === 0) throw new DiskFullError('the disk takes no more bytes');
    this.#sizeBytes += written;
    this.#options.onWritten(written);
    this.#scheduleFlush();
    return written;
  }

  #scheduleFlush(): void {
    this.#unflushed = true;
    if (this.#closed) return;
    this.#cancelFlush ??= this.#options.clock.schedule(flushDelayMs, () => {
      this.#cancelFlush = undefined;
      this.flushSoon();
    });
  }

  async #flush(): Promise<void> {
    this.#unflushed = false;
    await this.#file.flush();
    this.#options.onFlushed();
  }
}

async function fullIsTold<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new DiskFullError('the disk is full', { cause: error });
    throw error;
  }
}
