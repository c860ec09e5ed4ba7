/** Directories that recordings are being written to, on this computer and on a drive, for `follow.ts`. */
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, isEncroCamError, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';
import { type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import type { LivePlace } from './follow.ts';
import { recordingsAmong } from './recordings-among.ts';
import { driveAccess, openFileSource, unreadable } from './source.ts';

export function localPlace(directory: string): LivePlace {
  const fileOf = (fileName: string): string => path.join(directory, fileName);
  return {
    name: directory,
    async list() {
      try {
        return recordingsAmong(await readdir(directory));
      } catch (error) {
        throw unreadable(directory, error);
      }
    },
    async sizeBytes({ fileName }) {
      try {
        return (await stat(fileOf(fileName))).size;
      } catch (error) {
        throw unreadable(fileOf(fileName), error);
      }
    },
    read: ({ fileName }, offset, end) => createReadStream(fileOf(fileName), { start: offset, end: end - 1 }),
    async readSmall(fileName, maxBytes) {
      try {
        const bytes = await collect(createReadStream(fileOf(fileName), { end: maxBytes }));
        return bytes.length > maxBytes ? undefined : bytes;
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return undefined;
        throw unreadable(fileOf(fileName), error);
      }
    },
    access: ({ fileName }, sizeBytes) => ({
      sizeBytes,
      probeBytes: 4096,
      async read(offset, length) {
        const source = await openFileSource(fileOf(fileName));
        try {
          return (await source.access?.read(offset, length)) ?? Buffer.alloc(0);
        } finally {
          await source.close();
        }
      },
    }),
  };
}

/** Connects when it is first asked. */
export function drivePlace(storage: Storage, directory: DrivePath): LivePlace {
  const fileOf = (fileName: string): DrivePath => drivePath(directory, fileName);
  return {
    name: `${storage.location.replace(/\/$/, '')}${directory}`,
    async list() {
      await storage.connect();
      return recordingsAmong((await storage.list(directory)).map((file) => file.name));
    },
    async sizeBytes({ fileName }) {
      const size = await storage.size(fileOf(fileName));
      if (size !== undefined) return size;
      throw new EncroCamError('INPUT_UNREADABLE', `${printable(fileName)} is no longer on the drive.`, {
        hint: 'It may have been removed by clean-up: see encrocam list.',
      });
    },
    read: ({ fileName }, offset, end) => storage.read(fileOf(fileName), offset, end - offset, end),
    async readSmall(fileName, maxBytes) {
      await storage.connect();
      const size = await storage.size(fileOf(fileName));
      if (size === undefined || size > maxBytes) return undefined;
      try {
        return await collect(storage.read(fileOf(fileName), 0, size));
      } catch (error) {
        // It was replaced just now.
        if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
        return undefined;
      }
    },
    access: ({ fileName }, sizeBytes) => driveAccess(storage, fileOf(fileName), sizeBytes),
  };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}
