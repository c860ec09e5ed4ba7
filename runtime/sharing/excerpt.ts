/**
 * Finds what of a file must be kept so that a part of one run can be checked and watched by itself: from the checkpoint
 * before the part to the checkpoint behind it. Chunks go in, places in the file come out.
 */
import {
  type ChainPacket,
  decodeCheckpoint,
  decodeFinal,
  type Header,
  importRunKey,
  type Packet,
  PacketReader,
  RunOpener,
  readCertificate,
  readHeader,
  segmentOf,
} from '../encrocrypt/v3/index.ts';
import { type SharedRun, segmentsOf } from './capability.ts';

/** Bytes of a file. */
export interface Place {
  readonly offset: number;
  readonly length: number;
}

export interface Excerpt {
  /** In the order in which they belong into the file of the part: the header is the first. */
  readonly places: readonly Place[];
  /** What the excerpt can be judged from: where the part begins, or the key frame before it that its keys open. */
  readonly fromMs: number;
  /** Where the video can begin: at that key frame, or at the first one that is left in the part. */
  readonly videoFromMs: number;
}

/** Packets that one checkpoint covers, with it. */
interface Group extends Place {
  readonly checkpoint: Place;
  readonly toMs: number;
}

export class ExcerptFinder {
  readonly #header: Header;
  readonly #part: SharedRun;
  readonly #key: ReturnType<typeof importRunKey>;
  readonly #reader = new PacketReader({ hasKeys: false });
  readonly #opener: RunOpener;
  readonly #firstSegment: number;
  #headerPlace: Place | undefined;
  #isInside = false;
  /** Groups that may still be before the part. */
  #groups: Group[] = [];
  #anchor: Place | undefined;
  /** Where the group begins that no checkpoint has covered yet. */
  #openFrom = 0;
  #startMs: number | undefined;
  /** Where the part ends, once that is known. */
  #endOffset: number | undefined;
  /** What comes behind it and certifies it. */
  readonly #behind: Place[] = [];
  #lastOffset = 0;

  constructor(header: Header, part: SharedRun) {
    this.#header = header;
    this.#part = part;
    this.#key = importRunKey(header.statement.runKey);
    this.#opener = new RunOpener(part);
    this.#firstSegment = segmentsOf(part.nodes).first;
  }

  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
    this.#drain();
  }

  /** Nothing behind what it has seen is needed: the end is there, and no certificate will come for a run that was signed. */
  get isComplete(): boolean {
    return this.#endOffset !== undefined && this.#header.cameraSignature !== undefined;
  }

  /** No more bytes will come. @returns undefined if the run is not in the file. */
  end(): Excerpt | undefined {
    this.#reader.end();
    this.#drain();
    const header = this.#headerPlace;
    if (!header) return undefined;
    const fromMs = this.#fromMs(this.#part.fromMs);
    this.#forget(fromMs);
    const from = this.#anchor?.offset ?? header.offset;
    const body = { offset: from, length: (this.#endOffset ?? this.#lastOffset) - from };
    return {
      places: [...(this.#anchor ? [header] : []), body, ...this.#behind],
      fromMs,
      videoFromMs: this.#startMs ?? fromMs,
    };
  }

  #drain(): void {
    for (let item = this.#reader.next(); item; item = this.#reader.next()) {
      if (item.kind === 'skip') continue;
      const place = { offset: item.offset, length: item.bytes.length };
      if (!this.#take(item, place)) this.#reader.reject();
      else if (this.#isInside) this.#lastOffset = place.offset + place.length;
    }
  }

  /** @returns whether it is what it seems to be, as far as that can be told now. */
  #take(packet: Packet, place: Place): boolean {
    switch (packet.kind) {
      case 'header':
        return this.#enter(packet.body, place);
      case 'checkpoint':
        return this.#checkpoint(packet.body, place) || !this.#isInside;
      case 'final':
        return this.#final(packet.body, place) || !this.#isInside;
      case 'certificate':
        // It may stand behind later runs of the file.
        if (this.#isOurs(packet.body)) this.#keepBehind(place);
        return true;
      default:
        if (this.#headerPlace) this.#chained(packet);
        return true;
    }
  }

  #enter(body: Buffer, place: Place): boolean {
    const header = readHeader(body);
    if (!header) return false;
    const isWanted = header.hash.equals(this.#header.hash);
    if (isWanted && !this.#headerPlace) {
      this.#headerPlace = place;
      this.#openFrom = place.offset + place.length;
    }
    this.#isInside = isWanted;
    return true;
  }

  get #mayGoOn(): boolean {
    return this.#isInside || (this.#headerPlace !== undefined && this.#endOffset === undefined);
  }

  #isOurs(body: Buffer): boolean {
    return (
      this.#headerPlace !== undefined && readCertificate(body)?.headerHash.equals(this.#header.hash) === true
    );
  }

  #chained(packet: ChainPacket): void {
    const isSettled = this.#startMs !== undefined && packet.timeMs > this.#part.fromMs;
    if (isSettled || packet.kind !== 'data' || !packet.isKeyFrame) return;
    if (segmentOf(packet, this.#part.segmentMs) < this.#firstSegment) return;
    // Everybody can write that a packet is a key frame.
    if (this.#opener.open(packet)) this.#startMs = packet.timeMs;
  }

  /** Whoever put another run's header into this one did not end it: what its key signed goes on with it. */
  #checkpoint(body: Buffer, place: Place): boolean {
    if (!this.#mayGoOn) return false;
    const checkpoint = decodeCheckpoint(body, this.#header.statement.runId, this.#key);
    if (!checkpoint) return false;
    this.#isInside = true;
    if (this.#endOffset !== undefined) {
      this.#keepBehind(place);
      return true;
    }
    const end = place.offset + place.length;
    const { toMs } = checkpoint;
    this.#groups.push({ offset: this.#openFrom, length: end - this.#openFrom, checkpoint: place, toMs });
    this.#openFrom = end;
    // Before the first key frame, the earliest at which one can be.
    this.#forget(this.#fromMs(this.#firstSegment * this.#part.segmentMs));
    if (toMs >= this.#part.toMs) this.#endOffset = end;
    return true;
  }

  #final(body: Buffer, place: Place): boolean {
    if (!this.#mayGoOn || !decodeFinal(body, this.#header.statement.runId, this.#key)) return false;
    this.#isInside = true;
    if (this.#endOffset === undefined) this.#endOffset = place.offset + place.length;
    else this.#keepBehind(place);
    return true;
  }

  /** For a run that the camera certified later: what leads from the part to the certificate, without the packets. */
  #keepBehind(place: Place): void {
    if (this.#header.cameraSignature) return;
    this.#endOffset ??= this.#isInside ? place.offset : this.#lastOffset;
    this.#behind.push(place);
  }

  /**
   * The key frame before the part, but never later than the part: where its beginning was destroyed, the first picture
   * that is left lies behind it, and what is lost must be told.
   * @param unknownMs where no key frame is known.
   */
  #fromMs(unknownMs: number): number {
    return Math.min(this.#startMs ?? unknownMs, this.#part.fromMs);
  }

  /** Groups that end before the excerpt begins are not part of it; the last one's checkpoint says where it is in the chain. */
  #forget(fromMs: number): void {
    for (let [first] = this.#groups; first && first.toMs <= fromMs; [first] = this.#groups) {
      this.#anchor = first.checkpoint;
      this.#groups.shift();
    }
  }
}
