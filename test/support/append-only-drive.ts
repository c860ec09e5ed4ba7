/** A server as docs/guide/append-only-drives.md sets it up, with the camera's directory, and what an attacker sends. */
import { execFile } from 'node:child_process';
import { chown, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { HungUploads } from '../../runtime/storage/ftp/hung.ts';
import { FtpSession } from '../../runtime/storage/ftp/session.ts';
import { type FtpServer, type FtpSoftware, startFtpServer } from '../ftp-servers/index.ts';
import { driveSettings } from './drive.ts';

const run = promisify(execFile);
const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];

/** `chattr +a` or `-a`, as root. Rejects where the file system or the container does not know it. */
export async function chattr(flag: '+a' | '-a', ...directories: string[]): Promise<void> {
  const [command = 'chattr', ...args] = [...asRoot, 'chattr', flag, ...directories];
  await run(command, args);
}

/**
 * Starts the server and makes `<root>/<camera>`. Both directories of pure-ftpd can only be added to, as the guide
 * wants it, unless `guard` is false.
 */
export async function startAppendOnlyDrive(
  context: TestContext,
  software: FtpSoftware,
  camera: string,
  { guard = true } = {},
): Promise<{ server: FtpServer; directory: string }> {
  const server = await startFtpServer({ software, appendOnly: true });
  const directory = path.join(server.rootDirectory, camera);
  const guarded = guard && software === 'pure-ftpd' ? [server.rootDirectory, directory] : [];
  context.after(async () => {
    if (guarded.length > 0) await chattr('-a', ...guarded);
    await server.stop();
  });
  await mkdir(directory);
  const { uid, gid } = await stat(server.rootDirectory);
  await chown(directory, uid, gid);
  if (guarded.length > 0) await chattr('+a', ...guarded);
  return { server, directory };
}

/** A session with the password in hand, that says what it likes. */
export class Attacker {
  readonly #session = new FtpSession(3000, new HungUploads());
  /** The replies so far; `refused` in front of those that refuse. */
  readonly replies: string[] = [];

  static async enter(server: FtpServer, user = server.user): Promise<Attacker> {
    const attacker = new Attacker();
    await attacker.#session.open(driveSettings({ ...server, user }));
    return attacker;
  }

  /** @returns whether the server agreed. */
  say(line: string): Promise<boolean> {
    return this.#tell(async () => (await this.#session.command(line)).message);
  }

  /** Sends bytes with `STOR x` or the like. */
  put(line: string, bytes: Uint8Array): Promise<boolean> {
    return this.#tell(async () => {
      const transfer = await this.#session.transfer(line);
      await transfer.send(bytes);
      return (await transfer.finishSending()).message;
    });
  }

  /** Sends bytes and leaves the upload open; the function sends more, and ends it. */
  async hold(line: string, bytes: Uint8Array): Promise<(more: Uint8Array) => Promise<boolean>> {
    const transfer = await this.#session.transfer(line);
    await transfer.send(bytes);
    return (more) =>
      this.#tell(async () => {
        await transfer.send(more);
        return (await transfer.finishSending()).message;
      });
  }

  /** Sends bytes and cuts the connection in the middle. */
  async cutOff(line: string, bytes: Uint8Array): Promise<void> {
    await this.#tell(async () => {
      const transfer = await this.#session.transfer(line);
      await transfer.send(bytes);
      this.#session.close();
      await transfer.abandon(0);
      return 'cut off';
    });
  }

  leave(): void {
    this.#session.close();
  }

  async #tell(work: () => Promise<string>): Promise<boolean> {
    try {
      this.replies.push(await work());
      return true;
    } catch (error) {
      this.replies.push(`refused: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }
}
