/**
 * What must be read before a place in the middle of a file so that what follows can be checked: everything since a checkpoint
 * before it, or since its run's header.
 */
import {
  checkpointSignedBytes,
  decodeCheckpoint,
  envelopeBytes,
  type FilePlace,
  type Header,
  importRunKey,
  marker,
  packetType,
  positionBytes,
  readHeader,
  signatureBytes,
} from '../encrocrypt/v3/index.ts';
import type { RememberedReads } from '../viewer/remembered-reads.ts';

/** A checkpoint is due every few seconds: at 5 Mbit/s and 5 s, 3 MB. */
const firstWindowBytes = 1024 * 1024;
const maxWindowBytes = 64 * 1024 * 1024;
const checkpointBodyBytes = checkpointSignedBytes + signatureBytes;
const checkpointBytes = envelopeBytes + checkpointBodyBytes;
const checkpointStart = Buffer.concat([marker, Buffer.of(packetType.checkpoint, 0, 0, checkpointBodyBytes)]);
const headerStart = Buffer.concat([marker, Buffer.of(packetType.header)]);

export interface LeadIn {
  /** Where in the file it begins. */
  readonly offset: number;
  /** From there to the place. */
  readonly bytes: Buffer;
}

/**
 * @param access what was read while the place was sought is not read again.
 * @param place where a packet begins.
 * @returns undefined if nothing leads there within bounds.
 */
export async function leadIn(
  access: RememberedReads,
  { offset, header }: FilePlace,
): Promise<LeadIn | undefined> {
  // A checkpoint settles all that was before it: nothing leads there.
  const here = await access.read(offset, checkpointBytes);
  if (lastCheckpoint(here.subarray(0, checkpointBytes), header) === 0)
    return { offset, bytes: Buffer.alloc(0) };
  for (let bytes = access.before(offset); ; ) {
    const at = lastCheckpoint(bytes, header) ?? beginOf(Buffer.concat([bytes, here]), bytes.length, header);
    if (at !== undefined) return { offset: offset - bytes.length + at, bytes: bytes.subarray(at) };
    const end = offset - bytes.length;
    if (end === 0 || bytes.length >= maxWindowBytes) return undefined;
    const length = Math.min(end, Math.max(firstWindowBytes, bytes.length));
    bytes = Buffer.concat([await access.read(end - length, length), bytes]);
  }
}

function lastCheckpoint(window: Buffer, { statement }: Header): number | undefined {
  const key = importRunKey(statement.runKey);
  for (const at of placesOf(checkpointStart, window)) {
    const body = window.subarray(at + envelopeBytes, at + checkpointBytes);
    if (decodeCheckpoint(body, statement.runId, key)) return at;
  }
  return undefined;
}

/** Where the run begins: the header stands again and again, and before packet 0 only once. */
function beginOf(window: Buffer, end: number, { hash }: Header): number | undefined {
  for (const at of placesOf(headerStart, window.subarray(0, end))) {
    const next = at + envelopeBytes + window.readUIntBE(at + headerStart.length, 3);
    if (next > end || next + envelopeBytes + positionBytes > window.length) continue;
    const isFirst =
      window.subarray(next, next + marker.length).equals(marker) &&
      window.readUIntBE(next + envelopeBytes, 3) === 0;
    if (isFirst && readHeader(window.subarray(at + envelopeBytes, next))?.hash.equals(hash)) return at;
  }
  return undefined;
}

/** From the last one to the first. */
function* placesOf(start: Buffer, window: Buffer): Generator<number> {
  const last = window.length - envelopeBytes;
  if (last < 0) return;
  for (let at = window.lastIndexOf(start, last); at >= 0; at = window.lastIndexOf(start, at - 1)) {
    yield at;
    if (at === 0) return;
  }
}
