/**
 * Finds where in a recording of EncroCrypt3 to start decrypting so that everything from a time on is seen, in few reads: on a drive
 * each is a round trip. Times are those of runs, and packets do not say of which; the key does, and a header is known by what it opens.
 * The result is the beginning of a key frame's packet, or of the file. Every doubt is settled by starting earlier.
 */
import {
  type ChainPacket,
  envelopeBytes,
  type Header,
  maxHeaderBytes,
  PacketReader,
  readHeader,
} from '../encrocrypt/v3/index.ts';
import type { KnownRun } from './known-runs.ts';
import type { RandomAccess } from './source.ts';

export interface RunPlace {
  /** At the beginning of a packet. */
  readonly offset: number;
  /** Of the run that the place lies in; undefined at the beginning of the file. */
  readonly header: Header | undefined;
}

export interface RunSeekOptions {
  /** Opens a run; undefined if it cannot be used. Asked once for each header. */
  readonly open: (header: Header) => Promise<KnownRun | undefined>;
  /** When the recording ends, nearly, in milliseconds since the epoch: the end of its slot, or now. */
  readonly endMs: number | undefined;
}

const fromTheBeginning: RunPlace = { offset: 0, header: undefined };
/** Read at once: what lasts so long, within these bounds. A key frame every two seconds is usual. */
const windowMs = 2500;
const minWindowBytes = 256 * 1024;
const maxWindowBytes = 4 * 2 ** 20;
/** Aimed at is a place so long before the time; a place is good enough where decrypting up to the time takes no longer. */
const leadMs = 3000;
const goodEnoughMs = 10_000;
const goodEnoughBytes = 1024 * 1024;
/** How often a header stands again, at the latest, and how late: a packet's distance each time. */
const headerIntervalMs = 10 * 60_000;
const headerLateMs = 5000;
const headerWindowBytes = 1024 * 1024;
/** Bounds for a file that was made to keep us busy. */
const maxSteps = 24;
const patientSteps = 6;
const maxHeaderReads = 8;

interface Anchor extends RunPlace {
  /** Milliseconds since the epoch; undefined where nobody knows. */
  readonly wallMs: number | undefined;
  readonly isKeyFrame: boolean;
  /** Bytes a millisecond around here; 0 where nobody knows. */
  readonly bytesPerMs: number;
}

/** Where to start decrypting in order to see everything from `fromMs` on. */
export function seekRun(access: RandomAccess, fromMs: number, options: RunSeekOptions): Promise<RunPlace> {
  return new RunSeeker(access, options).seek(fromMs);
}

/** Where to start decrypting in order to see the last `durationMs` of a recording that is still growing. */
export function seekRunNearEnd(
  access: RandomAccess,
  durationMs: number,
  options: RunSeekOptions,
): Promise<RunPlace> {
  return new RunSeeker(access, options).seekNearEnd(durationMs);
}

class RunSeeker {
  readonly #access: RandomAccess;
  readonly #options: RunSeekOptions;
  readonly #runs: KnownRun[] = [];
  readonly #asked = new Set<string>();

  constructor(access: RandomAccess, options: RunSeekOptions) {
    this.#access = access;
    this.#options = options;
  }

  async seek(fromMs: number): Promise<RunPlace> {
    const [first] = await this.#anchorsAt(0, minWindowBytes, 0);
    if (first?.wallMs === undefined || first.wallMs >= fromMs) return fromTheBeginning;
    return this.#narrow(fromMs, first, await this.#end(first));
  }

  async seekNearEnd(durationMs: number): Promise<RunPlace> {
    const [first] = await this.#anchorsAt(0, minWindowBytes, 0);
    if (!first) return fromTheBeginning;
    const last = await this.#tail();
    if (last?.wallMs === undefined) return fromTheBeginning;
    return this.#narrow(last.wallMs - durationMs, first, last);
  }

