/**
 * At most one recorder works in a recordings directory. The lock is the kernel's (`flock`), held by an open file:
 * it ends with the process however that ends, so none is ever stale, and it holds across containers that share
 * the directory. Node has no call for it; the program `flock` (util-linux, always there on Debian) sets it on the
 * file that it inherits, and what is locked is the open file, which stays ours when that program has ended.
 */
import { spawn } from 'node:child_process';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, messageOf } from '../errors.ts';

export interface Lock {
  release(): Promise<void>;
}

/**
 * @throws {EncroCamError} `ALREADY_RUNNING`, `PROGRAM_MISSING`, `INPUT_UNREADABLE`.
 */
export async function lockRecordings(recordingsDirectory: string): Promise<Lock> {
  const file = path.join(recordingsDirectory, '.state', 'record.lock');
  let handle: FileHandle;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    handle = await open(file, 'a+', 0o640);
  } catch (error) {
    throw new EncroCamError(
      'INPUT_UNREADABLE',
      `Cannot write in ${recordingsDirectory}: ${messageOf(error)}.`,
      {
        hint: 'Set recordings.directory to a directory that this user may write to.',
        cause: error,
      },
    );
  }
  try {
    if (!(await tryLock(handle.fd))) {
      throw new EncroCamError(
        'ALREADY_RUNNING',
        `Another recorder (process ${await holder(handle)}) already records to ${recordingsDirectory}.`,
        { hint: 'Stop it first, or give this one another recordings.directory.' },
      );
    }
    await handle.truncate(0);
    await handle.write(`${process.pid}\n`);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { release: () => handle.close() };
}

/** Exit code that tells "somebody has it" from every failure. */
const takenCode = 75;

async function tryLock(fd: number): Promise<boolean> {
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn('flock', ['--nonblock', '--conflict-exit-code', String(takenCode), '3'], {
      stdio: ['ignore', 'ignore', 'ignore', fd],
    });
    child.once('error', (cause) => {
      reject(
        new EncroCamError('PROGRAM_MISSING', `Cannot run flock: ${messageOf(cause)}.`, {
          hint: 'Install it: apt install util-linux.',
          cause,
        }),
      );
    });
    child.once('exit', resolve);
  });
  if (code === 0) return true;
  if (code === takenCode) return false;
  throw new EncroCamError('INPUT_UNREADABLE', `The recordings directory cannot be locked (flock: ${code}).`, {
    hint: 'Keep recordings.directory on a file system that has locks.',
  });
}

async function holder(handle: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0);
  return /^\d+/.exec(buffer.subarray(0, bytesRead).toString('latin1'))?.[0] ?? 'unknown';
}
