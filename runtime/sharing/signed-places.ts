/** Where in a run's part of a file its key signed how far it had come: found by the time, in few reads and without any other key. */
import {
  checkpointSignedBytes,
  decodeCheckpoint,
  envelopeBytes,
  marker,
  packetType,
  signatureBytes,
} from '../encrocrypt/v3/index.ts';
import type { MappedRun } from '../verifier/sample/file-map.ts';
import type { RandomAccess } from '../viewer/source.ts';

/** A checkpoint of the run, or the place behind its first header. */
export interface SignedPlace {
  readonly offset: number;
  /** Milliseconds since the run's start. */
  readonly toMs: number;
}

const checkpointBodyBytes = checkpointSignedBytes + signatureBytes;
const checkpointBytes = envelopeBytes + checkpointBodyBytes;
const checkpointStart = Buffer.concat([marker, Buffer.of(packetType.checkpoint, 0, 0, checkpointBodyBytes)]);
const minWindowBytes = 256 * 1024;
const maxWindowBytes = 16 * 2 ** 20;
/** A bit rate swings. */
const roomFactor = 1.5;
/** What lies between two places is read rather than looked into again where it is no longer than so many checkpoints take. */
const nearIntervals = 3;
/** Bounds for a file that was made to keep us busy. */
const maxSteps = 24;
const patientSteps = 6;
/** Checkpoints of nobody: each costs a signature's time, and a camera makes none. */
const maxForged = 100;

/** The last checkpoint of a run's part. @returns undefined if none stands near its end. */
export async function lastSignedPlace(
  access: RandomAccess,
  run: MappedRun,
): Promise<SignedPlace | undefined> {
  for (let length = windowBytesOf(run); ; length *= 4) {
    const start = Math.max(run.headerEnd, run.end - length);
    const last = checkpointsIn(await access.read(start, run.end - start), start, run)?.at(-1);
    if (last) return last;
    if (start === run.headerEnd) return beginOf(run);
    if (length >= maxWindowBytes) return undefined;
  }
}

/**
 * A place near before a time, by which nothing later was signed before it.
 * @param last of the run.
 * @returns undefined if it cannot be told: then nothing can be said of this file by looking at parts of it.
 */
export async function signedPlaceBefore(
  access: RandomAccess,
  run: MappedRun,
  timeMs: number,
  last: SignedPlace,
): Promise<SignedPlace | undefined> {
  if (timeMs >= last.toMs) return last;
  let [low, high, windowBytes] = [beginOf(run), last, windowBytesOf(run)];
  const nearMs = nearIntervals * run.header.statement.checkpointMs;
  for (let step = 0; step < maxSteps; step++) {
    const between = high.offset - low.offset;
    if (timeMs - low.toMs <= nearMs || between <= 2 * windowBytes) break;
    const isHalved = step >= patientSteps && step % 2 === 1;
    const share = isHalved ? 0.5 : (timeMs - low.toMs) / (high.toMs - low.toMs);
    const wanted = Math.floor(low.offset + share * between - 0.75 * windowBytes);
    const start = Math.max(low.offset, Math.min(wanted, high.offset - windowBytes));
    const found = checkpointsIn(await access.read(start, windowBytes), start, run);
    if (!found || (found.length === 0 && windowBytes >= maxWindowBytes)) return undefined;
    if (found.length === 0) windowBytes *= 2;
    // Something stands out of its order.
    if (found.some(({ toMs }) => toMs < low.toMs || toMs > high.toMs)) return undefined;
    const sooner = found.findLast(({ toMs }) => toMs <= timeMs);
    const later = found.find(({ toMs }) => toMs > timeMs);
    low = sooner ?? low;
    high = later ?? high;
    if (sooner && later) break;
  }
  return low;
}

function beginOf({ headerEnd }: MappedRun): SignedPlace {
  return { offset: headerEnd, toMs: 0 };
}

/** What the run's longest interval is likely to take: one checkpoint at least stands in it. */
function windowBytesOf({ header, offset, end, last }: MappedRun): number {
  const rate = last.toMs > 0 ? (end - offset) / last.toMs : 0;
  const bytes = minWindowBytes + roomFactor * rate * header.statement.checkpointMs;
  return Math.ceil(Math.min(bytes, maxWindowBytes));
}

/** @returns undefined where too many stand that the run's key did not sign. */
function checkpointsIn(
  window: Buffer,
  offset: number,
  { header, key }: MappedRun,
): SignedPlace[] | undefined {
  const found: SignedPlace[] = [];
  let forged = 0;
  for (let at = window.indexOf(checkpointStart); at !== -1; at = window.indexOf(checkpointStart, at + 1)) {
    const body = window.subarray(at + envelopeBytes, at + checkpointBytes);
    // The window cuts it.
    if (body.length < checkpointBodyBytes) break;
    const checkpoint = decodeCheckpoint(body, header.statement.runId, key);
    if (checkpoint) found.push({ offset: offset + at, toMs: checkpoint.toMs });
    else if (++forged > maxForged) return undefined;
  }
  return found;
}
