/**
 * Looks at places in a recording of EncroCrypt3, and tells when what stands there was recorded. Times are those of runs, and packets
 * do not say of which; the key does, and a header is known by what it opens. For who was given a part, little opens: there the
 * checkpoints tell the time, which are known by the key that signed them.
 */
import {
  type ChainPacket,
  checkpointSignedBytes,
  claimedTimeMs,
  decodeCheckpoint,
  envelopeBytes,
  type Header,
  type HeaderPlace,
  maxHeaderBytes,
  noteContent,
  PacketReader,
  readHeader,
  readHeaderIndex,
} from '../encrocrypt/v3/index.ts';
import type { KnownRun } from './known-runs.ts';
import type { Knot } from './seek-curve.ts';
import type { RandomAccess } from './source.ts';

/** Opens a run; undefined if it cannot be used. Asked once for each header. */
export type OpenRun = (header: Header) => Promise<KnownRun | undefined>;

/** A packet whose run is known. */
export interface Anchor extends Knot {
  readonly header: Header | undefined;
  /** All that is wanted from its time on can be decrypted from here: it is a key frame, or nothing was given of what is before. */
  readonly isStart: boolean;
}

/** A header stands before the first packet in each so many milliseconds since its run's start. */
const headerIntervalMs = 10 * 60_000;
/** How far beside its place by the rate of bytes a header is looked for, as a share of the distance, and at least. */
const headerSpread = 0.1;
const minSpreadBytes = 128 * 1024;
const maxHeaderWindowBytes = 2 * 2 ** 20;
const maxPacketBytes = 2 ** 24;
/** Enough for a header where it is known to stand. */
const headerReadBytes = 128 * 1024;
/** For a file that was made to keep us busy. */
const maxHeaderReads = 8;
/** So short a time says nothing of the rate: a key frame is many times larger than what follows it. */
const minRateMs = 3000;
/** In each note of where headers stand, and seldom in another one. */
const indexMark = '"index"';
/** In a part that was not given, a window must hold a checkpoint: at 20 Mbit/s, there is one in 13 MB. */
const maxPartWindowBytes = 16 * 2 ** 20;
/** Rates that differ by less are taken for the same. */
const alike = 0.1;

/** What stands at the end of a recording. */
export interface Tail {
  readonly offset: number;
  /** Of runs that are known. */
  readonly anchors: readonly Anchor[];
  /** A run ends there, in order. */
  readonly isEnded: boolean;
  /** Finds the run of its last packet, and what is noted behind the header that stands before that. */
  readonly search: () => Promise<readonly Anchor[]>;
}

export class RunWindows {
  readonly #access: RandomAccess;
  readonly #open: OpenRun;
  readonly #runs: KnownRun[] = [];
  readonly #asked = new Set<string>();
  /** Of the notes that were met, the one furthest on. */
  #index: { readonly offset: number; readonly places: readonly HeaderPlace[] } = { offset: -1, places: [] };

  constructor(access: RandomAccess, open: OpenRun) {
    this.#access = access;
    this.#open = open;
  }

  /** Where headers may stand, by a note in what was read so far: nobody vouches for it. */
  get index(): readonly HeaderPlace[] {
    return this.#index.places;
  }

  /**
   * The packets in a window whose run is known, with their times.
   * @param length more than 0.
   * @param rate bytes a millisecond on the average; 0 where nobody knows.
   */
  async at(offset: number, length: number, rate: number): Promise<Anchor[]> {
    const anchors = await this.#anchorsOf((await this.#packetsAt(offset, length)).found, rate, true);
    const isAll = offset + length >= this.#access.sizeBytes || 4 * length > maxPartWindowBytes;
    return anchors.length > 0 || isAll || !this.#isOfPart ? anchors : this.at(offset, 4 * length, rate);
  }

