/** Small files that lie beside recordings, on this computer or on a drive. */
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';
import { drivePath, type Storage } from '../storage/storage.ts';
import { unreadable } from './source.ts';

export interface Shelf {
  /** For messages: printable, without a password. */
  readonly place: string;
  /** Names of its files; none where there is no such directory. */
  list(): Promise<string[]>;
  /** @throws {EncroCamError} `INPUT_UNREADABLE`, also for more than `maxBytes`; or a drive's error */
  read(name: string, maxBytes: number): Promise<string>;
  /** Ends what it opened; it can be asked again. */
  close(): Promise<void>;
}

export function localShelf(directory: string): Shelf {
  return {
    place: printable(directory),
    async list() {
      try {
        const entries = await readdir(directory, { withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR') return [];
        throw unreadable(directory, error);
      }
    },
    async read(name, maxBytes) {
      const file = path.join(directory, name);
      try {
        const handle = await open(file);
        try {
          const { size } = await handle.stat();
          if (size > maxBytes) throw tooLarge(file, maxBytes);
          return await handle.readFile('utf8');
        } finally {
          await handle.close();
        }
      } catch (error) {
        throw unreadable(file, error);
      }
    },
    close: async () => undefined,
  };
}

/** @param directory from the drive's own root, its segments without `..` */
export function driveShelf(storage: Storage, directory: string): Shelf {
  const place = `${storage.location.replace(/\/$/, '')}${directory}`;
  return {
    place: printable(place),
    async list() {
      await storage.connect();
      return (await storage.list(drivePath(directory))).map(({ name }) => name);
    },
    async read(name, maxBytes) {
      await storage.connect();
      const parts: Buffer[] = [];
      let length = 0;
      // To its end, where it is of a size that can be: leaving a transfer early may cost the session.
      for await (const part of storage.read(drivePath(directory, name), 0)) {
        length += part.length;
        if (length > maxBytes) throw tooLarge(`${place}/${name}`, maxBytes);
        parts.push(Buffer.from(part));
      }
      return Buffer.concat(parts).toString('utf8');
    },
    close: () => storage.close(),
  };
}

function tooLarge(file: string, maxBytes: number): EncroCamError {
  return new EncroCamError('INPUT_UNREADABLE', `${printable(file)} is larger than ${maxBytes} bytes.`, {
    hint: 'It cannot be what its name says: leave it out.',
  });
}
