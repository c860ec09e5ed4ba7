/**
 * One append of a recording to a file on the drive: reads what the local file has beyond what was sent and hands
 * it on. It opens the append with the first byte, because an upload of nothing fails on some servers.
 *
 * Each read begins a few bytes before the new ones and checks that they are those that were sent: a local file
 * that was cut and has grown again (the recorder takes back half a packet when the disk is full) shows there.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { EncroCamError, systemErrorCode } from '../errors.ts';
import { type Appender, drivePath, type Storage } from '../storage/storage.ts';
import type { Ledger, Recording } from './ledger.ts';
import type { DriveCopy } from './plan.ts';

/** Bytes read and written at a time: enough for full speed, little enough to have several in memory. */
export const pieceBytes = 64 * 1024;
/** Random ciphertext: 64 equal bytes are not chance. */
export const seamBytes = 64;

export type PumpResult =
  /** All that the local file has was sent. */
  | 'drained'
  /** `maxBytes` were sent, and there is more. */
  | 'more'
  /** The local file no longer begins with what was sent. */
  | 'diverged'
  /** The local file was removed. */
  | 'gone';

export interface UploadOptions {
  readonly storage: Storage;
  readonly driveDirectory: string;
  readonly localFile: string;
  readonly ledger: Ledger;
  readonly recording: Recording;
}

export class Upload {
  readonly recording: Recording;
  readonly target: Extract<DriveCopy, { kind: 'known' }>['target'];
  readonly #options: UploadOptions;
  readonly #session: number;
  #handle: FileHandle | undefined;
  #appender: Appender | undefined;
  #sentBytes: number;

  /** The recording's copy must be `known` and compared in this session. */
  constructor(options: UploadOptions) {
    const { copy } = options.recording;
    if (copy.kind !== 'known') throw new TypeError('an upload needs a copy that was compared');
    this.recording = options.recording;
    this.target = copy.target;
    this.#session = copy.session;
    this.#sentBytes = copy.bytes;
    this.#options = options;
  }

  /** Sends at most `maxBytes` of what is new. */
  async pump(maxBytes: number): Promise<PumpResult> {
    const { ledger, recording } = this.#options;
    let left = maxBytes;
    for (;;) {
      const handle = await this.#open();
      if (!handle) return 'gone';
      const stats = await handle.stat();
      if (stats.nlink === 0) return 'gone';
      ledger.grew(recording, stats.size);
      if (stats.size < this.#sentBytes) return 'diverged';
      const wanted = Math.min(stats.size - this.#sentBytes, pieceBytes);
      if (wanted === 0) return 'drained';
      if (left <= 0) return 'more';
      const bytes = await this.#read(handle, wanted);
      if (!bytes) return 'diverged';
      this.#appender ??= await this.#options.storage.append(this.#path());
      await this.#appender.write(bytes);
      this.#sent(bytes);
      left -= bytes.length;
    }
  }

  /**
   * Ends the append and makes sure that the drive holds what was sent, no more and no less.
   * @returns bytes that were confirmed by it
   * @throws {EncroCamError} `STORAGE_PROTOCOL` if the size is another; and what the drive's session throws.
   */
  async finish(): Promise<number> {
    const { storage, recording } = this.#options;
    await this.#close();
    const appender = this.#appender;
    if (!appender) return 0;
    this.#appender = undefined;
    await appender.finish();
    const size = await storage.size(this.#path());
    if (size !== this.#sentBytes) {
      throw new EncroCamError(
        'STORAGE_PROTOCOL',
        `The drive holds ${size ?? 'no'} bytes of ${this.target.fileName} after ${this.#sentBytes} were sent.`,
        { hint: 'The recording is compared with the disk again; see that nothing else writes to the drive.' },
      );
    }
    const confirmed = this.#sentBytes - recording.confirmedBytes;
    recording.confirmedBytes = this.#sentBytes;
    return confirmed;
  }

  /** Ends it without waiting for anything: the session is broken or shall end. */
  async abort(): Promise<void> {
    const appender = this.#appender;
    this.#appender = undefined;
    await this.#close();
    await appender?.abort();
  }

  async #open(): Promise<FileHandle | undefined> {
    if (this.#handle) return this.#handle;
    try {
      this.#handle = await open(this.#options.localFile, 'r');
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
    return this.#handle;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** The bytes after those that were sent, at least one; `undefined` if those before them are others now. */
  async #read(handle: FileHandle, length: number): Promise<Buffer | undefined> {
    const { seam } = this.recording;
    // A buffer of its own for every piece: the driver's socket may still hold the one before.
    const buffer = Buffer.allocUnsafeSlow(seam.length + length);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.#sentBytes - seam.length);
    if (bytesRead <= seam.length || !buffer.subarray(0, seam.length).equals(seam)) return undefined;
    return buffer.subarray(seam.length, bytesRead);
  }

  #sent(bytes: Buffer): void {
    this.#sentBytes += bytes.length;
    const { recording } = this;
    recording.copy = {
      kind: 'known',
      target: this.target,
      bytes: this.#sentBytes,
      session: this.#session,
    };
    recording.seam =
      bytes.length >= seamBytes
        ? Uint8Array.prototype.slice.call(bytes, -seamBytes)
        : Buffer.concat([recording.seam, bytes]).subarray(-seamBytes);
  }

  #path(): ReturnType<typeof drivePath> {
    return drivePath('/', this.#options.driveDirectory, this.target.fileName);
  }
}