  /** Somebody was given parts of the runs, not their secrets. */
  get #isOfPart(): boolean {
    return this.#runs.some(({ part }) => part !== undefined);
  }

  /** The last packets of the recording, and the last note of where headers stand. Runs are not looked for. */
  async tail(length: number, rate: number): Promise<Tail> {
    const offset = Math.max(0, this.#access.sizeBytes - length);
    const { found, isEnded } = await this.#packetsAt(offset, length);
    return {
      ...{ offset, isEnded, anchors: await this.#anchorsOf(found, rate, false) },
      search: async () => {
        const isToldBy = this.#isOfPart ? 'checkpoint' : 'data';
        const last = found.findLast((one): one is Timed => one.kind === isToldBy);
        if (!last) return [];
        const isKnown = this.#runs.some((run) => isOf(run, last));
        // Of a run that has just begun and is known, nothing is further back.
        if (!isKnown || last.timeMs >= headerIntervalMs)
          await this.#findRun(last, likelyRate(rateIn(found), rate));
        return this.#anchorsOf(found, rate, false);
      },
    };
  }

  async #packetsAt(offset: number, length: number): Promise<Packets> {
    let packets = this.#packetsIn(await this.#access.read(offset, length), offset);
    // One packet may be larger than the window.
    for (
      let more = 4 * Math.max(1, length);
      !packets.found.some(({ kind }) => kind === 'data') &&
      more <= 4 * maxPacketBytes &&
      offset + more / 4 < this.#access.sizeBytes;
      more *= 4
    ) {
      packets = this.#packetsIn(await this.#access.read(offset, more), offset);
    }
    return packets;
  }

  /** Remembers the last note of where headers stand. */
  #packetsIn(bytes: Buffer, offset: number): Packets {
    const packets = packetsIn(bytes, offset, this.#isOfPart);
    const { index } = packets;
    if (index && index.offset > this.#index.offset) {
      const places = readHeaderIndex(index.content)?.filter((place) => place.offset < this.#access.sizeBytes);
      if (places) this.#index = { offset: index.offset, places };
    }
    return packets;
  }

  /** @param isToFind whether a run that is not known is looked for elsewhere. */
  async #anchorsOf(packets: readonly Found[], rate: number, isToFind: boolean): Promise<Anchor[]> {
    const anchors: Anchor[] = [];
    const bytesPerMs = rateIn(packets);
    let run: KnownRun | undefined;
    let isSought = !isToFind;
    for (const packet of packets) {
      if (packet.kind === 'header') {
        run = (await this.#learn(packet.header)) ?? run;
        // What follows may not open, and a checkpoint be far: the file's first run begins here at the earliest.
        if (run?.part && packet.offset === 0) {
          anchors.push({ offset: 0, header: run.header, wallMs: run.startMs, isStart: true, bytesPerMs });
        }
        continue;
      }
      if (!run || !isOf(run, packet)) {
        run = this.#runs.find((known) => isOf(known, packet)) ?? (await this.#comingRun(packets, packet));
        // Looked for once in a window, and not for each of its packets; and not because it was not given.
        if (!run && !isSought && (packet.kind === 'checkpoint' || !this.#isOfPart)) {
          isSought = true;
          run = await this.#findRun(packet, likelyRate(bytesPerMs, rate));
        }
      }
      if (!run) continue;
      const { header, startMs } = run;
      const { offset, timeMs } = packet;
      const isStart = packet.kind === 'checkpoint' ? timeMs < run.givenFromMs : packet.isKeyFrame;
      anchors.push({ offset, header, wallMs: startMs + timeMs, isStart, bytesPerMs });
    }
    return anchors;
  }

  /** The run of a packet whose header is repeated further on in the same window. */
  async #comingRun(packets: readonly Found[], packet: Timed): Promise<KnownRun | undefined> {
    for (const one of packets) {
      const run = one.kind === 'header' ? await this.#learn(one.header) : undefined;
      if (run && isOf(run, packet)) return run;
    }
    return undefined;
  }

  /** The run that a packet belongs to, by its header: it stands where the packet's own time says, as far as the rate is known. */
  async #findRun(packet: Timed, rate: number): Promise<KnownRun | undefined> {
    const noted = await this.#notedRun(packet);
    if (noted) return noted;
    const { timeMs } = packet;
    const wantedMs = timeMs - (timeMs % headerIntervalMs);
    /** The header stands between these. */
    let low: { offset: number; timeMs: number | undefined } = { offset: 0, timeMs: undefined };
    let high = { offset: packet.offset, timeMs };
    let bytesPerMs = rate;
    let leastSpread = Math.max(minSpreadBytes, packet.bytes.length);
    for (let reads = 0; reads < maxHeaderReads && low.offset < high.offset; reads++) {
      const [offset, length] = headerWindow(low, high, wantedMs, { rate: bytesPerMs, leastSpread });
      const bytes = await this.#access.read(offset, length);
      const { found } = this.#packetsIn(bytes, offset);
      const run = await this.#comingRun(found, packet);
      if (run) return run;
      const others = found.filter((one) => one.kind !== 'header' && one.offset < packet.offset);
      const [near, last] = [others[0], others.at(-1)];
      if (near?.kind === undefined || last?.kind === undefined) return undefined;
      if (near.kind === 'header' || last.kind === 'header') return undefined;
      // A header may be cut off by the window's end: what is known ends with the last whole packet.
      const knownEnd = last.offset + last.bytes.length;
      // Behind its time in the run, as it seems: it is of the run before, and the header is further on.
      if (last.timeMs > timeMs) low = { offset: knownEnd, timeMs: undefined };
      else if (last.timeMs < wantedMs) low = { offset: knownEnd, timeMs: last.timeMs };
      else if (near.timeMs >= wantedMs && near.timeMs <= timeMs) high = near;
      // It should stand here, and does not.
      else return undefined;
      // The packet behind the header may be a large one, of which a window around its end shows nothing.
      leastSpread *= 2;
      if (high.timeMs < timeMs) bytesPerMs = (packet.offset - high.offset) / (timeMs - high.timeMs);
    }
    return undefined;
  }

  /** The run of a packet, if the last header before it stands where it was noted. */
  async #notedRun(packet: Timed): Promise<KnownRun | undefined> {
    const place = this.index.findLast(({ offset }) => offset < packet.offset);
    if (!place) return undefined;
    const bytes = await this.#access.read(place.offset, headerReadBytes);
    return this.#comingRun(this.#packetsIn(bytes, place.offset).found, packet);
  }

  async #learn(header: Header): Promise<KnownRun | undefined> {
    const known = this.#runs.find((run) => run.header.hash.equals(header.hash));
    const id = header.hash.toString('hex');
    if (known || this.#asked.has(id)) return known;
    this.#asked.add(id);
    const run = await this.#open(header);
    if (run) this.#runs.unshift(run);
    return run;
  }
}

