/** Where the bytes of a recording come from: a file, standard input, or a drive. */
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { EncroCamError, messageOf } from '../errors.ts';
import { printable } from '../log.ts';
import type { DrivePath, Storage } from '../storage/storage.ts';
import { lastPacketEnd } from './align.ts';

/** Reads anywhere, for finding a place in a recording without reading up to it. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /** What one read should ask for at first: little from a disk; more from a drive, where each costs round trips. */
  readonly probeBytes: number;
  /** Fewer bytes than `length` at the end of the file only. */
  read(offset: number, length: number): Promise<Buffer>;
}

export interface Source {
  /** For messages: printable, without a password. */
  readonly name: string;
  /** `undefined` for what can only be read from its beginning. */
  readonly access: RandomAccess | undefined;
  /** The bytes from `offset` on. A chunk's memory is used again after the next one but one was asked for. */
  stream(offset: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

const pieceBytes = 1024 * 1024;
/** The first piece is small, each next one twice as long: whoever wants one minute shall not read a megabyte for it. */
const firstPieceBytes = 128 * 1024;
/** Room for the beginning of a packet that the next piece completes; larger ones just cost a copy. */
const carryBytes = 1024 * 1024;
/** One is being read, one decrypted, and the one before may still be looked at. */
const buffersInUse = 3;

/**
 * @param options `mustBeFile`: a pipe with a name is refused, and not waited for, as is whatever else is no file
 * @throws {EncroCamError} `INPUT_UNREADABLE`
 */
export async function openFileSource(file: string, { mustBeFile = false } = {}): Promise<Source> {
  let handle: FileHandle;
  let sizeBytes: number;
  try {
    handle = await open(file, constants.O_RDONLY | (mustBeFile ? constants.O_NONBLOCK : 0));
    const stats = await handle.stat();
    if (mustBeFile && !stats.isFile()) {
      await handle.close();
      throw new Error('it is not a file');
    }
    // A pipe with a name has neither a size nor places.
    if (!stats.isFile()) {
      await handle.close();
      return streamSource(file, () => createReadStream(file, { highWaterMark: pieceBytes }));
    }
    sizeBytes = stats.size;
  } catch (error) {
    throw unreadable(file, error);
  }
  const readAt = async (buffer: Buffer, position: number): Promise<number> => {
    try {
      return (await handle.read(buffer, 0, buffer.length, position)).bytesRead;
    } catch (error) {
      throw unreadable(file, error);
    }
  };
  return {
    name: printable(file),
    access: {
      sizeBytes,
      probeBytes: 4096,
      async read(offset, length) {
        const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, sizeBytes - offset)));
        let filled = 0;
        while (filled < buffer.length) {
          const bytesRead = await readAt(buffer.subarray(filled), offset + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return buffer.subarray(0, filled);
      },
    },
    stream: (offset) => filePieces(readAt, offset),
    close: () => handle.close(),
  };
}

/**
 * Reads ahead into a few buffers that are used in turn, and cuts where packets end, so that the packet reader can
 * work in place instead of copying everything once more.
 */
async function* filePieces(
  readAt: (buffer: Buffer, position: number) => Promise<number>,
  offset: number,
): AsyncGenerator<Uint8Array> {
  const buffers = Array.from({ length: buffersInUse }, () => Buffer.allocUnsafeSlow(carryBytes + pieceBytes));
  const bufferAt = (index: number): Buffer => buffers[index % buffersInUse] ?? Buffer.alloc(0);
  let position = offset;
  let carry: Buffer = Buffer.alloc(0);
  let index = 0;
  let nextBytes = firstPieceBytes;
  const readAhead = (): Promise<number> => {
    const reading = readAt(bufferAt(index).subarray(carryBytes, carryBytes + nextBytes), position);
    nextBytes = Math.min(2 * nextBytes, pieceBytes);
    return reading;
  };
  let ahead = readAhead();
  for (;;) {
    const bytesRead = await ahead;
    if (bytesRead === 0) break;
    position += bytesRead;
    const buffer = bufferAt(index);
    index += 1;
    const start = carryBytes - carry.length;
    buffer.set(carry, start);
    const filled = buffer.subarray(start, carryBytes + bytesRead);
    const end = lastPacketEnd(filled);
    carry = filled.length - end <= carryBytes ? filled.subarray(end) : Buffer.alloc(0);
    const piece = filled.subarray(0, filled.length - carry.length);
    ahead = readAhead();
    // It is awaited after the yield: should the consumer leave, nobody waits for it, and nobody need know.
    ahead.catch(() => undefined);
    if (piece.length > 0) yield piece;
  }
  if (carry.length > 0) yield carry;
}

/** Standard input, which is read to its end. */
export function stdinSource(): Source {
  return streamSource('standard input', () => process.stdin);
}

function streamSource(name: string, openStream: () => AsyncIterable<Uint8Array>): Source {
  return {
    name: printable(name),
    access: undefined,
    async *stream() {
      try {
        yield* openStream();
      } catch (error) {
        throw unreadable(name, error);
      }
    },
    close: async () => undefined,
  };
}

/** A recording on a drive whose session is open. */
export function driveSource(storage: Storage, file: DrivePath, sizeBytes: number): Source {
  const access = driveAccess(storage, file, sizeBytes);
  let transfer: AsyncIterator<Uint8Array> | undefined;
  return {
    name: printable(`${storage.location.replace(/\/$/, '')}${file}`),
    access: {
      ...access,
      async read(offset, length) {
        // A session reads one thing at a time: whoever asks while the stream waits for them would wait for it. It goes on afterwards.
        const waiting = transfer;
        transfer = undefined;
        await waiting?.return?.();
        return access.read(offset, length);
      },
    },
    async *stream(offset) {
      let position = offset;
      try {
        for (;;) {
          transfer ??= storage.read(file, position, undefined, sizeBytes)[Symbol.asyncIterator]();
          const mine = transfer;
          const { done, value } = await mine.next();
          if (!done) {
            position += value.length;
            yield value;
          } else if (transfer === mine) return;
        }
      } finally {
        const last = transfer;
        transfer = undefined;
        await last?.return?.();
      }
    },
    // The session belongs to whoever opened it: several recordings are read through one.
    close: async () => undefined,
  };
}

export function driveAccess(storage: Storage, file: DrivePath, sizeBytes: number): RandomAccess {
  return {
    sizeBytes,
    probeBytes: 32 * 1024,
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, sizeBytes - offset));
      if (wanted === 0) return Buffer.alloc(0);
      const parts: Uint8Array[] = [];
      // To its end: leaving a transfer early may cost the session.
      for await (const part of storage.read(file, offset, wanted, sizeBytes)) parts.push(Buffer.from(part));
      return Buffer.concat(parts).subarray(0, wanted);
    },
  };
}

export function unreadable(name: string, error: unknown): EncroCamError {
  if (error instanceof EncroCamError) return error;
  return new EncroCamError('INPUT_UNREADABLE', `Cannot read ${printable(name)}: ${messageOf(error)}.`, {
    hint: 'Check the name and its permissions.',
    cause: error,
  });
}
