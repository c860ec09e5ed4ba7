/**
 * Finds where in a recording a time begins, and the key that applies there, without reading up to it.
 *
 * Nothing that is read on the way is believed: times are not authenticated, and headers may be stray. The result
 * is a place to start decrypting from that costs nothing but time if it is too early, and decryption authenticates
 * everything again and drops what lies before the time asked for. So every doubt is settled by starting earlier.
 *
 * Place: a few samples over the whole file find the first stretch in which the time asked for is reached, even
 * where the camera's clock was set back; interpolation, then halving, narrows that down to {@link windowBytes}.
 * Key: key packets partition the file. If the packet there does not authenticate under the file's first key,
 * halving over "does the packet here authenticate under it" finds where that key ends and the next one is; and so on.
 */
import type { KeyObject } from 'node:crypto';
import { decryptVideo, maxKeyBodyBytes, scanBytes } from '../encrocrypt/index.ts';
import { type FoundVideo, Prober } from './probe.ts';
import type { RandomAccess } from './source.ts';
import { isBefore } from './time.ts';

/** Opens a key packet's message; `undefined` if it cannot be used. */
export type OpenKey = (message: Buffer) => Promise<KeyObject | undefined>;

export interface SeekResult {
  /** Where to start decrypting: at the beginning of a packet. */
  readonly offset: number;
  /** The key in force there; `undefined` at the beginning of the file, where a key packet comes first. */
  readonly key: KeyObject | undefined;
}

/** Narrower than this, reading on costs less than looking further. */
const windowBytes = 256 * 1024;
/** Places looked at in any case: a stretch of doubled time longer than a fifth of the file is noticed. */
const samples = 4;
/** How exactly the place is found where the clock was set back. */
const dropBytes = 16 * 1024;
/** Bounds for a file that was made to keep us busy. */
const maxSteps = 64;
const maxKeys = 64;
/** Packets looked at where one does not authenticate: the first may be the damaged one. */
const packetsTried = 2;
/** How far into a file its first key packet is looked for. */
const firstKeyWithinBytes = 1024 * 1024;
const minuteMs = 60_000;

const fromTheBeginning: SeekResult = { offset: 0, key: undefined };

/** Where to start decrypting in order to see everything from `fromMs` on. */
export async function seek(access: RandomAccess, fromMs: number, openKey: OpenKey): Promise<SeekResult> {
  const prober = new Prober(access);
  const target = await findPlace(prober, fromMs);
  if (!target) return fromTheBeginning;
  return findKey(prober, target, openKey);
}

/**
 * Where to start decrypting in order to see the last `durationMs` of a recording that is still growing, to within
 * a few seconds: minutes are all that packets tell, so the mean rate of bytes has to do.
 */
export async function seekNearEnd(
  access: RandomAccess,
  durationMs: number,
  openKey: OpenKey,
): Promise<SeekResult> {
  const prober = new Prober(access);
  const first = await prober.video(0, prober.sizeBytes);
  if (!first) return fromTheBeginning;
  const tail = await prober.video(Math.max(0, prober.sizeBytes - windowBytes), prober.sizeBytes);
  const spanMs = Math.max((tail ?? first).timeMs - first.timeMs, minuteMs / 2);
  const backBytes = Math.ceil((prober.sizeBytes / spanMs) * durationMs);
  const target = await prober.video(Math.max(0, prober.sizeBytes - backBytes), prober.sizeBytes);
  return target ? findKey(prober, target, openKey) : fromTheBeginning;
}

/** The last packet, within {@link windowBytes}, before the first one that reaches `fromMs`. */
async function findPlace(prober: Prober, fromMs: number): Promise<FoundVideo | undefined> {
  const first = await prober.video(0, prober.sizeBytes);
  if (!first || !before(first, fromMs)) return undefined;

  let low = first;
  let high: Edge = { offset: prober.sizeBytes, timeMs: undefined };
  for (let index = 1; index <= samples; index++) {
    const sample = await prober.video(
      Math.floor((prober.sizeBytes * index) / (samples + 1)),
      prober.sizeBytes,
      near(low),
    );
    if (!sample) break;
    if (!before(sample, fromMs)) {
      high = sample;
      break;
    }
    if (sample.timeMs < low.timeMs) {
      const peak = await lastBeforeDrop(prober, low, sample.offset);
      if (!before(peak, fromMs)) {
        high = peak;
        break;
      }
      // The few packets behind it may reach the time: then go on from here, however long that takes.
      if (!before({ ...peak, timeMs: peak.timeMs + minuteMs }, fromMs)) return peak;
    }
    if (sample.offset > low.offset) low = sample;
  }

  for (let step = 0; step < maxSteps && high.offset - low.offset > windowBytes; step++) {
    const guess = nextGuess(first, low, high, fromMs);
    const found = await prober.video(guess, high.offset, between(low, high));
    if (!found) high = { ...high, offset: guess };
    else if (before(found, fromMs)) low = found;
    else high = { offset: Math.min(found.offset, guess), timeMs: found.timeMs };
  }
  return low;
}

