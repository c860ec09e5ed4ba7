/**
 * Whether a file on the drive is the beginning of a local one. The ends are compared, not everything: the last
 * 64 KiB hold authenticated packets with random nonces, which no other recording shares, and the first bytes tell
 * a file that was made anew. What was altered in between is the viewer's to find: it checks every packet.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { isEncroCamError, systemErrorCode } from '../errors.ts';
import type { DrivePath, Storage } from '../storage/storage.ts';

export const comparedTailBytes = 64 * 1024;
export const comparedHeadBytes = 4 * 1024;

export type Comparison =
  | { readonly kind: 'same'; readonly tail: Uint8Array }
  | { readonly kind: 'different'; readonly reason: string }
  /** The local file was removed meanwhile. */
  | { readonly kind: 'gone' };

/**
 * Compares the first `driveBytes` of the drive's `file` with the local file; `andNoMore`: that is all the drive says
 * that it holds.
 * @throws what `storage.read` throws, but for a refusal: a file that cannot be read counts as different.
 */
export async function compareCopy(
  storage: Storage,
  file: DrivePath,
  driveBytes: number,
  localFile: string,
  andNoMore = true,
): Promise<Comparison> {
  let handle: FileHandle;
  try {
    handle = await open(localFile, 'r');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return { kind: 'gone' };
    throw error;
  }
  try {
    return await compareWith(storage, file, driveBytes, handle, andNoMore);
  } catch (error) {
    if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
    return { kind: 'different', reason: 'the drive does not let it be read' };
  } finally {
    await handle.close();
  }
}

async function compareWith(
  storage: Storage,
  file: DrivePath,
  driveBytes: number,
  handle: FileHandle,
  andNoMore: boolean,
): Promise<Comparison> {
  const tailStart = Math.max(0, driveBytes - comparedTailBytes);
  const tail = await readLocal(handle, tailStart, driveBytes - tailStart);
  if (tail.length < driveBytes - tailStart) return { kind: 'different', reason: 'the drive has more' };
  if (driveBytes === 0) return { kind: 'same', tail };
  // One byte more than there should be: a drive whose size is wrong, or was, gives it.
  const remoteTail = await collect(storage, file, tailStart, tail.length + (andNoMore ? 1 : 0));
  if (remoteTail.length !== tail.length) {
    return { kind: 'different', reason: 'the drive gives another length than it tells' };
  }
  if (!tail.equals(remoteTail)) return { kind: 'different', reason: 'its last bytes differ' };
  const headBytes = Math.min(comparedHeadBytes, tailStart);
  if (headBytes > 0) {
    const head = await readLocal(handle, 0, headBytes);
    if (!head.equals(await collect(storage, file, 0, headBytes))) {
      return { kind: 'different', reason: 'its first bytes differ' };
    }
  }
  return { kind: 'same', tail };
}

async function readLocal(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

async function collect(storage: Storage, file: DrivePath, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  for await (const bytes of storage.read(file, offset, length)) {
    const taken = Math.min(bytes.length, length - filled);
    buffer.set(bytes.subarray(0, taken), filled);
    filled += taken;
    if (filled === length) break;
  }
  return buffer.subarray(0, filled);
}
