/**
 * Removes what is past retention from a camera's directory on disk. What goes is decided in `retention.ts`; only
 * plain files in the directory itself are ever touched.
 */
import { lstat, readdir, unlink } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, systemErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { parseRecordingName } from '../recordings/names.ts';
import { type DiskFile, type DiskRetention, judgeClock, planDiskCleanUp } from './retention.ts';

export interface DiskCleanUpOptions extends DiskRetention {
  readonly directory: string;
  readonly clockSynchronised: boolean;
  readonly logger: Logger;
}

/** @returns how many files were removed. A file that cannot be removed is logged and left. */
export async function cleanUpDisk(options: DiskCleanUpOptions): Promise<number> {
  const { directory, logger, nowMs, clockSynchronised } = options;
  const files = await readFiles(directory);
  const names = files.map((file) => parseRecordingName(file.name)).filter((name) => name !== undefined);
  const verdict = judgeClock(nowMs, clockSynchronised, names);
  if (!verdict.plausible) {
    logger.warn('nothing is removed from the disk for its age', { reason: verdict.reason });
    return 0;
  }
  const { remove, heldBack } = planDiskCleanUp(files, options);
  if (heldBack.length > 0) {
    logger.warn('recordings past retention are kept: the drive does not hold them yet', {
      recordings: heldBack.length,
      oldest: heldBack.toSorted()[0],
    });
  }
  let removed = 0;
  for (const name of remove) {
    try {
      await unlink(path.join(directory, name));
      removed += 1;
      logger.info('removed from the disk: past retention', { file: name });
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') continue;
      logger.warn('cannot be removed from the disk', { file: name, reason: messageOf(error) });
    }
  }
  return removed;
}

async function readFiles(directory: string): Promise<DiskFile[]> {
  const files: DiskFile[] = [];
  for (const name of await names(directory)) {
    try {
      // lstat: a link is no regular file, wherever it leads.
      const stats = await lstat(path.join(directory, name));
      files.push({ name, bytes: stats.size, modifiedMs: stats.mtimeMs, regular: stats.isFile() });
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return files;
}

async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
