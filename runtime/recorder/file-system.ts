/** The few calls that recordings are written with, so that a full or failing disk can be tried out. */
import { mkdir, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../errors.ts';

export interface AppendFile {
  /** When it was opened. */
  readonly sizeBytes: number;
  /** Writes at the end; gives how many bytes were taken: fewer when the disk fills up in the middle. */
  write(bytes: Buffer): Promise<number>;
  /** Resolves when everything written would survive a power cut. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface FileSystem {
  /** Opens a file to append to; it and its directory are made, durably, where they are missing. */
  openAppend(file: string): Promise<AppendFile>;
  /** Names in a directory; none if it does not exist. */
  list(directory: string): Promise<string[]>;
}

export const diskFileSystem: FileSystem = {
  async list(directory) {
    try {
      return await readdir(directory);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  },

  async openAppend(file) {
    const directory = path.dirname(file);
    await mkdir(directory, { recursive: true });
    const handle = await open(file, 'a', 0o640);
    let sizeBytes: number;
    try {
      ({ size: sizeBytes } = await handle.stat());
      // Without this, a power cut could take the name of a file whose bytes are safe.
      const parent = await open(directory, 'r');
      await parent.sync().finally(() => parent.close());
    } catch (error) {
      await handle.close();
      throw error;
    }
    return {
      sizeBytes,
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      flush: () => handle.datasync(),
      close: () => handle.close(),
    };
  },
};
