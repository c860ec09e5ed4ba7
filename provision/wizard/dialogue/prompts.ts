/**
 * enquirer's prompts, driven key by key. enquirer would read the terminal itself through a readline interface for each
 * prompt; that interface crashes on Ctrl-C under Node.js 24, lets the terminal echo what is typed between two prompts,
 * and loses what comes in one piece with an Enter. So its own reading is switched off here and every key is handed to
 * the prompt, one after the other.
 */

import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Back } from '../signals.ts';
import type { ColorDepth } from './dialogue.ts';
import type { Key, NamedKey } from './keys.ts';
import type { Terminal } from './terminal.ts';

/** The part of enquirer's prompts that is used here; its own type declarations leave it out. */
export interface EnquirerPrompt extends EventEmitter {
  run(): Promise<unknown>;
  keypress(sequence: string): Promise<unknown>;
  cancel(): Promise<unknown>;
  readonly state: { readonly input: string; readonly cursor: number };
}

export type PromptKind = 'Input' | 'Password' | 'Select' | 'AutoComplete';
type PromptClass = new (options: Record<string, unknown>) => EnquirerPrompt;
type Enquirer = Readonly<Record<PromptKind, PromptClass>>;

/** Ctrl-C at a prompt; carries what was typed so far, so that it is still there afterwards. */
export class Interrupted extends Error {
  readonly typed: string;

  constructor(typed: string) {
    super('interrupted');
    this.typed = typed;
  }
}

/** Loads enquirer. It decides on colours while it is loaded, by this variable alone. */
export async function loadEnquirer(colors: ColorDepth): Promise<Enquirer> {
  process.env.FORCE_COLOR = colors === 'none' ? '0' : '1';
  const { default: enquirer } = await import('enquirer');
  return enquirer as unknown as Enquirer;
}

const plainLine: Partial<Record<NamedKey, string>> = {
  enter: '\r',
  backspace: '\u007f',
  delete: '\u001b[3~',
  left: '\u001b[D',
  right: '\u001b[C',
  home: '\u0001',
  clear: '\u0007',
  deleteWord: '\u0017',
};
const list: Partial<Record<NamedKey, string>> = { enter: '\r', up: '\u001b[A', down: '\u001b[B' };

/** What enquirer is given for a key; nothing for keys that it would misunderstand. */
const translations: Readonly<Record<PromptKind, (key: Key) => string | undefined>> = {
  Input: (key) => (key.kind === 'text' ? key.text : plainLine[key.kind]),
  Password: (key) => (key.kind === 'text' ? key.text : plainLine[key.kind]),
  // People count from 1, enquirer from 0.
  Select: (key) =>
    key.kind === 'text'
      ? /^[1-9]$/.test(key.text)
        ? String(Number(key.text) - 1)
        : undefined
      : list[key.kind],
  // What is typed becomes part of a regular expression there.
  AutoComplete: (key) =>
    key.kind === 'text'
      ? key.text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '') || undefined
      : key.kind === 'backspace'
        ? '\u007f'
        : list[key.kind],
};

/**
 * Runs one prompt to its end.
 * @param typed text that is put in first, as if it were typed.
 * @throws {Back} on Esc; {Interrupted} on Ctrl-C; {Disconnected}
 */
export async function runPrompt(
  enquirer: Enquirer,
  terminal: Terminal,
  kind: PromptKind,
  options: Record<string, unknown>,
  typed = '',
): Promise<unknown> {
  const prompt = new enquirer[kind]({
    ...{ stdout: terminal.output, columns: terminal.columns, rows: terminal.rows },
    // Plain characters: a serial line or the screen's font may know no others.
    ...{ prefix: statusMark, separator: '>', pointer: pointerAt, symbols: { pointer: '!' } },
    // Reading is done here; hiding the cursor would bring signal handlers that end the process.
    ...{ start: nothing, cursorHide: nothing, alert: nothing },
    ...options,
  });
  let submitted: { value: unknown } | undefined;
  const ready = once(prompt, 'run');
  prompt.run().then(
    (value) => {
      submitted = { value };
    },
    // Rejects when it is cancelled, which is only done below.
    nothing,
  );
  await ready;
  for (const text of typed) await prompt.keypress(text);
  while (!submitted) {
    const key = await terminal.nextKey();
    if (key.kind === 'back' || key.kind === 'interrupt') {
      const typedSoFar = prompt.state.input;
      await prompt.cancel();
      throw key.kind === 'back' ? new Back() : new Interrupted(typedSoFar);
    }
    const sequence = translations[kind](key);
    if (sequence === undefined) continue;
    await prompt.keypress(sequence);
    // enquirer takes away half of a character outside the basic plane at a time.
    if (key.kind === 'backspace' && endsInHalfCharacter(prompt)) await prompt.keypress(sequence);
    // Its drawing, and the promise of `run`, go on after the key.
    await turn();
  }
  return submitted.value;
}

function endsInHalfCharacter({ state }: EnquirerPrompt): boolean {
  return /[\ud800-\udbff]$/.test(state.input.slice(0, state.cursor));
}

function statusMark(state: { submitted: boolean; cancelled: boolean }): string {
  if (state.cancelled) return 'x';
  return state.submitted ? '+' : '?';
}

/** Marks the line of a list that Enter takes; colour alone would not be seen everywhere. */
function pointerAt(this: { index: number }, _choice: unknown, index: number): string {
  return this.index === index ? '>' : ' ';
}

function nothing(): void {}
