/**
 * Runs programs for the steps: everything they print goes into the log file, and a failure carries the command,
 * its output's tail and how to run the step again.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { $ } from 'zx';
import { ImageError } from '../errors.ts';

/** How many of a failed program's last lines are part of the error. */
const tailLines = 20;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Exit codes that are no failure; 0 by default. */
  readonly accept?: readonly number[];
}

export class Runner {
  /** Replaces this process's environment for every program, so that the user's settings change nothing. */
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  #log: WriteStream;

  constructor(logFile: string, environment: Readonly<Record<string, string>>) {
    this.logFile = logFile;
    this.environment = environment;
    this.#log = createWriteStream(logFile, { flags: 'a' });
  }

  note(text: string): void {
    this.#log.write(`${new Date().toISOString()} ${text}\n`);
  }

  /** Standard output of the program. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<string> {
    this.note(`$ ${command.map(shown).join(' ')}`);
    const shell = $({
      quiet: true,
      nothrow: true,
      // In this process's group, so that Ctrl-C ends it too.
      detached: false,
      env: { ...this.environment, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.input === undefined ? {} : { input: options.input }),
    });
    const startedMs = performance.now();
    const running = shell`${[...command]}`;
    for (const stream of [running.stdout, running.stderr]) {
      stream.on('data', (chunk: Buffer) => this.#log.write(chunk));
    }
    const output = await running;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    this.note(`exit code ${output.exitCode} after ${seconds} s`);
    if (!(options.accept ?? [0]).includes(output.exitCode ?? -1)) {
      const tail = `${output.stdout}${output.stderr}`.trimEnd().split('\n').slice(-tailLines).join('\n');
      throw new ImageError(
        'COMMAND_FAILED',
        `${command.map(shown).join(' ')}\nfailed with exit code ${output.exitCode}. Its last lines:\n${tail}`,
        { hint: `The whole log is in ${this.logFile}.` },
      );
    }
    return output.stdout;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#log.end(resolve));
  }
}

/** A word as a person would type it into a shell. Long lists of files are for the log only in part. */
function shown(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
