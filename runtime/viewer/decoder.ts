/**
 * From the bytes of a recording of EncroCrypt2 to video: cuts packets, opens key packets, decrypts, keeps what lies in the time
 * range and authenticates, and tells what it passed over. It knows no files: chunks go in, plaintexts come out.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import {
  decryptVideo,
  type KeyPacket,
  PacketReader,
  type Skip,
  type VideoPacket,
} from '../encrocrypt/index.ts';
import { type EncroCamError, isEncroCamError } from '../errors.ts';
import { NoSecretKeyError } from '../pgp/decrypter.ts';
import type { KeyOpener } from '../pgp/open.ts';
import { SkipTally } from './skips.ts';
import { inRange, isAfter, type TimeRange } from './time.ts';

export interface DecoderOptions {
  readonly opener: KeyOpener;
  readonly range: TimeRange;
  /** Where in the file the first chunk begins. */
  readonly offset?: number;
  /** The key that applies there, if it was found by seeking. */
  readonly key?: KeyObject;
  /** Told of every stretch within the range that gave no video. */
  readonly onSkip: (skip: Skip) => void;
  /** Told of every key packet that could not be used. */
  readonly onBadKey: (offset: number, error: EncroCamError) => void;
}

/**
 * Video is behind the range for good once packets are this far behind it. Before that, the camera's clock may
 * have been set back.
 */
const afterRangeMs = 5 * 60_000;

export class Decoder {
  readonly #options: DecoderOptions;
  readonly #reader: PacketReader;
  #key: KeyObject | undefined;
  #timeMs: number | undefined;
  #finished = false;
  /** Skips since the last packet outside the range: they count if the next packet is inside. */
  #held = new SkipTally();
  #lastOutside: boolean;
  #keysOpened = 0;
  #keysNotAuthentic = 0;
  #keyFailures: EncroCamError[] = [];
  #skipped = false;

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#reader = new PacketReader(options.offset);
    this.#key = options.key;
    this.#lastOutside = options.range.fromMs !== undefined;
    if (options.key) this.#keysOpened = 1;
  }

  /** The minute that the last authentic packet claims, milliseconds since the epoch. */
  get timeMs(): number | undefined {
    return this.#timeMs;
  }

  /** Everything in the range has been seen: more chunks would give nothing. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Whether something within the range was missing or damaged. */
  get damaged(): boolean {
    return this.#skipped || this.#keyFailures.length > 0;
  }

  /** Whether a key packet was signed by somebody else, or by nobody. */
  get notAuthentic(): boolean {
    return this.#keysNotAuthentic > 0;
  }

  /** Set when every key packet was for somebody else: then the secret key is the wrong one, not the file. */
  get wrongRecipient(): EncroCamError | undefined {
    if (this.#keysOpened > 0 || this.#keysNotAuthentic > 0) return undefined;
    return this.#keyFailures.every((error) => error instanceof NoSecretKeyError)
      ? this.#keyFailures[0]
      : undefined;
  }

  /** @returns the plaintexts, in order. The chunk's memory must stay untouched until the next call but one. */
  async push(chunk: Uint8Array): Promise<Buffer[]> {
    this.#reader.push(chunk);
    return this.#drain();
  }

  /** No more chunks will come. */
  async end(): Promise<Buffer[]> {
    this.#reader.end();
    const plaintexts = await this.#drain();
    // What comes behind the last packet in the range belongs to it; behind one outside, to nothing.
    if (!this.#lastOutside || this.#timeMs === undefined) this.#reportHeld();
    return plaintexts;
  }

  async #drain(): Promise<Buffer[]> {
    const plaintexts: Buffer[] = [];
    for (let item = this.#reader.next(); item && !this.#finished; item = this.#reader.next()) {
      if (item.kind === 'video') this.#video(item, plaintexts);
      else if (item.kind === 'skip') this.#skip(item);
      else await this.#openKey(item);
    }
    return plaintexts;
  }

  #video(packet: VideoPacket, plaintexts: Buffer[]): void {
    if (!this.#key) {
      this.#reader.reject('no-key');
      return;
    }
    // Packets outside the range are authenticated too: the length in a forged one could swallow good ones.
    const plaintext = decryptVideo(this.#key, packet.body);
    if (!plaintext) {
      this.#reader.reject();
      return;
    }
    const { range } = this.#options;
    this.#timeMs = packet.timeMs;
    if (inRange(packet.timeMs, range)) {
      this.#reportHeld();
      this.#lastOutside = false;
      if (plaintext.length > 0) plaintexts.push(plaintext);
      return;
    }
    if (this.#lastOutside) this.#held = new SkipTally();
    else this.#reportHeld();
    this.#lastOutside = true;
    if (isAfter(packet.timeMs - afterRangeMs, range)) this.#finished = true;
  }

  #skip(skip: Skip): void {
    if (this.#lastOutside) this.#held.add(skip);
    else this.#report(skip);
  }

  #reportHeld(): void {
    for (const skip of this.#held.skips) this.#report(skip);
    this.#held = new SkipTally();
  }

  #report(skip: Skip): void {
    this.#skipped = true;
    this.#options.onSkip(skip);
  }

  /**
   * A key packet that cannot be used leaves the key before it in force: whoever puts one into a file shall not
   * thereby hide the camera's own video that follows. What authenticates is still only what the camera made.
   */
  async #openKey(packet: KeyPacket): Promise<void> {
    try {
      const { key } = await this.#options.opener.open(packet.message);
      this.#key = createSecretKey(key);
      this.#keysOpened += 1;
    } catch (error) {
      if (!isEncroCamError(error, 'NOT_AUTHENTIC', 'DECRYPTION_FAILED')) throw error;
      if (error.code === 'NOT_AUTHENTIC') this.#keysNotAuthentic += 1;
      else if (this.#keyFailures.length < maxKeyFailures) this.#keyFailures.push(error);
      this.#options.onBadKey(packet.offset, error);
      this.#reader.reject('not-authentic');
    }
  }
}

/** Enough to tell whether they all have one cause. */
const maxKeyFailures = 100;
