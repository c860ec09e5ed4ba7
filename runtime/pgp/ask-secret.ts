/**
 * Asks for a passphrase or password on the terminal, without showing it. It talks to the terminal itself, so
 * that standard input and output stay free for video. Secrets are never taken from the command line: every user
 * of the machine can read that in the process list.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { EncroCamError, type ErrorCode } from '../errors.ts';

const maxSecretCharacters = 1024;

export interface AskOptions {
  /** Environment variable that is taken instead, when it is set. */
  readonly variable?: string;
  /** Error code if there is nobody to ask. */
  readonly code: ErrorCode;
}

/** @throws {EncroCamError} with `options.code` if there is no terminal, or the question was cancelled. */
export async function askSecret(prompt: string, options: AskOptions): Promise<string> {
  const { variable } = options;
  const given = variable === undefined ? undefined : process.env[variable];
  if (given !== undefined) return given;
  const refuse = (reason: string, cause?: unknown): EncroCamError =>
    new EncroCamError(options.code, `${prompt.replace(/[:\s]+$/, '')}: ${reason}.`, {
      hint: `Run this on a terminal${variable === undefined ? '' : `, or set the environment variable ${variable}`}.`,
      cause,
    });
  let descriptor: number;
  try {
    descriptor = openSync('/dev/tty', 'r+');
  } catch (error) {
    throw refuse('there is no terminal to ask on', error);
  }
  const terminal = new ReadStream(descriptor);
  try {
    // Echo goes off before the prompt shows: what is typed early stays hidden too.
    terminal.setRawMode(true);
    writeSync(descriptor, prompt);
    const secret = await readLine(terminal);
    if (secret === undefined) throw refuse('it was cancelled');
    return secret;
  } finally {
    terminal.setRawMode(false);
    writeSync(descriptor, '\n');
    terminal.destroy();
    try {
      closeSync(descriptor);
    } catch {
      // The stream has closed it already, on some versions.
    }
  }
}

function readLine(terminal: ReadStream): Promise<string | undefined> {
  const line = new LineEditor();
  return new Promise((resolve, reject) => {
    terminal.setEncoding('utf8');
    terminal.on('error', reject);
    terminal.on('end', () => resolve(undefined));
    terminal.on('data', (text: string) => {
      const outcome = line.type(text);
      if (outcome !== 'more') resolve(outcome === 'done' ? line.text : undefined);
    });
  });
}

/** What a terminal in raw mode leaves to us: ends of line, deleting, cancelling. */
export class LineEditor {
  #characters: string[] = [];

  get text(): string {
    return this.#characters.join('');
  }

  type(text: string): 'more' | 'done' | 'cancelled' {
    for (const character of text) {
      if (character === '\r' || character === '\n') return 'done';
      if (character === '\u0003' || character === '\u0004') return 'cancelled';
      if (character === '\u007f' || character === '\b') this.#characters.pop();
      else if (character === '\u0015') this.#characters = [];
      else if (this.#characters.length < maxSecretCharacters) this.#characters.push(character);
    }
    return 'more';
  }
}
