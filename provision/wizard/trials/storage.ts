/**
 * Tries a drive for real, with the syncer's own driver: log in, make a directory, write, append, read back, delete.
 * What it leaves on the drive is nothing, unless the connection breaks in between or the account may only append.
 */
import { randomBytes } from 'node:crypto';
import type { StorageConfig } from '../../../runtime/config/types.ts';
import { EncroCamError, isEncroCamError } from '../../../runtime/errors.ts';
import { silentLogger } from '../../../runtime/log.ts';
import { openStorage } from '../../../runtime/storage/open.ts';
import { type DrivePath, drivePath, type Storage } from '../../../runtime/storage/storage.ts';
import type { Work } from '../dialogue/dialogue.ts';
import type { StorageTrial } from '../machine.ts';

/** Written first, then appended: the second part also measures. */
const partBytes = [4096, 1024 * 1024] as const;
/** Below this, a time says more about the clock than about the line. */
const leastMeasuredMs = 20;

export async function tryStorage(config: StorageConfig, { signal, progress }: Work): Promise<StorageTrial> {
  const storage = await openStorage(config, { logger: silentLogger });
  // Closing ends whatever is under way, which is how a trial is given up.
  const abort = (): void => void storage.close();
  signal.addEventListener('abort', abort, { once: true });
  try {
    progress('logging in');
    await storage.connect();
    const file = drivePath('/', `encrocam-test-${randomBytes(6).toString('hex')}`);
    const uploadBytesPerSecond = await writeAndRead(storage, file, progress);
    progress('deleting');
    const isGone = await remove(storage, file);
    const leftBehind = isGone ? {} : { leftBehind: file };
    return { location: storage.location, uploadBytesPerSecond, ...leftBehind };
  } finally {
    signal.removeEventListener('abort', abort);
    await storage.close();
  }
}

async function writeAndRead(
  storage: Storage,
  file: DrivePath,
  progress: Work['progress'],
): Promise<number | undefined> {
  const parts = partBytes.map((bytes) => randomBytes(bytes));
  const whole = Buffer.concat(parts);
  await storage.makeDirectory(drivePath('/'));
  let tookMs = 0;
  try {
    for (const [index, part] of parts.entries()) {
      progress(index === 0 ? 'writing' : 'appending');
      const started = performance.now();
      const appender = await storage.append(file);
      await appender.write(part);
      await appender.finish();
      tookMs = performance.now() - started;
    }
    progress('reading back');
    const read: Uint8Array[] = [];
    for await (const piece of storage.read(file, 0)) read.push(piece);
    if (!Buffer.concat(read).equals(whole) || (await storage.size(file)) !== whole.length) {
      throw new EncroCamError('STORAGE_MISMATCH', 'The drive gave back other bytes than were written.', {
        hint: 'Recordings on it could not be trusted: use another drive.',
      });
    }
  } catch (error) {
    // Without the file if that is possible; the first failure is what counts.
    await storage.remove(file).catch(() => undefined);
    throw error;
  }
  return tookMs < leastMeasuredMs ? undefined : (partBytes[1] * 1000) / tookMs;
}

/** @returns whether the drive let it be removed: an account that may only append does not, and is a good one. */
async function remove(storage: Storage, file: DrivePath): Promise<boolean> {
  try {
    await storage.remove(file);
  } catch (error) {
    if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
    return false;
  }
  return (await storage.size(file)) === undefined;
}
