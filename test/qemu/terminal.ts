/**
 * A conversation over a line: what the other side prints is collected and written to a transcript, `expect` waits
 * for a text in it, `type` sends keys one at a time. Serial console and SSH sessions are both lines. It draws no
 * screen: escape sequences are dropped before a text is looked for.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as pause } from 'node:timers/promises';

export interface ExpectOptions {
  /** Longest wait. Everything is emulated and shares two cores: the default is generous. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 600_000;
/** A quick typist; a serial line at 115200 takes more, a getty that has just started does not. */
const keyIntervalMs = 8;
/** An escape sequence that is not whole by then is none. */
const maxEscapeLength = 64;
const tailLines = 40;
const esc = '\u001b';
const bel = '\u0007';
/** Control sequences (ESC [), strings (ESC ] … BEL or ESC backslash), and the two-character ones. */
const escapeSequence = new RegExp(
  [
    String.raw`${esc}\[[0-?]*[ -/]*[@-~]`,
    String.raw`${esc}\][^${bel}${esc}]*(?:${bel}|${esc}\\)`,
    String.raw`${esc}[ -/]*[0-Z\\^-~]`,
  ].join('|'),
  'gu',
);

const cursorKeyOrCharacter = new RegExp(String.raw`${esc}\[[0-9;]*[A-Za-z~]|[\s\S]`, 'gu');

/** What is to be typed for a named key. */
export const keys = {
  enter: '\r',
  up: `${esc}[A`,
  down: `${esc}[B`,
  left: `${esc}[D`,
  right: `${esc}[C`,
  escape: esc,
  tab: '\t',
  backspace: '\u007f',
  ctrlC: '\u0003',
  ctrlD: '\u0004',
  ctrlZ: '\u001a',
  ctrlBackslash: '\u001c',
} as const;

export class Terminal {
  readonly name: string;
  readonly transcriptFile: string;
  readonly #send: (text: string) => void;
  /** Written at once: what was seen before a crash is on disk. */
  readonly #transcript: number;
  readonly #decoder = new StringDecoder('utf8');
  #pendingEscape = '';
  #text = '';
  /** Up to here the text was taken by an `expect` that came true. */
  #seen = 0;
  #closedBecause: string | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(name: string, transcriptFile: string, send: (text: string) => void) {
    this.name = name;
    this.transcriptFile = transcriptFile;
    this.#send = send;
    this.#transcript = openSync(transcriptFile, 'w');
  }

  /** Takes what arrived on the line. */
  feed(chunk: Buffer): void {
    if (this.#closedBecause !== undefined) return;
    writeSync(this.#transcript, chunk);
    const { text, pending } = withoutEscapes(this.#pendingEscape + this.#decoder.write(chunk));
    this.#pendingEscape = pending;
    this.#text += text.replaceAll('\r', '');
    this.#changed();
  }

  /** The line is gone; waiting for anything more fails. */
  close(reason: string): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = reason;
    closeSync(this.#transcript);
    this.#changed();
  }

  get isClosed(): boolean {
    return this.#closedBecause !== undefined;
  }

  /** Everything printed so far, without escape sequences. */
  get text(): string {
    return this.#text;
  }

  /** What was printed since the last `expect` that came true. */
  get unseen(): string {
    return this.#text.slice(this.#seen);
  }

  /** The end of what was printed, for an error. */
  tail(): string {
    return this.#text.trimEnd().split('\n').slice(-tailLines).join('\n');
  }

  /**
   * Waits until the text printed since the last match has `pattern`, and takes everything up to its end.
   * @throws after the timeout, or when the line closes, with the end of the transcript.
   */
  async expect(
    pattern: RegExp | string,
    { timeoutMs = defaultTimeoutMs }: ExpectOptions = {},
  ): Promise<string[]> {
    const expression = typeof pattern === 'string' ? new RegExp(RegExp.escape(pattern)) : pattern;
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const match = expression.exec(this.unseen);
      if (match) {
        this.#seen += match.index + match[0].length;
        return [...match];
      }
      if (this.#closedBecause !== undefined) throw this.#failure(expression, this.#closedBecause);
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw this.#failure(expression, `it did not come within ${timeoutMs / 1000} s`);
      await this.#change(leftMs);
    }
  }

  /** Waits until the line closes. */
  async closed({ timeoutMs = defaultTimeoutMs }: ExpectOptions = {}): Promise<void> {
    const deadlineMs = Date.now() + timeoutMs;
    while (this.#closedBecause === undefined) {
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new Error(`${this.name} does not close.${this.#context()}`);
      await this.#change(leftMs);
    }
  }

  /** Presses keys, one after the other. */
  async type(text: string): Promise<void> {
    for (const key of splitKeys(text)) {
      if (this.#closedBecause !== undefined) throw this.#failure(undefined, this.#closedBecause);
      this.#send(key);
      await pause(keyIntervalMs);
    }
  }

  /** Types a line and presses Enter. */
  async typeLine(text: string): Promise<void> {
    await this.type(text + keys.enter);
  }

  /** Waits for a question, types the answer, presses Enter. */
  async answer(question: RegExp | string, text: string, options?: ExpectOptions): Promise<void> {
    await this.expect(question, options);
    await this.typeLine(text);
  }

  #failure(expression: RegExp | undefined, reason: string): Error {
    const wanted = expression ? `waiting for ${expression}: ` : '';
    return new Error(`${this.name}: ${wanted}${reason}.${this.#context()}`);
  }

  #context(): string {
    return ` Transcript: ${this.transcriptFile}; it ends:\n${this.tail()}`;
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }
}

/** Text without its escape sequences; one that is not whole yet is left for the next chunk. */
function withoutEscapes(raw: string): { text: string; pending: string } {
  const text = raw.replaceAll(escapeSequence, '');
  const start = text.indexOf(esc);
  if (start === -1) return { text, pending: '' };
  if (text.length - start > maxEscapeLength) return { text, pending: '' };
  return { text: text.slice(0, start), pending: text.slice(start) };
}

/** Characters, with the escape sequences of cursor keys kept whole: a terminal sends them in one go. */
export function splitKeys(text: string): string[] {
  return text.match(cursorKeyOrCharacter) ?? [];
}
