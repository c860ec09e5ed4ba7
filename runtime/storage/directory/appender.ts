/** An open append to a file of this machine: on the disk, not only in its cache, once it is finished. */
import type { FileHandle } from 'node:fs/promises';
import { EncroCamError, systemErrorCode } from '../../errors.ts';
import type { Appender } from '../storage.ts';

export class DirectoryAppender implements Appender {
  readonly #open: () => Promise<FileHandle>;
  readonly #explained: <T>(work: () => Promise<T>) => Promise<T>;
  readonly #done: () => void;
  #handle: FileHandle | undefined;
  #over = false;

  constructor(
    openFile: () => Promise<FileHandle>,
    explained: <T>(work: () => Promise<T>) => Promise<T>,
    done: () => void,
  ) {
    this.#open = openFile;
    this.#explained = explained;
    this.#done = done;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    await this.#orEnd(async () => {
      this.#handle ??= await this.#open();
      for (let done = 0; done < bytes.length; ) {
        done += (await this.#handle.write(bytes, done)).bytesWritten;
      }
    });
  }

  async finish(): Promise<void> {
    await this.#orEnd(async () => {
      await this.#handle?.sync();
    });
    await this.abort();
  }

  async abort(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    try {
      await this.#handle?.close();
    } catch (error) {
      if (systemErrorCode(error) !== 'EBADF') throw error; // The storage was closed, and the file with it.
    } finally {
      this.#done();
    }
  }

  async #orEnd(work: () => Promise<void>): Promise<void> {
    if (this.#over) {
      throw new EncroCamError('STORAGE_UNREACHABLE', 'The append is over.', { hint: 'Start another.' });
    }
    try {
      await this.#explained(work);
    } catch (error) {
      await this.abort().catch(() => undefined); // The first failure is the one to tell.
      throw error;
    }
  }
}
