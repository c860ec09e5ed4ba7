/** A program in a pty of its own, by script(1): its input is the keyboard, its output the screen. */
import { type ChildProcess, spawn } from 'node:child_process';

const deadlineMs = 30_000;

export interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export class Terminal {
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  screen = '';
  #wake: () => void = () => undefined;

  /** `command` is for a shell. */
  constructor(command: string, { columns = 80, rows = 24, env = {} }: TerminalOptions = {}) {
    const sized = `stty columns ${columns} rows ${rows}; exec ${command}`;
    this.#child = spawn('script', ['--quiet', '--flush', '--return', '--command', sized, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh', ...env },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.screen += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until the screen has it; what was on the screen before that is forgotten. */
  async expect(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = AbortSignal.timeout(deadlineMs);
    for (;;) {
      const found = pattern.exec(this.screen);
      if (found) {
        this.screen = this.screen.slice(found.index + found[0].length);
        return found;
      }
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        deadline.onabort = () => reject(new Error(`${pattern} did not come: ${JSON.stringify(this.screen)}`));
      });
    }
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
