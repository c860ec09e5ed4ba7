/**
 * The `directory` driver of `Storage`: a mounted disk or network share. The base directory must exist, so that a
 * disk that is not mounted is noticed instead of filling the system's. Symbolic links may lead about inside the base
 * and nowhere else.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DirectoryStorageConfig } from '../../config/types.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import {
  type Appender,
  type DriveFile,
  type DrivePath,
  isSafeName,
  maxListEntries,
  type Storage,
} from '../storage.ts';
import { Turns } from '../turns.ts';
import { DirectoryAppender } from './appender.ts';
import { absent, refused, toStorageError } from './errors.ts';

const chunkBytes = 64 * 1024;

export class DirectoryStorage implements Storage {
  readonly location: string;
  readonly #logger: Logger;
  readonly #turns = new Turns();
  /** The base without symbolic links, while connected. */
  #base: string | undefined;
  /** What is open for a transfer now. */
  #handle: FileHandle | undefined;

  constructor(config: Pick<DirectoryStorageConfig, 'directory'>, options: { logger: Logger }) {
    this.location = path.resolve(config.directory);
    this.#logger = options.logger;
  }

  connect(): Promise<void> {
    return this.#turns.run(() =>
      this.#explained('open the drive', async () => {
        if (this.#base !== undefined) return;
        try {
          if (!(await stat(this.location)).isDirectory()) throw absent(this.location);
          this.#base = await realpath(this.location);
        } catch (error) {
          if (systemErrorCode(error) === 'ENOENT') throw absent(this.location);
          throw error;
        }
      }),
    );
  }

  async close(): Promise<void> {
    this.#base = undefined;
    const handle = this.#handle;
    this.#handle = undefined;
    // Nothing is buffered here: a failure to close loses nothing, and there is nobody to tell.
    await handle?.close().catch((error: unknown) => {
      this.#logger.debug('closing a file failed', { error: messageOf(error) });
    });
    this.#turns.takeAway();
  }

  makeDirectory(directory: DrivePath): Promise<void> {
    return this.#ask(`make ${directory}`, async (base) => {
      let current = base;
      for (const segment of directory.split('/').filter(Boolean)) {
        const next = path.join(current, segment);
        await mkdir(next).catch((error: unknown) => {
          if (systemErrorCode(error) !== 'EEXIST') throw error;
        });
        current = await inside(base, next);
        if (!(await stat(current)).isDirectory()) throw refused(`${directory} is not a directory.`);
      }
    });
  }

  list(directory: DrivePath): Promise<DriveFile[]> {
    return this.#ask(`list ${directory}`, async (base) => {
      const files: DriveFile[] = [];
      let entries = 0;
      try {
        const place = await inside(base, path.join(base, directory));
        for await (const entry of await opendir(place)) {
          if (++entries > maxListEntries) {
            throw new EncroCamError('STORAGE_PROTOCOL', `${directory} has over ${maxListEntries} entries.`, {
              hint: 'Move what is not a recording out of it.',
            });
          }
          if (!entry.isFile() || !isSafeName(entry.name)) continue;
          const found = await unlessAbsent(stat(path.join(place, entry.name)));
          if (found) files.push({ name: entry.name, sizeBytes: found.size, modifiedMs: found.mtimeMs });
        }
      } catch (error) {
        if (isAbsence(error)) return [];
        throw error;
      }
      return files;
    });
  }

  size(file: DrivePath): Promise<number | undefined> {
    return this.#ask(`ask the size of ${file}`, (base) => this.#sizeOf(base, file));
  }

  async append(file: DrivePath): Promise<Appender> {
    const done = await this.#turns.take();
    const action = `append to ${file}`;
    try {
      await this.#explained(action, async () => this.#connected());
      return new DirectoryAppender(
        () => this.#openFile(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT),
        (work) => this.#explained(action, work),
        done,
      );
    } catch (error) {
      done();
      throw error;
    }
  }

  async *read(
    file: DrivePath,
    offset: number,
    length = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<Uint8Array> {
    const done = await this.#turns.take();
    const action = `read ${file}`;
    try {
      const handle = await this.#explained(action, () => this.#openFile(file, constants.O_RDONLY));
      try {
        let position = offset;
        for (let left = length; left > 0; ) {
          const buffer = Buffer.allocUnsafe(Math.min(left, chunkBytes));
          const { bytesRead } = await this.#explained(action, () =>
            handle.read(buffer, 0, buffer.length, position),
          );
          if (bytesRead === 0) return;
          position += bytesRead;
          left -= bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        await this.#release(handle);
      }
    } finally {
      done();
    }
  }

  remove(file: DrivePath): Promise<void> {
    return this.#ask(`remove ${file}`, async (base) => {
      const place = await this.#parent(base, file);
      if (place !== undefined) await rm(place, { force: true });
    });
  }

  rename(from: DrivePath, to: DrivePath): Promise<void> {
    return this.#ask(`rename ${from}`, async (base) => {
      const source = await this.#parent(base, from);
      const target = await this.#parent(base, to);
      if (source === undefined || target === undefined) throw refused(`There is no ${from}.`);
      await rename(source, target);
    });
  }

  async #sizeOf(base: string, file: DrivePath): Promise<number | undefined> {
    const place = await this.#parent(base, file);
    if (place === undefined) return undefined;
    const handle = await unlessAbsent(
      open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK),
    );
    if (!handle) return undefined;
    try {
      const found = await handle.stat();
      return found.isFile() ? found.size : undefined;
    } finally {
      await handle.close();
    }
  }

  async #openFile(file: DrivePath, flags: number): Promise<FileHandle> {
    const place = await this.#parent(this.#connected(), file);
    if (place === undefined) throw refused(`There is no directory for ${file}.`);
    // O_NONBLOCK: opening a named pipe would wait for ever.
    const handle = await open(place, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o640);
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      throw refused(`${file} is not a plain file.`);
    }
    this.#handle = handle;
    return handle;
  }

  /** Closes what `#openFile` opened, unless `close` did. */
  async #release(handle: FileHandle): Promise<void> {
    if (this.#handle !== handle) return;
    this.#handle = undefined;
    await handle.close();
  }

  /** Where `file` is: its directory without symbolic links, and its name. `undefined` if there is no directory. */
  async #parent(base: string, file: DrivePath): Promise<string | undefined> {
    const place = path.join(base, file);
    const parent = await unlessAbsent(inside(base, path.dirname(place)));
    return parent === undefined ? undefined : path.join(parent, path.basename(place));
  }

  #connected(): string {
    if (this.#base === undefined) {
      throw new EncroCamError('STORAGE_UNREACHABLE', `${this.location} is not open.`, {
        hint: 'Check that the disk is mounted; it is tried again.',
      });
    }
    return this.#base;
  }

  #ask<T>(action: string, work: (base: string) => Promise<T>): Promise<T> {
    return this.#turns.run(() => this.#explained(action, async () => work(this.#connected())));
  }

  async #explained<T>(action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toStorageError(error, action, this.location);
    }
  }
}

/** The real path of `place`, which must exist and lie in `base`. */
async function inside(base: string, place: string): Promise<string> {
  const real = await realpath(place);
  if (real !== base && !real.startsWith(base === '/' ? '/' : `${base}/`)) {
    throw refused('A symbolic link leads out of the drive.');
  }
  return real;
}

function isAbsence(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
}

async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
