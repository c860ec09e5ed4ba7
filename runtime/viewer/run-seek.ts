/**
 * Finds where in a recording of EncroCrypt3 to start decrypting so that everything from a time on is seen, in few reads: on a drive
 * each is a round trip. The result is the beginning of a key frame's packet, of a checkpoint before all that somebody was given, or of
 * the file. Every doubt is settled by starting earlier.
 */
import type { Header, HeaderPlace } from '../encrocrypt/v3/index.ts';
import { type Anchor, type OpenRun, RunWindows, type Tail } from './run-windows.ts';
import { type Knot, offsetAt, rateBetween } from './seek-curve.ts';
import type { RandomAccess } from './source.ts';

export interface RunPlace {
  /** At the beginning of a packet. */
  readonly offset: number;
  /** Of the run that the place lies in; undefined at the beginning of the file. */
  readonly header: Header | undefined;
}

export interface RunSeekOptions {
  readonly open: OpenRun;
  /** When the recording ends, nearly, in milliseconds since the epoch: the end of its slot, or now. */
  readonly endMs: number | undefined;
}

const fromTheBeginning: RunPlace = { offset: 0, header: undefined };
/** The first read of a file, which its version is told by too. */
export const firstWindowBytes = 256 * 1024;
/** Read at once: what lasts so long, within these bounds. A mebibyte takes a drive about as long as asking for it does. */
const windowMs = 12_000;
const minWindowBytes = 1024 * 1024;
const maxWindowBytes = 4 * 2 ** 20;
/** How much of a window lies before the place that the time is expected at. */
const before = 0.6;
/** A place is good enough where decrypting up to the time takes no longer than another read. */
const goodEnoughMs = 10_000;
const goodEnoughBytes = 1024 * 1024;
const maxKeyFrameBytes = 16 * 2 ** 20;
/** Bounds for a file that was made to keep us busy. */
const maxSteps = 24;
const patientSteps = 6;
/** So often a file's own index is believed where to look. */
const hintedSteps = 4;
/** In a smaller file one window more finds what the end would tell. */
const minTailedBytes = 8 * minWindowBytes;

/** Where to start decrypting in order to see everything from `fromMs` on. */
export async function seekRun(
  access: RandomAccess,
  fromMs: number,
  { open, endMs }: RunSeekOptions,
): Promise<RunPlace> {
  const windows = new RunWindows(access, open);
  const [first] = await windows.at(0, firstWindowBytes, 0);
  if (first?.wallMs === undefined || first.wallMs >= fromMs) return fromTheBeginning;
  const end: Anchor = { ...first, offset: access.sizeBytes, isStart: false, bytesPerMs: 0 };
  const isTold = endMs !== undefined && endMs > first.wallMs;
  const told: Anchor = { ...end, wallMs: isTold ? endMs : undefined };
  if (isTold && access.sizeBytes < minTailedBytes) return narrow(windows, fromMs, first, told);
  const tail = await windows.tail(minWindowBytes, rateBetween(first, told));
  let { anchors } = tail;
  // Where a run ends in order, and nothing is noted, nothing was: it is of an older recorder.
  const isNoted = windows.index.length > 0 || (tail.isEnded && isTold);
  if (!isNoted && !isWithin(anchors, fromMs)) anchors = await tail.search();
  if (tail.isEnded && windows.index.length === 0) return narrow(windows, fromMs, first, told);
  return (
    (await placeIn(windows, { ...tail, anchors }, fromMs)) ??
    narrow(windows, fromMs, first, anchors.at(-1) ?? told)
  );
}

/** Where to start decrypting in order to see the last `durationMs` of a recording that is still growing. */
export async function seekRunNearEnd(
  access: RandomAccess,
  durationMs: number,
  { open }: RunSeekOptions,
): Promise<RunPlace> {
  const windows = new RunWindows(access, open);
  const [first] = await windows.at(0, firstWindowBytes, 0);
  if (!first) return fromTheBeginning;
  const tail = await windows.tail(minWindowBytes, 0);
  let { anchors } = tail;
  const isFar = (): boolean => !isWithin(anchors, (anchors.at(-1)?.wallMs ?? 0) - durationMs);
  if (anchors.length === 0 || (isFar() && windows.index.length === 0)) anchors = await tail.search();
  const last = anchors.at(-1);
  if (last?.wallMs === undefined) return fromTheBeginning;
  const fromMs = last.wallMs - durationMs;
  return (await placeIn(windows, { ...tail, anchors }, fromMs)) ?? narrow(windows, fromMs, first, last);
}

