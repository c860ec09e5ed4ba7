/**
 * From the bytes of a recording of EncroCrypt3 to video: finds runs, asks who vouches for them and what opens them, decrypts,
 * keeps what lies in the time range, and tells what is missing. It knows no files: chunks go in, video comes out.
 */
import type { Skip, SkipReason } from '../encrocrypt/index.ts';
import {
  type ChainPacket,
  decodeCheckpoint,
  decodeFinal,
  type Header,
  type Packet,
  PacketReader,
  readCertificate,
  readHeader,
  type SigningPacket,
} from '../encrocrypt/v3/index.ts';
import { type EncroCamError, isEncroCamError } from '../errors.ts';
import { NoSecretKeyError } from '../pgp/decrypter.ts';
import type { Piece, VideoJoiner } from './joiner.ts';
import { KnownRun, RecentRuns } from './known-runs.ts';
import { type Misplaced, RunOrder } from './run-order.ts';
import { SkipTally } from './skips.ts';
import type { TimeRange } from './time.ts';
import type { VideoDecoder } from './video-decoder.ts';
import type { FileWitness } from './witness.ts';

/** Time of which the video is not there, in milliseconds since the epoch. */
export interface MissingTime {
  readonly fromMs: number;
  readonly toMs: number;
  readonly packets: number;
}

export interface RunDecoderOptions {
  /** Opens the run of a header that is met. @throws {EncroCamError} as `RunTrust` and `RunKeySource` */
  readonly openRun: (header: Header) => Promise<KnownRun>;
  readonly range: TimeRange;
  readonly joiner: VideoJoiner;
  /** Where in the file the first chunk begins. */
  readonly offset?: number;
  /** The run that this place lies in, if it was found by seeking. */
  readonly header?: Header;
  /** Told of every stretch within the range that gave no video. */
  readonly onSkip: (skip: Skip) => void;
  /** Told of packets that must have been there and are not. */
  readonly onMissing: (missing: MissingTime) => void;
  /** Told once of every run whose video is put out, in the order of the file, where it does not belong. */
  readonly onMisplaced: (misplaced: Misplaced) => void;
  /** Told of every header that could not be used. */
  readonly onBadHeader: (offset: number, error: EncroCamError) => void;
  /** Told of what is put out. */
  readonly witness?: Pick<FileWitness, 'take'>;
}

/** A packet of video that may be put out. */
interface Part {
  readonly plaintext: Buffer;
  /** Tells the witness that it is. */
  readonly isPut: (() => void) | undefined;
}

/** A clock that is set back makes another run; it may come back into the range within this time. */
const afterRangeMs = 60_000;
/** Of a group of pictures that may be needed from its beginning: at 5 Mbit/s and 2 s it has 1.3 MB. */
const maxGroupBytes = 64 * 2 ** 20;
/** Enough to tell whether they all have one cause. */
const maxKeyFailures = 100;

export class RunDecoder implements VideoDecoder {
  readonly #options: RunDecoderOptions;
  readonly #reader: PacketReader;
  readonly #runs = new RecentRuns();
  readonly #order = new RunOrder();
  #timeMs: number | undefined;
  #finished = false;
  /** Before the range: pictures from the last key frame on, that the first one in the range needs. */
  #group: { readonly run: KnownRun; readonly parts: Part[]; bytes: number } | undefined;
  /** Skips since the last packet outside the range: they count if the next packet is inside. */
  #held = new SkipTally();
  #lastOutside: boolean;
  #hasSkipped = false;
  #unopened: { readonly run: KnownRun | undefined; readonly skip: Skip } | undefined;
  #damaged = false;
  #runsOpened = 0;
  #notAuthentic = false;
  #keyFailures: EncroCamError[] = [];
  #isBegun = false;

  constructor(options: RunDecoderOptions) {
    this.#options = options;
    this.#reader = new PacketReader({ offset: options.offset ?? 0 });
    this.#lastOutside = options.range.fromMs !== undefined;
  }

  get timeMs(): number | undefined {
    return this.#timeMs;
  }

  get finished(): boolean {
    return this.#finished;
  }

  get damaged(): boolean {
    return this.#damaged || this.#keyFailures.length > 0;
  }

  get notAuthentic(): boolean {
    return this.#notAuthentic;
  }

