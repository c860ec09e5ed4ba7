/**
 * Where video goes: a file or standard output, by descriptor, several packets a call, waiting for whoever reads
 * too slowly. Written in place and at once, so that a player can follow.
 */
import { close, fstatSync, open, type PathLike, writev } from 'node:fs';
import { unlink } from 'node:fs/promises';
import path from 'node:path';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import type { Container } from '../encrocrypt/v3/index.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';

export interface Sink {
  readonly bytesWritten: number;
  /** Resolves when all is handed to the system. */
  write(buffers: readonly Buffer[]): Promise<void>;
  /**
   * What is written from now on is another video, which no player takes for the first one's continuation.
   * @throws {EncroCamError} `INPUT_UNREADABLE` if there is no place for a second one.
   */
  next(container: Container): Promise<void>;
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
  const first = await openOutput(output, options.force);
  return first.isFile ? numberedFiles(first.sink, output, options.force) : first.sink;
}

async function openOutput(output: string, force: boolean): Promise<{ sink: Sink; isFile: boolean }> {
  let descriptor: number;
  try {
    // Footage is private: nobody but the owner reads the file unless they change its mode.
    descriptor = await openFile(output, force ? 'w' : 'wx', 0o600);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST') throw unwritable(output, error);
    descriptor = await openDevice(output);
  }
  const isFile = fstatSync(descriptor).isFile();
  const sink = descriptorSink(descriptor, output, async (bytesWritten) => {
    await closeFile(descriptor);
    if (bytesWritten === 0 && isFile) await unlink(output);
  });
  return { sink, isFile };
}

const extensions: Readonly<Record<Container, string>> = { 'video/mp4': '.mp4', 'video/mp2t': '.ts' };

/** `hour.mp4`, then `hour.2.mp4` for what cannot stand in the same file, and so on. */
function numberedFiles(first: Sink, output: string, force: boolean): Sink {
  const { dir, name } = path.parse(output);
  let number = 1;
  let before = 0;
  let current = first;
  return {
    get bytesWritten() {
      return before + current.bytesWritten;
    },
    write: (buffers) => current.write(buffers),
    async next(container) {
      number += 1;
      const file = path.join(dir, `${name}.${number}${extensions[container]}`);
      const { sink } = await openOutput(file, force);
      before += current.bytesWritten;
      await current.close();
      current = sink;
    },
    close: () => current.close(),
  };
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
  const isDevice = fstatSync(descriptor).isCharacterDevice();
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
    async next() {
      if (isDevice) return;
      throw new EncroCamError(
        'INPUT_UNREADABLE',
        `${printable(name)} takes one video, and another kind of it follows.`,
        {
          hint: 'Name an OUTPUT file: what follows then gets files of its own. Or begin there with --from.',
        },
      );
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