  /** Halves and interpolates between a place before the time and one behind it. */
  async #narrow(fromMs: number, first: Anchor, end: Anchor): Promise<RunPlace> {
    let low = first;
    let high = end;
    let best = first;
    let lead = leadMs;
    for (let step = 0; step < maxSteps; step++) {
      const rate = rateBetween(low, high);
      const aheadMs = fromMs - (best.wallMs ?? 0);
      if (aheadMs <= Math.max(goodEnoughMs, 1.5 * lead) || aheadMs * best.bytesPerMs <= goodEnoughBytes)
        break;
      const length = clamp(rate * windowMs, minWindowBytes, maxWindowBytes);
      if (high.offset - low.offset <= 1) break;
      const isNarrow = high.offset - low.offset <= length;
      const guess = isNarrow ? low.offset : guessOf(low, high, fromMs - lead, step);
      const anchors = await this.#anchorsAt(guess, length, rate);
      const before = anchors.filter(({ wallMs, offset }) => isBefore(wallMs, fromMs) && offset < high.offset);
      const after = anchors.find(({ wallMs }) => wallMs !== undefined && wallMs >= fromMs);
      const key = before.findLast(({ isKeyFrame }) => isKeyFrame);
      if (key && key.offset > best.offset) best = key;
      if (isNarrow) break;
      const last = before.at(-1);
      if (last && last.offset > low.offset) low = last;
      if (after && after.offset < high.offset) high = after;
      // Nothing is known of what lies there: whatever it is, starting before it is right.
      if (anchors.length === 0) high = { ...high, offset: guess, wallMs: undefined };
      // A key frame is further back than it was looked for.
      if (last && after) {
        if (key) break;
        lead *= 4;
        low = first;
      }
    }
    return best.offset === first.offset ? fromTheBeginning : { offset: best.offset, header: best.header };
  }

  async #end(first: Anchor): Promise<Anchor> {
    const { endMs } = this.#options;
    const end = { ...first, offset: this.#access.sizeBytes, isKeyFrame: false, bytesPerMs: 0 };
    if (endMs !== undefined && endMs > (first.wallMs ?? 0)) return { ...end, wallMs: endMs };
    return (await this.#tail()) ?? { ...end, wallMs: undefined };
  }

  /** The last packet of the file that can be told. */
  async #tail(): Promise<Anchor | undefined> {
    const { sizeBytes } = this.#access;
    const start = Math.max(0, sizeBytes - headerWindowBytes);
    const anchors = await this.#anchorsAt(start, headerWindowBytes, 0);
    return anchors.at(-1);
  }

  /** The packets of video in a window whose run is known, with their times. */
  async #anchorsAt(offset: number, length: number, rate: number): Promise<Anchor[]> {
    let bytes = await this.#access.read(offset, length);
    let packets = packetsIn(bytes, offset);
    // One packet may be larger than the window.
    for (
      let more = 4 * length;
      packets.length === 0 && more <= 2 ** 24 && bytes.length === more / 4;
      more *= 4
    ) {
      bytes = await this.#access.read(offset, more);
      packets = packetsIn(bytes, offset);
    }
    const anchors: Anchor[] = [];
    const bytesPerMs = rateIn(packets);
    let run: KnownRun | undefined;
    let isSought = false;
    for (const packet of packets) {
      if (packet.kind === 'header') {
        run = (await this.#learn(packet.header)) ?? run;
        continue;
      }
      if (!run?.open(packet)) {
        run = this.#runs.find((known) => known.open(packet));
        // Looked for once in a window, and not for each of its packets.
        if (!run && !isSought) {
          isSought = true;
          run = await this.#findRun(packet, rate || bytesPerMs);
        }
      }
      if (!run) continue;
      const { header, startMs } = run;
      const { isKeyFrame, timeMs } = packet;
      anchors.push({ offset: packet.offset, header, wallMs: startMs + timeMs, isKeyFrame, bytesPerMs });
    }
    return anchors;
  }

  /** The run that a packet belongs to, by its header: it stands at the run's beginning, and again every ten minutes. */
  async #findRun(packet: ChainPacket, rate: number): Promise<KnownRun | undefined> {
    const { timeMs } = packet;
    // So shortly behind the time of a repetition, that one may stand behind the packet.
    const wantedMs = Math.floor(Math.max(0, timeMs - headerLateMs) / headerIntervalMs) * headerIntervalMs;
    let bytesPerMs = rate;
    let from = { offset: packet.offset, timeMs };
    for (let reads = 0; reads < maxHeaderReads; reads++) {
      const aim = from.offset + (wantedMs - from.timeMs) * bytesPerMs;
      const offset = clamp(
        aim - headerWindowBytes / 4,
        0,
        Math.max(0, packet.offset - headerWindowBytes / 2),
      );
      const bytes = await this.#access.read(offset, headerWindowBytes);
      const found = packetsIn(bytes, offset);
      for (const one of found) {
        const run = one.kind === 'header' ? await this.#learn(one.header) : undefined;
        if (run?.open(packet)) return run;
      }
      const near = found.find((one) => one.kind !== 'header');
      if (!near || near.offset >= packet.offset) return undefined;
      // Behind its time in the run, as it seems: it is of the run before, and the header is further on.
      const isOther = near.timeMs > timeMs;
      const middle = (near.offset + packet.offset) / 2;
      if (!isOther && near.timeMs < timeMs)
        bytesPerMs = (packet.offset - near.offset) / (timeMs - near.timeMs);
      from = isOther ? { offset: middle, timeMs: wantedMs } : { offset: near.offset, timeMs: near.timeMs };
    }
    return undefined;
  }

  async #learn(header: Header): Promise<KnownRun | undefined> {
    const known = this.#runs.find((run) => run.header.hash.equals(header.hash));
    const id = header.hash.toString('hex');
    if (known || this.#asked.has(id)) return known;
    this.#asked.add(id);
    const run = await this.#options.open(header);
    if (run) this.#runs.unshift(run);
    return run;
  }
}