/** A checkpoint, whose time is what it claims until the run's key was tried on it. */
interface SignedTime {
  readonly kind: 'checkpoint';
  readonly offset: number;
  readonly bytes: Buffer;
  readonly timeMs: number;
}

type Timed = ChainPacket | SignedTime;
type Found = Timed | { readonly kind: 'header'; readonly header: Header; readonly offset: number };

function isOf(run: KnownRun, packet: Timed): boolean {
  if (packet.kind !== 'checkpoint') return run.open(packet) !== undefined;
  return decodeCheckpoint(packet.bytes.subarray(envelopeBytes), run.runId, run.key) !== undefined;
}

/** Where to look next for a header that stands at a time of its run. */
function headerWindow(
  low: { readonly offset: number; readonly timeMs: number | undefined },
  high: { readonly offset: number; readonly timeMs: number },
  wantedMs: number,
  { rate, leastSpread }: { readonly rate: number; readonly leastSpread: number },
): [offset: number, length: number] {
  const between = high.offset - low.offset;
  let backBytes = rate > 0 ? (high.timeMs - wantedMs) * rate : between / 2;
  if (low.timeMs !== undefined) backBytes = (between * (high.timeMs - wantedMs)) / (high.timeMs - low.timeMs);
  // A rate that leads to before the bounds was wrong.
  else if (backBytes > between && low.offset > 0) backBytes = between / 2;
  const spread = Math.max(leastSpread, headerSpread * Math.min(backBytes, between));
  const length = Math.min(2 * spread, Math.max(maxHeaderWindowBytes, 2 * leastSpread));
  if (between + minSpreadBytes <= length) return [low.offset, length];
  const offset = Math.floor(Math.max(low.offset, high.offset - backBytes - length / 2));
  return [offset, Math.ceil(length)];
}

interface Packets {
  /** Headers and video, and checkpoints where they are wanted. */
  readonly found: readonly Found[];
  /** The last note that may be an index. */
  readonly index: { readonly content: Buffer; readonly offset: number } | undefined;
  /** A final stands among them. */
  readonly isEnded: boolean;
}

/** What stands in a window that begins anywhere. Its memory is the window's. */
function packetsIn(bytes: Buffer, offset: number, hasCheckpoints: boolean): Packets {
  const reader = new PacketReader({ offset, hasKeys: false });
  reader.push(bytes);
  const found: Found[] = [];
  let index: Packets['index'];
  let isEnded = false;
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'data') found.push(item);
    if (item.kind === 'checkpoint' && hasCheckpoints && item.body.length > checkpointSignedBytes) {
      const timeMs = claimedTimeMs(item.body);
      found.push({ kind: 'checkpoint', offset: item.offset, bytes: item.bytes, timeMs });
    }
    if (item.kind === 'final') isEnded = true;
    if (item.kind === 'note') {
      const content = noteContent(item);
      if (content.includes(indexMark)) index = { content, offset: item.offset };
    }
    if (item.kind === 'header') {
      const header = item.bytes.length <= envelopeBytes + maxHeaderBytes ? readHeader(item.body) : undefined;
      if (header) found.push({ kind: 'header', header, offset: item.offset });
      else reader.reject();
    }
  }
  return { found, index, isEnded };
}

/** Bytes a millisecond in a window, from key frame to key frame where it holds some; 0 where it cannot be told. */
function rateIn(packets: readonly Found[]): number {
  const video = packets.filter((packet): packet is ChainPacket => packet.kind === 'data');
  const keys = video.filter(({ isKeyFrame }) => isKeyFrame);
  for (const [first, last] of [
    [keys[0], keys.at(-1)],
    [video[0], video.at(-1)],
  ]) {
    if (first && last && last.timeMs - first.timeMs >= minRateMs) {
      return (last.offset - first.offset) / (last.timeMs - first.timeMs);
    }
  }
  return 0;
}

/** Over minutes: what was seen in seconds is less sure than the average, unless that is another one. */
function likelyRate(here: number, average: number): number {
  if (here === 0 || average === 0) return here || average;
  return Math.abs(here / average - 1) < alike ? average : here;
}
