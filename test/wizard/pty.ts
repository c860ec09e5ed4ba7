/**
 * Types into a program on a real pseudo terminal like a person, and reads what a person would read. Needs python3,
 * whose standard library can open pseudo terminals (`relay.py`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

export interface PtyOptions {
  readonly size?: `${number}x${number}`;
  readonly env?: Readonly<Record<string, string>>;
}

/** Only failures take that long; a machine that boots others beside may need half of it for a page. */
const defaultTimeoutMs = 120_000;
const tailCharacters = 2000;

export class Pty {
  /** Everything that was written to the terminal, as it came. */
  raw = '';
  readonly pid: number;
  readonly exitCode: Promise<number>;
  readonly #relay: ChildProcess;
  /** How much of the readable text {@link expect} has gone past. */
  #position = 0;
  #onOutput: (() => void) | undefined;
  #ended = false;

  private constructor(relay: ChildProcess, pid: number, exitCode: Promise<number>) {
    this.#relay = relay;
    this.pid = pid;
    this.exitCode = exitCode;
    relay.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.raw += text;
      this.#onOutput?.();
    });
    relay.once('close', () => {
      this.#ended = true;
      this.#onOutput?.();
    });
  }

  static async start(command: readonly string[], options: PtyOptions = {}): Promise<Pty> {
    const script = path.join(import.meta.dirname, 'relay.py');
    const relay = spawn('python3', [script, options.size ?? '80x24', ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, TERM: 'xterm', ...options.env },
    });
    let messages = '';
    const pid = await new Promise<number>((resolve, reject) => {
      relay.once('error', reject);
      relay.stderr?.setEncoding('utf8').on('data', (text: string) => {
        messages += text;
        const found = /^pid (\d+)$/m.exec(messages);
        if (found) resolve(Number(found[1]));
      });
      relay.once('close', () => reject(new Error(`no pseudo terminal: ${messages}`)));
    });
    const exitCode = once(relay, 'close').then(() =>
      Number(/^exit (-?\d+)$/m.exec(messages)?.[1] ?? Number.NaN),
    );
    return new Pty(relay, pid, exitCode);
  }

  /** What a person would have read so far, without colours and cursor movements. */
  get text(): string {
    return stripVTControlCharacters(this.raw).replaceAll('\r', '');
  }

  /** Waits until `pattern` appears after what was expected before; returns the match. */
  async expect(pattern: RegExp | string, timeoutMs = defaultTimeoutMs): Promise<string> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const rest = this.text.slice(this.#position);
      const at = typeof pattern === 'string' ? rest.indexOf(pattern) : rest.search(pattern);
      if (at !== -1) {
        const match = typeof pattern === 'string' ? pattern : (pattern.exec(rest)?.[0] ?? '');
        this.#position += at + match.length;
        return match;
      }
      if (this.#ended) throw new Error(`it ended without ${pattern}:\n${this.#tail()}`);
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new Error(`${timeoutMs} ms without ${pattern}:\n${this.#tail()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#onOutput = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#onOutput = undefined;
    }
  }

  type(text: string): void {
    this.#relay.stdin?.write(text);
  }

  /** Waits for a question, then answers it. */
  async answer(question: RegExp | string, text: string): Promise<void> {
    await this.expect(question);
    this.type(`${text}\r`);
  }

  /** Power loss, as far as a process can tell. */
  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.exitCode;
  }

  /** The line hangs up. */
  hangUp(): void {
    this.#relay.kill('SIGKILL');
  }

  /** Ends what still runs, for the end of a test. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#relay.kill('SIGKILL');
    await this.exitCode;
  }

  #tail(): string {
    return this.text.slice(-tailCharacters);
  }
}
