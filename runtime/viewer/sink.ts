/**
 * Where video goes: a file or standard output, by descriptor, several packets a call, waiting for whoever reads
 * too slowly. Written in place and at once, so that a player can follow.
 */
import { close, fstatSync, open, type PathLike, writev } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';

export interface Sink {
  readonly bytesWritten: number;
  /** Resolves when all is handed to the system. */
  write(buffers: readonly Buffer[]): Promise<void>;
  /** Closes it; a file that this sink made and that stayed empty is removed. */
  close(): Promise<void>;
}

const openFile: (path: PathLike, flags: string, mode: number) => Promise<number> = promisify(open);
const closeFile: (descriptor: number) => Promise<void> = promisify(close);
const writeBuffers = (descriptor: number, buffers: readonly Buffer[]): Promise<number> =>
  new Promise((resolve, reject) => {
    writev(descriptor, buffers, null, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });

/** Linux takes no more buffers in one call. */
const maxBuffersPerCall = 1024;
/** How long to wait for a reader behind a non-blocking pipe, which gives no event to await by descriptor. */
const retryMs = 5;
const stdoutDescriptor = 1;

/**
 * @param output a file's name, or `-` for standard output.
 * @throws {EncroCamError} `INPUT_UNREADABLE`, `USAGE`
 */
export async function openSink(output: string, options: { readonly force: boolean }): Promise<Sink> {
  if (output === '-') {
    if (isatty(stdoutDescriptor)) {
      throw new EncroCamError('USAGE', 'Standard output is a terminal, and video is no text.', {
        hint: 'Name an output file, or pipe it on: encrocam decrypt … | mpv -; or use encrocam play.',
      });
    }
    return descriptorSink(stdoutDescriptor, 'standard output', async () => undefined);
  }
  let descriptor: number;
  try {
    // Footage is private: nobody but the owner reads the file unless they change its mode.
    descriptor = await openFile(output, options.force ? 'w' : 'wx', 0o600);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw unwritable(output, error);
    descriptor = await openDevice(output);
  }
  const isFile = fstatSync(descriptor).isFile();
  return descriptorSink(descriptor, output, async (bytesWritten) => {
    await closeFile(descriptor);
    if (bytesWritten === 0 && isFile) await unlink(output);
  });
}

/** Pipes and devices such as /dev/null exist already and lose nothing by being written to. */
async function openDevice(output: string): Promise<number> {
  let descriptor: number;
  try {
    descriptor = await openFile(output, 'r+', 0o600);
  } catch (error) {
    throw unwritable(output, error);
  }
  if (!fstatSync(descriptor).isFile()) return descriptor;
  await closeFile(descriptor);
  throw new EncroCamError('USAGE', `${printable(output)} exists already.`, {
    hint: 'Choose another name, or overwrite it with --force.',
  });
}

function descriptorSink(
  descriptor: number,
  name: string,
  finish: (bytesWritten: number) => Promise<void>,
): Sink {
  let bytesWritten = 0;
  const writeAll = async (buffers: readonly Buffer[]): Promise<void> => {
    let rest = buffers;
    while (rest.length > 0) {
      const written = await writeSome(descriptor, rest, name);
      bytesWritten += written;
      rest = withoutFirst(rest, written);
    }
  };
  return {
    get bytesWritten() {
      return bytesWritten;
    },
    async write(buffers) {
      for (let index = 0; index < buffers.length; index += maxBuffersPerCall) {
        await writeAll(buffers.slice(index, index + maxBuffersPerCall));
      }
    },
    close: () => finish(bytesWritten),
  };
}

async function writeSome(descriptor: number, buffers: readonly Buffer[], name: string): Promise<number> {
  for (;;) {
    try {
      return await writeBuffers(descriptor, buffers);
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN') throw unwritable(name, error);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

/** What is left of `buffers` when the first `bytes` are gone. */
export function withoutFirst(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let rest = bytes;
  for (const [index, buffer] of buffers.entries()) {
    if (rest < buffer.length) return [buffer.subarray(rest), ...buffers.slice(index + 1)];
    rest -= buffer.length;
  }
  return [];
}

function unwritable(name: string, error: unknown): EncroCamError {
  return new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(name)}: ${messageOf(error)}.`, {
    hint:
      systemErrorCode(error) === 'EPIPE'
        ? 'The program that was to take the video has ended.'
        : 'Check that the directory exists, is writable and has room.',
    cause: error,
  });
}
