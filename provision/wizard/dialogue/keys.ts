/**
 * Turns what a terminal sends into keys. Only keys that the wizard knows come out: everything else a terminal may
 * send (function keys, answers to queries, control characters) is swallowed, because prompts and shells attach
 * surprising actions to some of it. Pure: no timers, no streams.
 */
import { StringDecoder } from 'node:string_decoder';

export type Key = { readonly kind: 'text'; readonly text: string } | { readonly kind: NamedKey };

export type NamedKey =
  | 'enter'
  /** Esc alone: to the question before. */
  | 'back'
  /** Ctrl-C or Ctrl-D. */
  | 'interrupt'
  | 'backspace'
  | 'delete'
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'tab'
  /** Ctrl-U: empties the line. */
  | 'clear'
  /** Ctrl-W. */
  | 'deleteWord';

const controls: Readonly<Record<string, NamedKey>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u0003': 'interrupt',
  '\u0004': 'interrupt',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0001': 'home',
  '\u0015': 'clear',
  '\u0017': 'deleteWord',
};

/** By what stands after `ESC [` or `ESC O`. */
const sequences: Readonly<Record<string, NamedKey>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  '1~': 'home',
  '7~': 'home',
  '3~': 'delete',
};

/** A sequence that has not ended by then is none: more of it would only hide what is typed. */
const maxSequenceLength = 32;

export class KeyDecoder {
  readonly #decoder = new StringDecoder('utf8');
  /** The beginning of an escape sequence whose end has not come yet. */
  #sequence = '';
  #afterReturn = false;

  /** Whether a lone Esc, or the beginning of a sequence, waits for what comes next: then call {@link flush} soon. */
  get isWaiting(): boolean {
    return this.#sequence !== '';
  }

  push(bytes: Uint8Array): Key[] {
    const keys: Key[] = [];
    for (const character of this.#decoder.write(Buffer.from(bytes))) this.#take(character, keys);
    return keys;
  }

  /** Nothing came for a while: an Esc that stood alone was the Esc key. */
  flush(): Key[] {
    const lone = this.#sequence === '\u001b';
    this.#sequence = '';
    return lone ? [{ kind: 'back' }] : [];
  }

  #take(character: string, keys: Key[]): void {
    const afterReturn = this.#afterReturn;
    this.#afterReturn = character === '\r';
    if (this.#sequence !== '') {
      this.#continueSequence(character, keys);
      return;
    }
    if (character === '\u001b') {
      this.#sequence = character;
      return;
    }
    // Some lines end in both: one Enter.
    if (character === '\n' && afterReturn) return;
    const kind = controls[character];
    if (kind) keys.push({ kind });
    else if (isPrintable(character)) keys.push({ kind: 'text', text: character });
  }

  #continueSequence(character: string, keys: Key[]): void {
    if (character === '\u001b') {
      // Esc twice: the first was the key.
      if (this.#sequence === '\u001b') keys.push({ kind: 'back' });
      this.#sequence = '\u001b';
      return;
    }
    // Whatever else begins: these must always work.
    if (character === '\u0003' || character === '\u0004' || character === '\r') {
      const lone = this.#sequence === '\u001b';
      this.#sequence = '';
      if (lone) keys.push({ kind: 'back' });
      this.#take(character, keys);
      return;
    }
    this.#sequence += character;
    const body = this.#sequence.slice(1);
    const introduced = body.startsWith('[') || body.startsWith('O');
    if (introduced && body.length === 1) return;
    // ECMA-48: a sequence ends with a character from @ to ~; what is not introduced is Alt with a key.
    const ended = !introduced || /[@-~]$/.test(body) || body.length > maxSequenceLength;
    if (!ended) return;
    this.#sequence = '';
    const kind = introduced ? sequences[body.slice(1)] : undefined;
    if (kind) keys.push({ kind });
  }
}

/** Not a control character, not one that turns the direction of text or ends a line. */
function isPrintable(character: string): boolean {
  return !/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffd]/u.test(character);
}
