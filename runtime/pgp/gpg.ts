/**
 * Runs the owner's own gpg, so that agents, pinentry and smart cards work. It only decrypts and exports here:
 * whether a signature is the camera's is judged in `verify.ts`, the same way for every driver. Machine-readable
 * status lines decide what happened; texts for people (translated, and partly written by whoever made the message)
 * are never looked at.
 */
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { isatty } from 'node:tty';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';

/** Most that gpg may write: an exported key with thousands of certifications stays below. */
const maxOutputBytes = 4 * 1024 * 1024;
const maxStatusBytes = 256 * 1024;

export interface GpgOptions {
  /** Program to run instead of `gpg`. */
  readonly program?: string;
  /** Key ring to use instead of the owner's (`GNUPGHOME`). */
  readonly homeDirectory?: string;
}

export interface GpgResult {
  readonly exitCode: number | undefined;
  readonly output: Buffer;
  /** One line each, without the `[GNUPG:] ` in front. */
  readonly status: readonly string[];
}

/**
 * Runs gpg with `input` on its standard input.
 * @throws {EncroCamError} `PROGRAM_MISSING`; `DECRYPTION_FAILED` if it writes more than it may.
 */
export async function runGpg(
  args: readonly string[],
  input: Uint8Array,
  options: GpgOptions = {},
): Promise<GpgResult> {
  const home = options.homeDirectory === undefined ? [] : ['--homedir', options.homeDirectory];
  const child = spawn(
    options.program ?? 'gpg',
    [...home, '--batch', '--no-tty', '--status-fd', '3', '--output', '-', ...args],
    { stdio: ['pipe', 'pipe', 'ignore', 'pipe'], env: { ...process.env, ...terminalForPinentry() } },
  );
  const status = child.stdio[3];
  if (!child.stdin || !child.stdout || !status || !('read' in status)) {
    throw new TypeError('spawn gave no pipes');
  }
  // gpg may end without having read everything: its status says why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);

  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', (error) => reject(startFailure(error)));
    child.once('close', (code) => resolve(code ?? undefined));
  });
  const collect = async (stream: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of stream) {
      bytes += part.length;
      if (bytes > maxBytes) {
        child.kill('SIGKILL');
        throw new EncroCamError('DECRYPTION_FAILED', `gpg wrote more than ${maxBytes} bytes.`, {
          hint: 'A key packet holds 16 bytes: this one was made to exhaust memory.',
        });
      }
      parts.push(part);
    }
    return Buffer.concat(parts);
  };
  const [exitCode, output, statusBytes] = await Promise.all([
    ended,
    collect(child.stdout, maxOutputBytes),
    collect(status as AsyncIterable<Buffer>, maxStatusBytes),
  ]);
  return { exitCode, output, status: statusLines(statusBytes.toString('utf8')) };
}

/** The status lines in what gpg wrote to its status descriptor. */
export function statusLines(text: string): string[] {
  const prefix = '[GNUPG:] ';
  return text
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length));
}

/** A pinentry on the terminal has to be told which one; under a desktop this does no harm. */
function terminalForPinentry(): { GPG_TTY?: string } {
  if (process.env.GPG_TTY) return {};
  const descriptor = [0, 2, 1].find((candidate) => isatty(candidate));
  if (descriptor === undefined) return {};
  try {
    return { GPG_TTY: readlinkSync(`/proc/self/fd/${descriptor}`) };
  } catch {
    // Not Linux: then pinentry has to find the terminal by itself, as it would without us.
    return {};
  }
}

function startFailure(error: unknown): EncroCamError {
  if (systemErrorCode(error) === 'ENOENT') {
    return new EncroCamError('PROGRAM_MISSING', 'gpg is not installed.', {
      hint: 'Install it with: sudo apt install gnupg; or give a secret key file with --key.',
      cause: error,
    });
  }
  return new EncroCamError('PROGRAM_MISSING', `gpg cannot be started: ${messageOf(error)}.`, {
    hint: 'Give a secret key file with --key instead.',
    cause: error,
  });
}
