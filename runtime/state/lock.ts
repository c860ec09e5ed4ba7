/**
 * One recorder, one syncer and one ledger service a recordings directory. The lock dies with its process, however that ends: it is
 * an abstract Unix socket, which the kernel binds for one process at a time and forgets with it, and a file
 * beside the state that names the holder. The socket decides between processes that share a network namespace,
 * also when both start at once; the file reaches a service that systemd gave a namespace of its own.
 *
 * On a full disk the socket alone decides until there is room for the file: just then the recorder has to run that makes
 * room, and the syncer that says what may go.
 *
 * It does not reach across machines or PID namespaces that share the directory.
 *
 * A file that people's commands read, change and replace is locked by the socket alone.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';
import { readBootId } from './boot-id.ts';

export interface Lock {
  /** Gives the lock back. Calling it again does nothing. */
  release(): Promise<void>;
}

/** Whoever holds a lock, in a form that a later process with the same number does not share. */
interface Holder {
  readonly pid: number;
  /** Clock ticks after boot at which it started. */
  readonly startTicks: string;
  readonly bootId: string;
  readonly pidNamespace: string;
}

const maxHolderBytes = 1024;
/** What a full disk did not take is written again after this long. */
export const tellAgainMs = 10_000;

/**
 * Takes the lock `name` on a recordings directory, which is made if it is missing.
 * @throws {EncroCamError} `ALREADY_RUNNING` while another process holds it.
 */
export async function acquireLock(
  recordingsDirectory: string,
  name: 'record' | 'sync' | 'ledger',
): Promise<Lock> {
  const stateDirectory = path.join(recordingsDirectory, '.state');
  await mkdir(stateDirectory, { recursive: true });
  const file = path.join(stateDirectory, `${name}.lock`);
  const server = await bind(await socketName(recordingsDirectory, name), {
    what: 'the recordings directory',
    taken: () => alreadyRunning(name),
  });
  let stopTelling: () => Promise<void>;
  try {
    const own = await describe(process.pid);
    const other = await readHolder(file);
    if (other && other.pid !== process.pid && (await isAlive(other, own))) throw alreadyRunning(name, other);
    stopTelling = await tellHolder(file, own);
  } catch (error) {
    await close(server);
    throw error;
  }
  let released: Promise<void> | undefined;
  const release = async (): Promise<void> => {
    await stopTelling();
    await rm(file, { force: true });
    await close(server);
  };
  return {
    release: () => {
      released ??= release();
      return released;
    },
  };
}

/**
 * Takes the lock on a file that is replaced whole; it, and its directory, may be missing.
 * @throws {EncroCamError} `ALREADY_RUNNING` while another process holds it.
 */
export async function acquireFileLock(file: string): Promise<Lock> {
  const place = createHash('sha256')
    .update(await realPlace(path.resolve(file)))
    .digest('hex');
  const server = await bind(`\0encrocam-file-${place.slice(0, 32)}`, {
    what: printable(file),
    taken: () =>
      new EncroCamError('ALREADY_RUNNING', `Another encrocam command works on ${printable(file)}.`, {
        hint: 'Let it ask what it has to ask, or end it, and run this again.',
      }),
  });
  return { release: () => close(server) };
}

/** As `realpath`, also for what is not there yet. */
async function realPlace(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error;
    return path.join(await realPlace(path.dirname(file)), path.basename(file));
  }
}

/** A name in Linux's abstract socket space: a leading zero byte, gone with the process. */
async function socketName(recordingsDirectory: string, name: string): Promise<string> {
  const place = await realpath(recordingsDirectory);
  return `\0encrocam-${name}-${createHash('sha256').update(place).digest('hex').slice(0, 32)}`;
}

interface Locked {
  /** For a message. */
  readonly what: string;
  /** What is thrown while another process holds it. */
  taken(): EncroCamError;
}

function bind(socket: string, { what, taken }: Locked): Promise<net.Server> {
  // Nobody has business connecting: whoever does is hung up on.
  const server = net.createServer((connection) => connection.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        systemErrorCode(error) === 'EADDRINUSE'
          ? taken()
          : new EncroCamError('INPUT_UNREADABLE', `Cannot lock ${what}: ${messageOf(error)}.`, {
              hint: 'EncroCam needs Unix sockets for its lock; a sandbox must allow AF_UNIX.',
              cause: error,
            }),
      );
    });
    server.listen(socket, () => {
      server.unref();
      resolve(server);
    });
  });
}

function close(server: net.Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function alreadyRunning(name: string, holder?: Holder): EncroCamError {
  const who = holder ? ` (process ${holder.pid})` : '';
  return new EncroCamError(
    'ALREADY_RUNNING',
    `Another encrocam ${name}${who} already works on these recordings.`,
    { hint: 'See encrocam status; stop the other one first, or give this one its own recordings.directory.' },
  );
}

async function isAlive(other: Holder, own: Holder): Promise<boolean> {
  // A process number means nothing after a reboot or in another namespace.
  if (other.bootId !== own.bootId || other.pidNamespace !== own.pidNamespace) return false;
  const now = await describe(other.pid).catch(() => undefined);
  return now !== undefined && now.startTicks === other.startTicks;
}

async function describe(pid: number): Promise<Holder> {
  const [stat, bootId, pidNamespace] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readBootId(),
    readlink('/proc/self/ns/pid'),
  ]);
  // proc(5): field 22 is starttime; field 2, the name in brackets, may hold blanks and brackets itself.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = rest[18];
  // A zombie has ended; only its parent has not asked for its exit code yet.
  if (startTicks === undefined || state === 'Z') throw new Error(`process ${pid} has ended`);
  return { pid, startTicks, bootId, pidNamespace };
}

/**
 * Writes who holds the lock, now or as soon as the disk has room for it.
 * @returns what ends the attempts: when it resolves, none is under way.
 */
async function tellHolder(file: string, own: Holder): Promise<() => Promise<void>> {
  const tell = (): Promise<void> => writeFile(file, JSON.stringify(own), { mode: 0o644 });
  try {
    await tell();
    return async () => undefined;
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes(systemErrorCode(error) ?? '')) throw error;
  }
  let telling: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    telling = telling.then(tell).then(
      () => clearInterval(timer),
      () => undefined,
    );
  }, tellAgainMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await telling;
  };
}

/** `undefined` when there is no such file or it is not a holder's: then nobody can be named by it. */
async function readHolder(file: string): Promise<Holder | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  if (text.length > maxHolderBytes) return undefined;
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    const { pid, startTicks, bootId, pidNamespace } = holder ?? {};
    if (!Number.isSafeInteger(pid) || pid === undefined || pid < 1) return undefined;
    if (startTicks === undefined || bootId === undefined || pidNamespace === undefined) return undefined;
    return { pid, startTicks, bootId, pidNamespace };
  } catch {
    // Half a file, from a power cut while it was written: the holder is gone as well.
    return undefined;
  }
}
