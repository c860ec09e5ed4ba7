/**
 * The log of everything a machine wrote to its card (QEMU's `blklogwrites`, in the format of the kernel's
 * dm-log-writes): from it a card is made as it would be after a power cut at any moment.
 *
 * What a cut loses: killing QEMU loses only what the guest's kernel still held. A real card may also lose writes
 * that it had acknowledged but not yet flushed, all of them or any, in any order; this is what `cardAfterCut` does.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { Card } from './card.ts';

const magic = 0x6a_73_66_77_73_68_72n;
const flags = { flush: 1n, fua: 2n, discard: 4n } as const;
const chunkBytes = 1024 * 1024;

/** One request of the machine to its card. */
export interface LoggedRequest {
  readonly kind: 'write' | 'discard' | 'flush';
  /** The write is on the card when it is acknowledged (force unit access). */
  readonly isForced: boolean;
  readonly startByte: number;
  readonly lengthBytes: number;
  /** Where its bytes stand in the log. */
  readonly dataAt: number;
}

/**
 * Reads the log, in the order in which the machine asked. The header's count lags behind after a kill: what follows
 * is read as long as it makes sense.
 */
export function readWriteLog(logFile: string): LoggedRequest[] {
  const log = openSync(logFile, 'r');
  try {
    const sizeBytes = fstatSync(log).size;
    const header = read(log, 0, 28);
    if (header.readBigUInt64LE(0) !== magic) throw new Error(`${logFile} is no log of writes.`);
    const sectorBytes = header.readUInt32LE(24);
    const requests: LoggedRequest[] = [];
    let at = sectorBytes;
    while (at + sectorBytes <= sizeBytes) {
      const entry = read(log, at, 32);
      const sectors = Number(entry.readBigUInt64LE(8));
      const bits = entry.readBigUInt64LE(16);
      const isFlush = (bits & flags.flush) !== 0n;
      if (sectors === 0 && !isFlush) break;
      const lengthBytes = sectors * sectorBytes;
      const isDiscard = (bits & flags.discard) !== 0n;
      const dataAt = at + sectorBytes;
      const storedBytes = isDiscard ? 0 : lengthBytes;
      if (dataAt + storedBytes > sizeBytes) break;
      if (isFlush) requests.push({ kind: 'flush', isForced: false, startByte: 0, lengthBytes: 0, dataAt });
      if (sectors > 0) {
        requests.push({
          kind: isDiscard ? 'discard' : 'write',
          isForced: (bits & flags.fua) !== 0n,
          startByte: Number(entry.readBigUInt64LE(0)) * sectorBytes,
          lengthBytes,
          dataAt,
        });
      }
      at = dataAt + storedBytes;
    }
    return requests;
  } finally {
    closeSync(log);
  }
}

export interface Cut {
  /** The cut comes before this request: none from here on reached the card. */
  readonly before: number;
  /** Which of the writes since the last flush are on the card all the same. */
  readonly keeps: (request: LoggedRequest, index: number) => boolean;
}

/** The requests that are on the card after a cut: all up to the last flush, forced ones, and whatever `keeps` says. */
export function survivors(requests: readonly LoggedRequest[], { before, keeps }: Cut): LoggedRequest[] {
  const happened = requests.slice(0, before);
  const lastFlush = happened.findLastIndex(({ kind }) => kind === 'flush');
  return happened.filter(
    (request, index) =>
      request.kind === 'write' && (index <= lastFlush || request.isForced || keeps(request, index)),
  );
}

/**
 * The card as a power cut leaves it: `original`, as it was when the log began, with what survives written to it.
 * Discards are left out: a card may or may not do them, and what was discarded is not asked for again.
 */
export async function cardAfterCut(
  original: Card,
  logFile: string,
  requests: readonly LoggedRequest[],
  cut: Cut,
  file: string,
): Promise<Card> {
  const card = await original.copy(file);
  const log = openSync(logFile, 'r');
  const target = openSync(file, 'r+');
  try {
    for (const { dataAt, startByte, lengthBytes } of survivors(requests, cut)) {
      for (let done = 0; done < lengthBytes; done += chunkBytes) {
        const part = read(log, dataAt + done, Math.min(chunkBytes, lengthBytes - done));
        writeSync(target, part, 0, part.length, startByte + done);
      }
    }
  } finally {
    closeSync(log);
    closeSync(target);
  }
  return card;
}

function read(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const count = readSync(file, buffer, 0, length, position);
  if (count !== length) throw new Error(`The log of writes ends at ${position + count}.`);
  return buffer;
}