/** The place of a time that lies in the last packets of a file, or behind them. */
async function placeIn(windows: RunWindows, tail: Tail, fromMs: number): Promise<RunPlace | undefined> {
  const { anchors, offset } = tail;
  // Where the clock was set back the time may have been before.
  const isSooner = windows.index.some((place) => place.offset < offset && place.wallMs >= fromMs);
  if (isSooner || !isWithin(anchors, fromMs)) return undefined;
  const isKey = (one: Anchor): boolean => one.isStart && isBefore(one, fromMs);
  const key = anchors.findLast(isKey) ?? (await keyFrameBefore(windows, offset, fromMs));
  return key && { offset: key.offset, header: key.header };
}

/** Whether a time is not before all of these. */
function isWithin(anchors: readonly Anchor[], fromMs: number): boolean {
  return anchors.some((one) => isBefore(one, fromMs));
}

/** Comes nearer from a place before the time and one behind it. */
async function narrow(windows: RunWindows, fromMs: number, first: Anchor, end: Anchor): Promise<RunPlace> {
  let [low, high, best] = [first, end, first];
  for (let step = 0; step < maxSteps && high.offset - low.offset > 1; step++) {
    const rate = rateBetween(low, high);
    const aheadMs = fromMs - (best.wallMs ?? 0);
    const aheadBytes = aheadMs * (best.bytesPerMs || rate || Number.POSITIVE_INFINITY);
    if (aheadMs <= goodEnoughMs || aheadBytes <= goodEnoughBytes) break;
    const length = Math.floor(clamp(rate * windowMs, minWindowBytes, maxWindowBytes));
    const isNarrow = high.offset - low.offset <= length;
    const offset = isNarrow ? low.offset : guessOf(windows.index, low, high, fromMs, step) - before * length;
    const start = Math.floor(clamp(offset, low.offset, high.offset - 1));
    const anchors = await windows.at(start, length, rate);
    const sooner = anchors.filter((one) => isBefore(one, fromMs) && one.offset < high.offset);
    const later = anchors.find(({ wallMs }) => wallMs !== undefined && wallMs >= fromMs);
    const key = sooner.findLast(({ isStart }) => isStart);
    if (key && key.offset > best.offset) best = key;
    const last = sooner.at(-1);
    if (isNarrow || (last && later)) {
      if (!key && start > best.offset) best = (await keyFrameBefore(windows, start, fromMs)) ?? best;
      break;
    }
    if (last && last.offset > low.offset) low = last;
    if (later && later.offset < high.offset) high = later;
    // Nothing is known of what lies there: whatever it is, starting before it is right.
    if (anchors.length === 0) high = { ...high, offset: start, wallMs: undefined };
  }
  return best.offset === first.offset ? fromTheBeginning : { offset: best.offset, header: best.header };
}

/** The last key frame before a place at which the time was found: it is further back than a window. */
async function keyFrameBefore(windows: RunWindows, end: number, fromMs: number): Promise<Anchor | undefined> {
  // Where the window began with the file there is nothing before it.
  for (let length = minWindowBytes; end > 0 && length <= maxKeyFrameBytes; length *= 4) {
    const start = Math.max(0, end - length);
    const anchors = await windows.at(start, end - start, 0);
    const key = anchors.findLast((one) => one.isStart && isBefore(one, fromMs));
    if (key || start === 0) return key;
  }
  return undefined;
}

function isBefore({ wallMs }: Anchor, fromMs: number): boolean {
  return wallMs !== undefined && wallMs < fromMs;
}

/** After some steps halves are taken, for where time does not grow about evenly with bytes. */
function guessOf(
  index: readonly HeaderPlace[],
  low: Anchor,
  high: Anchor,
  wantedMs: number,
  step: number,
): number {
  const [from, to] = step < hintedSteps ? hintsAround(index, low, high, wantedMs) : [low, high];
  if (step >= patientSteps && step % 2 === 1) return (low.offset + high.offset) / 2;
  // From the first place nobody has looked anywhere: what is known of the whole says more than what lies there.
  if (step === 0 && to.wallMs !== undefined) {
    return offsetAt({ ...from, bytesPerMs: 0 }, { ...to, bytesPerMs: 0 }, wantedMs);
  }
  return offsetAt(from, to, wantedMs);
}

/** Places before and behind a time: noted ones, where these are nearer than what was looked at. */
function hintsAround(
  index: readonly HeaderPlace[],
  low: Anchor,
  high: Anchor,
  wantedMs: number,
): [before: Knot, behind: Knot] {
  // The first that is behind it: where the clock was set back there are several.
  const at = index.findIndex(({ wallMs }) => wallMs >= wantedMs);
  const knotOf = (place: HeaderPlace | undefined): Knot | undefined =>
    place && place.offset > low.offset && place.offset < high.offset
      ? { ...place, bytesPerMs: 0 }
      : undefined;
  const [before, behind] = at === -1 ? [index.at(-1), undefined] : [index[at - 1], index[at]];
  return [knotOf(before) ?? low, knotOf(behind) ?? high];
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
