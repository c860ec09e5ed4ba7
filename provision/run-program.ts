/**
 * Runs one program to its end: bounded in time and output, with standard input given whole. It exists beside zx
 * because the unlock agent stays in memory and because its input may be a passphrase, which must not be a string
 * in some shell's quoting.
 */
import { spawn } from 'node:child_process';
import { EncroCamError, systemErrorCode } from '../runtime/errors.ts';
import { printable } from '../runtime/log.ts';

export interface RunOptions {
  /** What the program reads from standard input; nothing without it. */
  readonly input?: string | Uint8Array;
  /** Longest run before it is ended. Default: a minute. */
  readonly timeoutMs?: number;
  /** Exit codes that the caller deals with; others throw. Default: 0 alone. */
  readonly exitCodes?: readonly number[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

export interface ProgramResult {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

export type Runner = (
  program: string,
  args: readonly string[],
  options?: RunOptions,
) => Promise<ProgramResult>;

const defaultTimeoutMs = 60_000;
/** After SIGTERM a program has this long to tidy up. */
const killAfterMs = 5_000;
const maxOutputBytes = 4 * 1024 * 1024;
/** Of what a failed program said, this much goes into the message. */
const maxQuotedCharacters = 400;
/** systemd gives services a PATH without sbin on some systems. */
const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export const runProgram: Runner = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    const child = spawn(program, args, {
      stdio: 'pipe',
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
      env: { ...process.env, PATH: searchPath, LC_ALL: 'C.UTF-8', ...options.environment },
    });
    const output = collect();
    const errors = collect();
    child.stdout.on('data', output.add);
    child.stderr.on('data', errors.add);
    // A program that does not read its input is judged by its exit code.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');

    let timedOut = false;
    let killTimer: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGTERM');
      killTimer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    }, timeoutMs);
    const stopTimers = (): void => {
      clearTimeout(timer);
      clearTimeout(killTimer);
    };

    child.once('error', (error) => {
      stopTimers();
      reject(
        systemErrorCode(error) === 'ENOENT'
          ? new EncroCamError('PROGRAM_MISSING', `The program ${program} is not installed.`, {
              hint: `Install it, then try again: ${packageOf(program)}.`,
              cause: error,
            })
          : error,
      );
    });
    child.once('close', (code, signal) => {
      stopTimers();
      const exitCode = code ?? -1;
      const result = { exitCode, output: output.text(), errors: errors.text() };
      if (!timedOut && signal === null && (options.exitCodes ?? [0]).includes(exitCode)) {
        resolve(result);
        return;
      }
      const how = timedOut
        ? `did not end within ${timeoutMs / 1000} s`
        : signal
          ? `was ended by ${signal}`
          : `ended with code ${exitCode}`;
      reject(
        new EncroCamError('PROGRAM_FAILED', `${describe(program, args)} ${how}${quoted(result)}.`, {
          hint: 'The whole log is in: journalctl -b',
        }),
      );
    });
  });

/** Arguments never hold secrets: they are readable in the process list anyway. */
function describe(program: string, args: readonly string[]): string {
  return [program, ...args].join(' ');
}

function quoted(result: ProgramResult): string {
  const said = printable((result.errors.trim() || result.output.trim()).replaceAll(/\s*\n\s*/g, '; '));
  return said === '' ? '' : `: ${said.slice(-maxQuotedCharacters)}`;
}

function packageOf(program: string): string {
  const packages: Record<string, string> = {
    cryptsetup: 'cryptsetup-bin',
    sfdisk: 'fdisk',
    partx: 'util-linux',
    resize2fs: 'e2fsprogs',
    'mkfs.ext4': 'e2fsprogs',
    'ssh-keygen': 'openssh-client',
  };
  return `apt install ${packages[program] ?? program}`;
}

function collect(): { add: (chunk: Buffer) => void; text: () => string } {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add(chunk) {
      // Beyond the bound it is read and forgotten, so that the program does not hang on a full pipe.
      if (bytes + chunk.length > maxOutputBytes) return;
      bytes += chunk.length;
      chunks.push(chunk);
    },
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}
