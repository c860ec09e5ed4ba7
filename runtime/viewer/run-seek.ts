/**
 * Finds where in a recording of EncroCrypt3 to start decrypting so that everything from a time on is seen, in few reads: on a drive
 * each is a round trip. The result is the beginning of a key frame's packet, or of the file. Every doubt is settled by starting earlier.
 */
import type { Header } from '../encrocrypt/v3/index.ts';
import { type Anchor, type OpenRun, RunWindows } from './run-windows.ts';
import { offsetAt, rateBetween } from './seek-curve.ts';
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

/** Where to start decrypting in order to see everything from `fromMs` on. */
export async function seekRun(
  access: RandomAccess,
  fromMs: number,
  { open, endMs }: RunSeekOptions,
): Promise<RunPlace> {
  const windows = new RunWindows(access, open);
  const [first] = await windows.at(0, firstWindowBytes, 0);
  if (first?.wallMs === undefined || first.wallMs >= fromMs) return fromTheBeginning;
  const end: Anchor = { ...first, offset: access.sizeBytes, isKeyFrame: false, bytesPerMs: 0 };
  const isTold = endMs !== undefined && endMs > first.wallMs;
  const last = isTold
    ? { ...end, wallMs: endMs }
    : ((await tail(windows, access)) ?? { ...end, wallMs: undefined });
  return narrow(windows, fromMs, first, last);
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
  const last = await tail(windows, access);
  if (last?.wallMs === undefined) return fromTheBeginning;
  return narrow(windows, last.wallMs - durationMs, first, last);
}

/** The last packet of the file that can be told. */
async function tail(windows: RunWindows, access: RandomAccess): Promise<Anchor | undefined> {
  const start = Math.max(0, access.sizeBytes - minWindowBytes);
  return (await windows.at(start, minWindowBytes, 0)).at(-1);
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
    const offset = isNarrow ? low.offset : guessOf(low, high, fromMs, step) - before * length;
    const start = Math.floor(clamp(offset, low.offset, high.offset - 1));
    const anchors = await windows.at(start, length, rate);
    const sooner = anchors.filter((one) => isBefore(one, fromMs) && one.offset < high.offset);
    const later = anchors.find(({ wallMs }) => wallMs !== undefined && wallMs >= fromMs);
    const key = sooner.findLast(({ isKeyFrame }) => isKeyFrame);
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
  for (let length = minWindowBytes; length <= maxKeyFrameBytes; length *= 4) {
    const start = Math.max(0, end - length);
    const anchors = await windows.at(start, end - start, 0);
    const key = anchors.findLast((one) => one.isKeyFrame && isBefore(one, fromMs));
    if (key || start === 0) return key;
  }
  return undefined;
}

function isBefore({ wallMs }: Anchor, fromMs: number): boolean {
  return wallMs !== undefined && wallMs < fromMs;
}

/** After some steps halves are taken, for where time does not grow about evenly with bytes. */
function guessOf(low: Anchor, high: Anchor, wantedMs: number, step: number): number {
  if (step >= patientSteps && step % 2 === 1) return (low.offset + high.offset) / 2;
  // From the first place nobody has looked anywhere: what is known of the whole says more than what lies there.
  if (step === 0 && high.wallMs !== undefined) {
    return offsetAt({ ...low, bytesPerMs: 0 }, { ...high, bytesPerMs: 0 }, wantedMs);
  }
  return offsetAt(low, high, wantedMs);
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