/** Between `low` and `end` the clock was set back: the last packet, nearly, before that. */
async function lastBeforeDrop(prober: Prober, low: FoundVideo, end: number): Promise<FoundVideo> {
  let last = low;
  let high = end;
  for (let step = 0; step < maxSteps && high - last.offset > dropBytes; step++) {
    const middle = last.offset + Math.floor((high - last.offset) / 2);
    const found = await prober.video(middle, high);
    if (found && found.timeMs >= low.timeMs) last = found;
    else high = middle;
  }
  return last;
}

interface Edge {
  readonly offset: number;
  readonly timeMs: number | undefined;
}

function before(packet: FoundVideo, fromMs: number): boolean {
  return isBefore(packet.timeMs, { fromMs, toMs: undefined });
}

/** Within a week of a packet before it: what claims more is looked at twice. */
function near(low: FoundVideo): (timeMs: number) => boolean {
  const weekMs = 7 * 24 * 60 * minuteMs;
  return (timeMs) => Math.abs(timeMs - low.timeMs) <= weekMs;
}

function between(low: FoundVideo, high: Edge): (timeMs: number) => boolean {
  const { timeMs: highMs } = high;
  if (highMs === undefined) return near(low);
  return (timeMs) => timeMs >= low.timeMs && timeMs <= highMs;
}

/**
 * Where to look next. Time grows about evenly with bytes, so interpolate while minutes tell more than their
 * rounding; guesses keep away from the edges, so that each step narrows by a sixteenth at least.
 */
function nextGuess(first: FoundVideo, low: FoundVideo, high: Edge, fromMs: number): number {
  const span = high.offset - low.offset;
  const middle = low.offset + Math.floor(span / 2);
  let bytesPerMs: number;
  if (high.timeMs !== undefined) {
    if (high.timeMs - low.timeMs <= 3 * minuteMs) return middle;
    bytesPerMs = span / (high.timeMs - low.timeMs);
  } else {
    // The end's time is unknown: go on at the rate so far.
    if (low.timeMs - first.timeMs <= 3 * minuteMs) return middle;
    bytesPerMs = (low.offset - first.offset) / (low.timeMs - first.timeMs);
  }
  const guess = low.offset + (fromMs - low.timeMs) * bytesPerMs;
  const margin = span / 16;
  return Math.floor(Math.min(Math.max(guess, low.offset + margin), high.offset - margin));
}

interface KnownKey {
  /** Of its key packet. */
  readonly offset: number;
  /** Of what follows the key packet. */
  readonly end: number;
  readonly key: KeyObject;
}

async function findKey(prober: Prober, target: FoundVideo, openKey: OpenKey): Promise<SeekResult> {
  let known = await nextKey(prober, 0, Math.min(target.offset, firstKeyWithinBytes), openKey);
  if (!known) return fromTheBeginning;
  for (let count = 0; count < maxKeys; count++) {
    if (await authenticates(prober, target.offset, known.key))
      return { offset: target.offset, key: known.key };
    // Before its end the next key packet lies, unless damage misled us.
    const reach = await reachOf(prober, known, target.offset);
    const next = await nextKey(prober, reach.low, reach.high + maxKeyBodyBytes, openKey);
    if (!next || next.offset > target.offset) return { offset: reach.low, key: known.key };
    known = next;
  }
  return { offset: known.end, key: known.key };
}

/** Narrows down where packets stop to authenticate under a key: they still do at `low`, and no longer at `high`. */
async function reachOf(prober: Prober, known: KnownKey, end: number): Promise<{ low: number; high: number }> {
  let low = known.end;
  let high = end;
  for (let step = 0; step < maxSteps && high - low > windowBytes; step++) {
    const middle = low + Math.floor((high - low) / 2);
    const packet = await prober.video(middle, high);
    if (packet && (await authenticates(prober, packet.offset, known.key))) low = packet.offset;
    else high = middle;
  }
  return { low, high };
}

async function authenticates(prober: Prober, offset: number, key: KeyObject): Promise<boolean> {
  let position = offset;
  for (let count = 0; count < packetsTried; count++) {
    const packet = await prober.video(position, prober.sizeBytes);
    if (!packet) return false;
    if (decryptVideo(key, await prober.body(packet))) return true;
    position = packet.offset + packet.packetBytes;
  }
  return false;
}

/** The first usable key packet in a stretch of the file. */
async function nextKey(
  prober: Prober,
  from: number,
  end: number,
  openKey: OpenKey,
): Promise<KnownKey | undefined> {
  const stop = Math.min(end, prober.sizeBytes);
  // A short stretch is fetched at once: on a drive, each of many small reads would cost round trips.
  if (stop - from <= 2 * windowBytes) await prober.read(from, stop - from + scanBytes);
  for (let position = from; ; ) {
    const packet = await prober.header(position, stop);
    if (!packet) return undefined;
    // Inside a cut packet the next one begins before its length says so: look at every header.
    position = packet.offset + 1;
    if (packet.kind !== 'key') continue;
    const key = await openKey(await prober.body(packet));
    if (key) return { offset: packet.offset, end: packet.offset + packet.packetBytes, key };
  }
}
