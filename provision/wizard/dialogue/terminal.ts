/**
 * The terminal that a wizard talks on: switches echo off before a single character is read and keeps it off until the
 * end, so that nothing typed ahead ever shows, a passphrase least of all. Reads all the time, so that Ctrl-C and a
 * line that hangs up are noticed while something else is going on.
 */
import type { Readable, Writable } from 'node:stream';
import { Disconnected, Stopped } from '../signals.ts';
import { type Key, KeyDecoder } from './keys.ts';

export interface TerminalInput extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
}

export interface TerminalOutput extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** After this long an Esc that nothing followed was the key. A sequence comes at once, even at 9600 bit/s. */
const escapeTimeoutMs = 100;
/** Keys that are kept until somebody asks for them: more than an armored key that is pasted. */
const maxWaitingKeys = 512 * 1024;
/** Sizes that are taken where a serial line tells none, or nonsense. */
const unknownSize = { columns: 80, rows: 24 };
const leastSize = { columns: 40, rows: 10 };

export interface TerminalOptions {
  /** Without a key for this long, whoever was there has gone. Default: never. */
  readonly idleTimeoutMs?: number | undefined;
}

export class Terminal {
  readonly input: TerminalInput;
  readonly output: TerminalOutput;
  readonly #idleTimeoutMs: number | undefined;
  readonly #decoder = new KeyDecoder();
  readonly #keys: Key[] = [];
  #waiting: { resolve: (key: Key) => void; reject: (error: Error) => void } | undefined;
  #disconnected: Disconnected | undefined;
  #escapeTimer: NodeJS.Timeout | undefined;
  #onInterrupt: (() => void) | undefined;
  readonly #onData = (bytes: Buffer | string): void => this.#read(Buffer.from(bytes));
  readonly #onEnd = (): void => this.disconnect();

  constructor(input: TerminalInput, output: TerminalOutput, options: TerminalOptions = {}) {
    this.input = input;
    this.output = output;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    input.setRawMode?.(true);
    input.on('data', this.#onData);
    input.on('end', this.#onEnd);
    // A line that hangs up gives EIO, on either side.
    input.on('error', this.#onEnd);
    output.on('error', this.#onEnd);
    input.resume();
  }

  get columns(): number {
    const { columns = 0 } = this.output;
    return columns === 0 ? unknownSize.columns : Math.max(columns, leastSize.columns);
  }

  get rows(): number {
    const { rows = 0 } = this.output;
    return rows === 0 ? unknownSize.rows : Math.max(rows, leastSize.rows);
  }

  write(text: string): void {
    if (!this.#disconnected) this.output.write(text);
  }

  /**
   * The next key, typed ahead or to come.
   * @throws {Disconnected}, or {Stopped} when nobody types
   */
  async nextKey(): Promise<Key> {
    if (this.#disconnected) throw this.#disconnected;
    const typed = this.#keys.shift();
    if (typed) return typed;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject };
        if (this.#idleTimeoutMs === undefined) return;
        timer = setTimeout(() => {
          this.#waiting = undefined;
          reject(new Stopped('nobody typed anything'));
        }, this.#idleTimeoutMs);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Forgets the Enters that were typed ahead, up to the first other key. */
  dropTypedEnters(): void {
    while (this.#keys[0]?.kind === 'enter') this.#keys.shift();
  }

  /** Until the returned function is called, Ctrl-C calls `handler` at once instead of waiting to be read. */
  onInterrupt(handler: () => void): () => void {
    this.#onInterrupt = handler;
    return () => {
      if (this.#onInterrupt === handler) this.#onInterrupt = undefined;
    };
  }

  /** The other side is gone: whoever waits for a key, now or later, is told so. */
  disconnect(): void {
    if (this.#disconnected) return;
    this.#disconnected = new Disconnected();
    this.#keys.length = 0;
    this.#onInterrupt?.();
    this.#waiting?.reject(this.#disconnected);
    this.#waiting = undefined;
  }

  get isDisconnected(): boolean {
    return this.#disconnected !== undefined;
  }

  /** Gives the terminal back as it was. What was typed and not read is thrown away: it was not meant for a shell. */
  close(): void {
    clearTimeout(this.#escapeTimer);
    this.input.off('data', this.#onData);
    this.input.off('end', this.#onEnd);
    this.input.pause();
    this.#keys.length = 0;
    try {
      this.input.setRawMode?.(false);
    } catch (error) {
      // A terminal that is gone cannot be set to anything.
      if (!this.#disconnected) throw error;
    }
  }

  #read(bytes: Buffer): void {
    clearTimeout(this.#escapeTimer);
    for (const key of this.#decoder.push(bytes)) this.#deliver(key);
    if (this.#decoder.isWaiting) {
      this.#escapeTimer = setTimeout(() => {
        for (const key of this.#decoder.flush()) this.#deliver(key);
      }, escapeTimeoutMs);
    }
  }

  #deliver(key: Key): void {
    if (key.kind === 'interrupt' && this.#onInterrupt) {
      this.#onInterrupt();
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting.resolve(key);
    else if (this.#keys.length < maxWaitingKeys) this.#keys.push(key);
  }
}
