/**
 * One recording file while it is written: whole packets at its end, flushed to disk in time. It is only ever
 * appended to: a packet that a full disk cut short is finished when there is room again, because the syncer may
 * have sent its beginning already.
 */
import path from 'node:path';
import { systemErrorCode } from '../errors.ts';
import type { RecordingName } from '../recordings/names.ts';
import type { Clock } from './clock.ts';
import type { AppendFile, FileSystem } from './file-system.ts';
import type { SealedKey } from './sealed-key.ts';

/** Bytes reach the disk at the latest after this and the flush itself: together below 2 s. */
export const flushDelayMs = 1000;

/** The disk, or the user's part of it, is full. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
}

export interface RecordingOptions {
  readonly directory: string;
  readonly name: RecordingName;
  readonly key: SealedKey;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  /** Called with the bytes that were added to the file. */
  readonly onWritten: (bytes: number) => void;
  /** Called when everything written so far is safe. */
  readonly onFlushed: () => void;
  readonly onFlushFailed: (error: unknown) => void;
}

export class Recording {
  readonly name: RecordingName;
  readonly #file: AppendFile;
  readonly #options: RecordingOptions;
  #key: SealedKey;
  /** What a full disk left over of the packet that the file ends with. */
  #rest: Buffer | undefined;
  /** One write after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #unflushed = false;
  #cancelFlush: (() => void) | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #closed = false;

  /** Opens the file and writes the key packet. */
  static async open(options: RecordingOptions): Promise<Recording> {
    const file = await fullIsTold(
      options.fileSystem.openAppend(path.join(options.directory, options.name.fileName)),
    );
    const recording = new Recording(file, options);
    try {
      await recording.rekey(options.key);
    } catch (error) {
      // The first failure is the one that matters.
      await file.close().catch(() => undefined);
      recording.#closed = true;
      recording.#cancelFlush?.();
      throw error;
    }
    return recording;
  }

  private constructor(file: AppendFile, options: RecordingOptions) {
    this.#file = file;
    this.#options = options;
    this.name = options.name;
    this.#key = options.key;
  }

  /** The key that video is encrypted under now. */
  get key(): SealedKey {
    return this.#key;
  }

  /** Goes on under another key. */
  async rekey(key: SealedKey): Promise<void> {
    await this.#inTurn(async () => {
      await this.#write(key.packet);
      this.#key = key;
    });
  }

  /**
   * Encrypts and appends.
   * @throws {DiskFullError} nothing of this video is in the file, or it will be whole when there is room.
   */
  async append(video: Uint8Array, timeMs: number): Promise<void> {
    await this.#inTurn(() => this.#write(this.#key.encrypter.encrypt(video, timeMs)));
  }

  /** Waits for what is being written, flushes, and closes. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelFlush?.();
    try {
      await this.#inTurn(() => this.#finishRest()).catch((error: unknown) => {
        if (!(error instanceof DiskFullError)) throw error;
      });
      await this.#flushing;
      if (this.#unflushed) await this.#flush();
    } finally {
      await this.#file.close();
    }
  }

  #inTurn(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action);
    // Whoever called hears of a failure; the next in turn need not.
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #write(packet: Buffer): Promise<void> {
    await this.#finishRest();
    let left = packet;
    try {
      while (left.length > 0) left = left.subarray(await this.#writeOnce(left));
    } catch (error) {
      if (left.length < packet.length && error instanceof DiskFullError) this.#rest = Buffer.from(left);
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
    this.#options.onWritten(written);
    this.#scheduleFlush();
    return written;
  }

  #scheduleFlush(): void {
    this.#unflushed = true;
    if (this.#closed) return;
    this.#cancelFlush ??= this.#options.clock.schedule(flushDelayMs, () => {
      this.#cancelFlush = undefined;
      this.#flushing = this.#flushing.then(() => this.#flush()).catch(this.#options.onFlushFailed);
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