  get wrongRecipient(): EncroCamError | undefined {
    if (this.#runsOpened > 0 || this.#notAuthentic) return undefined;
    return this.#keyFailures.every((error) => error instanceof NoSecretKeyError)
      ? this.#keyFailures[0]
      : undefined;
  }

  async push(chunk: Uint8Array): Promise<Piece[]> {
    this.#reader.push(chunk);
    return this.#drain();
  }

  async end(): Promise<Piece[]> {
    this.#reader.end();
    const pieces = await this.#drain();
    // What comes behind the last packet in the range belongs to it; behind one outside, to nothing.
    if (!this.#lastOutside || this.#timeMs === undefined) this.#reportHeld();
    this.#reportUnopened();
    return pieces;
  }

  async #drain(): Promise<Piece[]> {
    const pieces: Piece[] = [];
    if (!this.#isBegun && this.#options.header) await this.#enter(this.#options.header, 0);
    this.#isBegun = true;
    for (let item = this.#reader.next(); item && !this.#finished; item = this.#reader.next()) {
      if (item.kind === 'skip') this.#skip(item);
      else if (item.kind === 'header') await this.#header(item);
      else this.#take(item, pieces);
    }
    return pieces;
  }

  async #header({ body, offset }: SigningPacket): Promise<void> {
    const header = readHeader(body);
    const { current } = this.#runs;
    if (!header) this.#reader.reject();
    else if (!current?.canOpen || !current.header.hash.equals(header.hash)) await this.#enter(header, offset);
  }

  /**
   * A header that cannot be used leaves the runs before it in force: whoever puts one into a file shall not thereby hide
   * the camera's own video that follows. What authenticates is still only what the camera made.
   */
  async #enter(header: Header, offset: number): Promise<void> {
    if (this.#runs.resume(header)) return;
    try {
      const run = await this.#options.openRun(header);
      this.#runs.add(run);
      if (run.canOpen) this.#runsOpened += 1;
    } catch (error) {
      if (!isEncroCamError(error, 'NOT_AUTHENTIC', 'DECRYPTION_FAILED')) throw error;
      if (error.code === 'NOT_AUTHENTIC') this.#notAuthentic = true;
      else if (this.#keyFailures.length < maxKeyFailures) this.#keyFailures.push(error);
      this.#runs.add(new KnownRun(header, undefined));
      this.#options.onBadHeader(offset, error);
    }
  }

  /** Every packet is checked as far as it can be, wherever it lies: the length in a forged one could swallow good ones. */
  #take(packet: Packet, pieces: Piece[]): void {
    const runs = this.#runs.all;
    switch (packet.kind) {
      case 'data':
        this.#data(packet, pieces);
        return;
      case 'event': {
        const found = this.#runs.open(packet);
        if (found) found.run.follow(packet.sequence, packet.timeMs);
        else this.#reader.reject(this.#reasonForUnopened(packet));
        return;
      }
      case 'note':
        this.#runs.current?.note(packet.sequence);
        return;
      case 'checkpoint':
        if (!runs.some((run) => this.#checkpoint(packet.body, run))) this.#reader.reject();
        return;
      case 'final':
        this.#final(packet.body);
        return;
      case 'header':
        return;
      case 'certificate':
        if (!isCertificateOf(packet.body, runs)) this.#reader.reject();
    }
  }

  #data(packet: ChainPacket, pieces: Piece[]): void {
    const found = this.#runs.open(packet);
    if (!found) {
      this.#reader.reject(this.#reasonForUnopened(packet));
      return;
    }
    const { run, plaintext } = found;
    const skip = (reason: SkipReason): void =>
      this.#skip({ kind: 'skip', offset: packet.offset, length: packet.bytes.length, reason });
    if (packet.sequence >= run.reach.packets) {
      this.#notAuthentic = true;
      skip('not-authentic');
      return;
    }
    const before = run.last;
    const lacking = run.follow(packet.sequence, packet.timeMs);
    if (lacking === undefined) {
      skip('repeated');
      return;
    }
    this.#order.take(run);
    const { fromMs, toMs } = run.within(this.#options.range);
    const timeMs = run.startMs + packet.timeMs;
    this.#timeMs = timeMs;
    if (fromMs !== undefined && timeMs < fromMs) {
      this.#hold(run, packet, plaintext);
      this.#passOutside();
    } else if (toMs !== undefined && timeMs >= toMs) {
      this.#group = undefined;
      this.#passOutside();
      if (timeMs >= (this.#options.range.toMs ?? toMs) + afterRangeMs) this.#finished = true;
    } else {
      this.#reportHeld();
      this.#lastOutside = false;
      if (run.reach.isUnsigned) this.#notAuthentic = true;
      this.#tellOrder();
      // What was skipped tells the same once already.
      if (lacking > 0 && before && !this.#hasSkipped) {
        this.#miss({ fromMs: run.startMs + before.timeMs, toMs: timeMs, packets: lacking });
      }
      this.#hasSkipped = false;
      const group = packet.isKeyFrame && timeMs === fromMs ? undefined : this.#group;
      for (const part of group?.run === run ? group.parts : []) this.#put(run, part, pieces);
      this.#group = undefined;
      this.#put(run, this.#partOf(run, packet, plaintext), pieces);
    }
  }

  #partOf(run: KnownRun, packet: ChainPacket, plaintext: Buffer): Part {
    return { plaintext, isPut: this.#options.witness?.take(run, packet) };
  }

  #put({ header }: KnownRun, { plaintext, isPut }: Part, pieces: Piece[]): void {
    isPut?.();
    pieces.push(...this.#options.joiner.take(plaintext, header.statement));
  }

  #hold(run: KnownRun, packet: ChainPacket, plaintext: Buffer): void {
    if (packet.isKeyFrame) this.#group = { run, parts: [], bytes: 0 };
    const group = this.#group;
    if (!group) return;
    group.bytes += plaintext.length;
    // What has no second key frame for so long is no video that could be shown from here.
    if (group.run !== run || group.bytes > maxGroupBytes) this.#group = undefined;
    else group.parts.push(this.#partOf(run, packet, plaintext));
  }

  #passOutside(): void {
    if (this.#lastOutside) this.#held = new SkipTally();
    else this.#reportHeld();
    this.#lastOutside = true;
    this.#hasSkipped = false;
  }

  /** It tells the time also where no packet can be opened: behind a part that was given. @returns whether it is the run's. */
  #checkpoint(body: Buffer, run: KnownRun): boolean {
    const checkpoint = decodeCheckpoint(body, run.runId, run.key);
    if (!checkpoint) return false;
    const { toMs } = this.#options.range;
    const isFarBehind = toMs !== undefined && run.startMs + checkpoint.toMs >= toMs + afterRangeMs;
    if (run.canOpen && isFarBehind) this.#finished = true;
    return true;
  }

  /** The run's end: what should have been there before it. */
  #final(body: Buffer): void {
    for (const run of this.#runs.all) {
      const final = decodeFinal(body, run.runId, run.key);
      if (!final) continue;
      const { last, startMs } = run;
      const lacking = final.count - (run.next ?? final.count);
      if (lacking > 0 && last && !this.#lastOutside && !this.#hasSkipped) {
        this.#miss({ fromMs: startMs + last.timeMs, toMs: startMs + final.timeMs, packets: lacking });
      }
      return;
    }
    this.#reader.reject();
  }

  /** Where nothing could be opened, it is not the packet's fault. */
  #reasonForUnopened(packet: ChainPacket): SkipReason {
    const run = this.#runs.current;
    if (!run?.canOpen) return 'no-key';
    return run.isGiven(packet) ? 'not-authentic' : 'not-given';
  }

  /** Which place is the right one cannot be known before both were seen: what came first was put out already. */
  #tellOrder(): void {
    const misplaced = this.#order.tell();
    if (!misplaced) return;
    this.#damaged = true;
    this.#options.onMisplaced(misplaced);
  }

  #miss(missing: MissingTime): void {
    this.#damaged = true;
    this.#options.onMissing(missing);
  }

