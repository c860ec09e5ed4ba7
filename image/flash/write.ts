/**
 * Writes an image to a disk, zeros included (an old LUKS header or file system must not shine through), and reads
 * it back. Knows nothing of devices' properties and asks nobody.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { ImageError, messageOf } from '../errors.ts';

const blockBytes = 4 << 20;

export type Phase = 'writing' | 'checking';
export type OnProgress = (phase: Phase, doneBytes: number) => void;

export interface Written {
  readonly bytes: number;
  readonly sha256: string;
}

export interface WriteOptions {
  readonly onProgress: OnProgress;
  /** Makes sure that reading back reads the disk and not memory. */
  readonly dropCache: () => Promise<void>;
}

export async function writeAndCheck(
  image: Readable,
  target: string,
  { onProgress, dropCache }: WriteOptions,
): Promise<Written> {
  const written = await write(image, target, onProgress);
  await dropCache();
  const found = await hashOf(target, written.bytes, onProgress);
  if (found !== written.sha256) {
    throw new ImageError('DEVICE_FAILED', `${target} does not hold what was written to it.`, {
      hint: 'The card or the reader is broken, or the card is smaller than it claims.',
    });
  }
  return written;
}

async function write(image: Readable, target: string, onProgress: OnProgress): Promise<Written> {
  // On a block device O_EXCL fails if the kernel uses it for anything.
  const handle = await open(target, constants.O_WRONLY | constants.O_EXCL).catch((cause) => {
    throw new ImageError('DEVICE_FAILED', `${target} cannot be opened for writing: ${messageOf(cause)}.`, {
      cause,
      hint: 'Writing to a disk needs root: sudo make flash …',
    });
  });
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const block of inBlocks(image)) {
      hash.update(block);
      await handle.write(block, 0, block.length, bytes);
      bytes += block.length;
      onProgress('writing', bytes);
    }
    await handle.sync();
    return { bytes, sha256: hash.digest('hex') };
  } catch (cause) {
    throw new ImageError('DEVICE_FAILED', `Writing to ${target} failed: ${messageOf(cause)}.`, {
      cause,
      hint: 'The card is not usable now: try again, or another card.',
    });
  } finally {
    await handle.close();
  }
}

async function hashOf(target: string, bytes: number, onProgress: OnProgress): Promise<string> {
  const handle = await open(target, 'r');
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(blockBytes);
    for (let position = 0; position < bytes; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(blockBytes, bytes - position), position);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      position += bytesRead;
      onProgress('checking', position);
    }
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** Large writes are what cards are quick at. */
async function* inBlocks(stream: Readable): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    waiting.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length < blockBytes) continue;
    const all = Buffer.concat(waiting, length);
    const whole = length - (length % blockBytes);
    yield all.subarray(0, whole);
    waiting = [all.subarray(whole)];
    length -= whole;
  }
  if (length > 0) yield Buffer.concat(waiting, length);
}
