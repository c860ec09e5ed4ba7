/**
 * What must be read before a place in the middle of a file so that what follows can be checked: a run's header, and everything
 * since a checkpoint before it.
 */
import {
  decodeCheckpoint,
  envelopeBytes,
  type Header,
  importRunKey,
  magic,
  marker,
  maxHeaderBytes,
  packetType,
  readHeader,
} from '../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../viewer/source.ts';

/** A checkpoint is due every few seconds: at 5 Mbit/s and 5 s, 3 MB. */
const firstWindowBytes = 1024 * 1024;
const maxWindowBytes = 64 * 1024 * 1024;
const checkpointBodyBytes = 142;
const checkpointStart = Buffer.concat([marker, Buffer.of(packetType.checkpoint, 0, 0, checkpointBodyBytes)]);

/**
 * @param offset where a packet begins, of the run whose header stands at the beginning of the file.
 * @returns undefined if the file begins with something else, or has no checkpoint for too long.
 */
export async function leadIn(access: RandomAccess, offset: number): Promise<Buffer | undefined> {
  const begin = await access.read(0, envelopeBytes + maxHeaderBytes);
  const header = headerAt(begin);
  if (!header) return undefined;
  for (let length = firstWindowBytes; length <= maxWindowBytes; length *= 2) {
    if (length >= offset) return access.read(0, offset);
    const window = await access.read(offset - length, length);
    const place = lastCheckpoint(window, header.header);
    if (place !== undefined) return Buffer.concat([header.bytes, window.subarray(place)]);
  }
  return undefined;
}

function headerAt(begin: Buffer): { readonly bytes: Buffer; readonly header: Header } | undefined {
  const isHeader =
    begin.subarray(0, marker.length).equals(marker) &&
    begin.subarray(envelopeBytes, envelopeBytes + magic.length).equals(magic);
  if (!isHeader) return undefined;
  const end = envelopeBytes + begin.readUIntBE(marker.length + 1, 3);
  const header = readHeader(begin.subarray(envelopeBytes, end));
  return header && { bytes: Buffer.from(begin.subarray(0, end)), header };
}

function lastCheckpoint(window: Buffer, { statement }: Header): number | undefined {
  const key = importRunKey(statement.runKey);
  for (
    let at = window.lastIndexOf(checkpointStart);
    at > 0;
    at = window.lastIndexOf(checkpointStart, at - 1)
  ) {
    const body = window.subarray(at + envelopeBytes, at + envelopeBytes + checkpointBodyBytes);
    if (decodeCheckpoint(body, statement.runId, key)) return at;
  }
  return undefined;
}