  #skip(skip: Skip): void {
    if (skip.reason === 'not-given') {
      this.#passOutside();
      return;
    }
    this.#hasSkipped = true;
    if (this.#lastOutside) this.#held.add(skip);
    else this.#report(skip);
  }

  #reportHeld(): void {
    for (const skip of this.#held.skips) this.#report(skip);
    this.#held = new SkipTally();
  }

  /** What cannot be opened of one run is told of at once: checkpoints, which can be read, stand between. */
  #report(skip: Skip): void {
    this.#damaged = true;
    const run = this.#runs.current;
    const before = this.#unopened;
    if (skip.reason === 'no-key' && before?.run === run && before) {
      this.#unopened = { run, skip: { ...before.skip, length: before.skip.length + skip.length } };
      return;
    }
    this.#reportUnopened();
    if (skip.reason === 'no-key') this.#unopened = { run, skip };
    else this.#options.onSkip(skip);
  }

  #reportUnopened(): void {
    if (this.#unopened) this.#options.onSkip(this.#unopened.skip);
    this.#unopened = undefined;
  }
}

function isCertificateOf(body: Buffer, runs: readonly KnownRun[]): boolean {
  const certificate = readCertificate(body);
  return certificate !== undefined && runs.some(({ header }) => header.hash.equals(certificate.headerHash));
}