type Found = ChainPacket | { readonly kind: 'header'; readonly header: Header; readonly offset: number };

/** Headers and video in a window that begins anywhere. Their memory is the window's. */
function packetsIn(bytes: Buffer, offset: number): Found[] {
  const reader = new PacketReader({ offset, hasKeys: false });
  reader.push(bytes);
  const found: Found[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'data') found.push(item);
    if (item.kind === 'header') {
      const header = item.bytes.length <= envelopeBytes + maxHeaderBytes ? readHeader(item.body) : undefined;
      if (header) found.push({ kind: 'header', header, offset: item.offset });
      else reader.reject();
    }
  }
  return found;
}

function isBefore(wallMs: number | undefined, fromMs: number): boolean {
  return wallMs !== undefined && wallMs < fromMs;
}

/** Bytes a millisecond in a window; 0 where it cannot be told. */
function rateIn(packets: readonly Found[]): number {
  const video = packets.filter((packet) => packet.kind !== 'header');
  const [first, last] = [video[0], video.at(-1)];
  if (!first || !last || last.timeMs <= first.timeMs) return 0;
  return (last.offset - first.offset) / (last.timeMs - first.timeMs);
}

/** Bytes a millisecond; 0 where it is not known. */
function rateBetween(low: Anchor, high: Anchor): number {
  if (low.wallMs === undefined || high.wallMs === undefined || high.wallMs <= low.wallMs) return 0;
  return (high.offset - low.offset) / (high.wallMs - low.wallMs);
}

/**
 * Time grows about evenly with bytes: between two places, and more so near one of them. After some steps halves are taken, for where
 * it does not.
 */
function guessOf(low: Anchor, high: Anchor, wantedMs: number, step: number): number {
  const middle = low.offset + Math.floor((high.offset - low.offset) / 2);
  const rate = rateBetween(low, high);
  if (rate === 0 && low.bytesPerMs === 0) return middle;
  if (step >= patientSteps && step % 2 === 1) return middle;
  const lowMs = low.wallMs ?? 0;
  const fromHigh =
    high.wallMs !== undefined && high.wallMs - wantedMs < wantedMs - lowMs && high.bytesPerMs > 0;
  // From the first place nobody has looked anywhere: what is known of the whole says more than what lies there.
  const near =
    step === 0 && rate > 0
      ? low.offset + (wantedMs - lowMs) * rate
      : fromHigh
        ? high.offset - ((high.wallMs ?? 0) - wantedMs) * high.bytesPerMs
        : low.offset + (wantedMs - lowMs) * (low.bytesPerMs || rate);
  const isInside = near > low.offset && near < high.offset;
  return clamp(
    isInside || rate === 0 ? near : low.offset + (wantedMs - lowMs) * rate,
    low.offset,
    high.offset - 1,
  );
}

function clamp(value: number, least: number, most: number): number {
  return Math.floor(Math.max(least, Math.min(value, most)));
}
