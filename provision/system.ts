/**
 * The one thin layer through which provisioning touches the machine: it runs programs and reads and replaces system
 * files. Everything above it is tested with another root directory and a scripted runner, without privileges.
 *
 * Files are replaced as a whole (temporary file, fsync, rename, fsync of the directory): after a power cut there is
 * the old one or the new one. Secrets go to programs by standard input only, never as arguments.
 */
import { constants } from 'node:fs';
import {
  access,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, systemErrorCode } from '../runtime/errors.ts';
import { type ProgramResult, type Runner, type RunOptions, runProgram } from './run-program.ts';

export type { ProgramResult, Runner, RunOptions } from './run-program.ts';

export interface WriteOptions {
  /** Permissions, `0o644` without it. `undefined` on file systems that have none (the boot partition). */
  readonly mode?: number | undefined;
  /** Names from the system's passwd and group files; both, or neither. */
  readonly owner?: Owner | undefined;
}

export interface Owner {
  readonly user: string;
  readonly group: string;
}

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

export interface System {
  /** Runs a program and waits for its end. @throws `PROGRAM_MISSING`, `PROGRAM_FAILED` */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<ProgramResult>;
  /** Whether a program is installed, without running it. */
  hasProgram(program: string): Promise<boolean>;
  /** The real path of an absolute path of this system. */
  at(file: string): string;
  exists(file: string): Promise<boolean>;
  /** The file's bytes, or `undefined` if there is none. Larger than `maxBytes` (default 1 MiB) is refused. */
  readBytes(file: string, maxBytes?: number): Promise<Buffer | undefined>;
  readText(file: string, maxBytes?: number): Promise<string | undefined>;
  /** Replaces a file; directories that are missing are made. */
  write(file: string, content: string | Uint8Array, options?: WriteOptions): Promise<void>;
  /** Makes `file` a symbolic link to `target`, replacing what was there. */
  link(target: string, file: string): Promise<void>;
  readLink(file: string): Promise<string | undefined>;
  makeDirectory(directory: string, options?: WriteOptions): Promise<void>;
  /** Removes a file or a whole directory; nothing to remove is fine. */
  remove(file: string): Promise<void>;
  /** Overwrites a file with zeros, flushes, then removes it. Flash memory may keep a copy all the same. */
  wipe(file: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Names in a directory, sorted; none if it does not exist. */
  list(directory: string): Promise<string[]>;
  account(name: string): Promise<Account | undefined>;
}

const defaultMaxBytes = 1024 * 1024;

export interface HostSystemOptions {
  /** Directory that stands for `/`. */
  readonly root?: string;
  readonly run?: Runner;
  /** Given in tests, which may not be allowed to give files away. */
  readonly chown?: (file: string, uid: number, gid: number) => Promise<void>;
}

/** The machine this runs on, or a directory that looks like one. */
export function createSystem(options: HostSystemOptions = {}): System {
  const root = options.root ?? '/';
  const runner = options.run ?? runProgram;
  const giveTo = options.chown ?? chown;
  const at = (file: string): string => path.join(root, file);

  const readBytes = async (file: string, maxBytes = defaultMaxBytes): Promise<Buffer | undefined> => {
    try {
      if ((await stat(at(file))).size > maxBytes) {
        throw new EncroCamError('INPUT_UNREADABLE', `${file} is larger than ${maxBytes} bytes.`, {
          hint: 'It is not the file that EncroCam expects there.',
        });
      }
      return await readFile(at(file));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };
  const readText = async (file: string, maxBytes?: number): Promise<string | undefined> =>
    (await readBytes(file, maxBytes))?.toString('utf8');

  const account = async (name: string): Promise<Account | undefined> => {
    for (const line of ((await readText('/etc/passwd')) ?? '').split('\n')) {
      const [entry, , uid, gid, , home] = line.split(':');
      if (entry === name && home !== undefined) return { name, uid: Number(uid), gid: Number(gid), home };
    }
    return undefined;
  };
  const groupId = async (name: string): Promise<number | undefined> => {
    for (const line of ((await readText('/etc/group')) ?? '').split('\n')) {
      const [entry, , gid] = line.split(':');
      if (entry === name) return Number(gid);
    }
    return undefined;
  };
  const give = async (realPath: string, owner: Owner): Promise<void> => {
    const uid = (await account(owner.user))?.uid;
    const gid = await groupId(owner.group);
    if (uid === undefined || gid === undefined) {
      throw new EncroCamError(
        'SYSTEM_UNSUITABLE',
        `There is no user ${owner.user}, or no group ${owner.group}.`,
        {
          hint: 'They come with the image, or with encrocam install.',
        },
      );
    }
    await giveTo(realPath, uid, gid);
  };

  return {
    at,
    account,
    readBytes,
    readText,
    run: (program, args, runOptions) => runner(program, args, runOptions),
    async hasProgram(program) {
      for (const directory of [
        '/usr/local/sbin',
        '/usr/local/bin',
        '/usr/sbin',
        '/usr/bin',
        '/sbin',
        '/bin',
      ]) {
        if (await isExecutable(at(path.join(directory, program)))) return true;
      }
      return false;
    },
    async exists(file) {
      try {
        await lstat(at(file));
        return true;
      } catch (error) {
        if (isMissing(error)) return false;
        throw error;
      }
    },
    async write(file, content, writeOptions = {}) {
      const target = at(file);
      const mode = 'mode' in writeOptions ? writeOptions.mode : 0o644;
      await mkdir(path.dirname(target), { recursive: true });
      // One name a file, not one a process: what a power cut leaves behind is overwritten by the next attempt.
      const temporary = path.join(path.dirname(target), `.${path.basename(target)}.encrocam-new`);
      await rm(temporary, { force: true });
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(content);
        if (mode !== undefined) await handle.chmod(mode);
        if (writeOptions.owner) await give(temporary, writeOptions.owner);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, target);
      await syncDirectory(path.dirname(target));
    },
    async link(target, file) {
      await mkdir(path.dirname(at(file)), { recursive: true });
      const temporary = `${at(file)}.encrocam-new`;
      await rm(temporary, { force: true });
      await symlink(target, temporary);
      await rename(temporary, at(file));
      await syncDirectory(path.dirname(at(file)));
    },
    async readLink(file) {
      try {
        return await readlink(at(file));
      } catch (error) {
        if (isMissing(error) || systemErrorCode(error) === 'EINVAL') return undefined;
        throw error;
      }
    },
    async makeDirectory(directory, directoryOptions = {}) {
      const target = at(directory);
      await mkdir(target, { recursive: true });
      const handle = await open(target, constants.O_DIRECTORY);
      try {
        const mode = 'mode' in directoryOptions ? directoryOptions.mode : 0o755;
        if (mode !== undefined) await handle.chmod(mode);
        if (directoryOptions.owner) await give(target, directoryOptions.owner);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await syncDirectory(path.dirname(target));
    },
    async remove(file) {
      await rm(at(file), { recursive: true, force: true });
      await syncDirectory(path.dirname(at(file)));
    },
    async wipe(file) {
      try {
        const handle = await open(at(file), 'r+');
        try {
          const { size } = await handle.stat();
          const zeros = Buffer.alloc(64 * 1024);
          for (let position = 0; position < size; position += zeros.length) {
            await handle.write(zeros, 0, Math.min(zeros.length, size - position), position);
          }
          await handle.sync();
        } finally {
          await handle.close();
        }
      } catch (error) {
        if (isMissing(error)) return;
        throw error;
      }
      await rm(at(file), { force: true });
      await syncDirectory(path.dirname(at(file)));
    },
    async rename(from, to) {
      await rename(at(from), at(to));
      await syncDirectory(path.dirname(at(to)));
    },
    async list(directory) {
      try {
        return (await readdir(at(directory))).sort();
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
  };
}

function isMissing(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    // Missing or not executable: both mean that it cannot be run from here.
    return false;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(directory, constants.O_DIRECTORY);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
