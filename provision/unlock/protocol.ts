/**
 * What front ends and the unlock agent say to each other: JSON, a line each, over a Unix socket. Both sides check
 * what they read; a line has a bound, and whoever exceeds it or talks nonsense is hung up on.
 */
import { EncroCamError } from '../../runtime/errors.ts';
import type { CameraState } from '../state.ts';

/** From a front end. */
export type Request =
  /** First of all: where it is, as in "the serial console ttyAMA0". Others are told. */
  | { readonly type: 'hello'; readonly from: string }
  | { readonly type: 'passphrase'; readonly passphrase: string }
  /** Asks for what `encrocam status` says. */
  | { readonly type: 'report' };

/** From the agent. `you` says whether it is about the front end that reads it. */
export type Event =
  | {
      readonly type: 'state';
      readonly state: CameraState;
      /** Since when it is so: since the machine was started, for `locked`. */
      readonly forMs: number;
      /** Whether this camera records while it is locked. */
      readonly recordsLocked: boolean;
      readonly wrongAttempts: number;
      readonly lastWrongFrom?: string;
    }
  /** A passphrase is taken, and tried in so many milliseconds. */
  | { readonly type: 'waiting'; readonly pauseMs: number }
  | { readonly type: 'trying'; readonly from: string; readonly you: boolean }
  | {
      readonly type: 'wrong';
      readonly from: string;
      readonly you: boolean;
      readonly wrongAttempts: number;
      /** No sooner than after this is the next one tried, whoever gives it. */
      readonly pauseMs: number;
    }
  | { readonly type: 'unlocked'; readonly from: string; readonly you: boolean; readonly warning?: string }
  /** The passphrase may be right, but something else is wrong. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly hint?: string }
  | { readonly type: 'report'; readonly text: string };

/** Longest line either side reads. A passphrase has at most 512 characters. */
export const maxRequestBytes = 8 * 1024;
export const maxEventBytes = 64 * 1024;
const maxFromCharacters = 80;
export const maxPassphraseCharacters = 1024;

export function encode(message: Request | Event): string {
  return `${JSON.stringify(message)}\n`;
}

/** @throws {EncroCamError} `USAGE` for anything that is no request; nothing of what was sent is quoted. */
export function parseRequest(line: string): Request {
  const value = parse(line);
  if (value.type === 'hello' && typeof value.from === 'string') {
    return { type: 'hello', from: plain(value.from) };
  }
  if (
    value.type === 'passphrase' &&
    typeof value.passphrase === 'string' &&
    value.passphrase.length <= maxPassphraseCharacters
  ) {
    return { type: 'passphrase', passphrase: value.passphrase };
  }
  if (value.type === 'report') return { type: 'report' };
  throw nonsense();
}

const eventTypes = ['state', 'waiting', 'trying', 'wrong', 'unlocked', 'failed', 'report'];

/** The agent runs as root and is believed; only the kind of message is checked, for versions that differ. */
export function parseEvent(line: string): Event {
  const value = parse(line);
  if (typeof value.type === 'string' && eventTypes.includes(value.type)) return value as unknown as Event;
  throw nonsense();
}

function parse(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw nonsense();
  }
  if (typeof value !== 'object' || value === null) throw nonsense();
  return value as Record<string, unknown>;
}

function nonsense(): EncroCamError {
  return new EncroCamError('USAGE', 'That is no message of the unlock protocol.', {
    hint: 'See provision/unlock/protocol.ts.',
  });
}

/** It is shown on other people's consoles. */
function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, maxFromCharacters) || 'somewhere';
}

/** Cuts a stream of bytes into lines, each at most `maxBytes` long. */
export class LineSplitter {
  readonly #maxBytes: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws {EncroCamError} `USAGE` for a line beyond the bound. */
  push(chunk: Buffer): string[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const lines: string[] = [];
    for (let end = this.#rest.indexOf(10); end !== -1; end = this.#rest.indexOf(10)) {
      if (end > this.#maxBytes) throw nonsense();
      lines.push(this.#rest.subarray(0, end).toString('utf8'));
      this.#rest = this.#rest.subarray(end + 1);
    }
    if (this.#rest.length > this.#maxBytes) throw nonsense();
    return lines;
  }
}
