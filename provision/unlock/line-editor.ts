/**
 * What a terminal in raw mode sends, turned into a line: for a passphrase that is never shown. Escape sequences
 * (arrow keys, pasting marks) are no part of it, and no control character does anything but edit: there is nothing
 * to interrupt and nothing behind it.
 */

export type LineEvent =
  | { readonly type: 'line'; readonly text: string }
  /** Ctrl-U, or too long a line: what was typed is forgotten. */
  | { readonly type: 'cleared' }
  /** Ctrl-C: the same; where there is something to go back to, a wish to do so. */
  | { readonly type: 'interrupt' };

const enter = 13;
const lineFeed = 10;
const backspace = 8;
const delete_ = 127;
const ctrlC = 3;
const ctrlU = 21;
const ctrlW = 23;
const escapeKey = 27;

/** As many as the agent takes; what is typed beyond it is forgotten, with the whole line. */
const maxBytes = 4096;

type Mode = 'text' | 'escape' | 'sequence';

export class LineEditor {
  #bytes: number[] = [];
  #mode: Mode = 'text';
  #lastWasReturn = false;

  feed(chunk: Uint8Array): LineEvent[] {
    const events: LineEvent[] = [];
    for (const byte of chunk) {
      const event = this.#byte(byte);
      if (event) events.push(event);
    }
    return events;
  }

  clear(): void {
    this.#bytes.fill(0);
    this.#bytes = [];
    this.#mode = 'text';
  }

  #byte(byte: number): LineEvent | undefined {
    const lastWasReturn = this.#lastWasReturn;
    this.#lastWasReturn = byte === enter;
    if (this.#mode === 'escape') {
      // ESC [ … and ESC O … go on; ESC and any other character is a whole sequence.
      this.#mode = byte === 0x5b || byte === 0x4f ? 'sequence' : 'text';
      if (byte !== enter && byte !== lineFeed) return undefined;
    }
    if (this.#mode === 'sequence') {
      // ECMA-48: parameters are 0x20 to 0x3f, the final byte is 0x40 to 0x7e.
      if (byte >= 0x20 && byte <= 0x3f) return undefined;
      this.#mode = 'text';
      if (byte >= 0x40 && byte <= 0x7e) return undefined;
    }
    switch (byte) {
      case lineFeed:
      case enter: {
        // A serial line may send both.
        if (byte === lineFeed && lastWasReturn) return undefined;
        const text = Buffer.from(this.#bytes).toString('utf8');
        this.clear();
        return { type: 'line', text };
      }
      case backspace:
      case delete_:
        this.#dropCharacter();
        return undefined;
      case ctrlC:
        this.clear();
        return { type: 'interrupt' };
      case ctrlU:
      case ctrlW:
        this.clear();
        return { type: 'cleared' };
      case escapeKey:
        this.#mode = 'escape';
        return undefined;
      default:
        if (byte < 0x20) return undefined;
        this.#bytes.push(byte);
        if (this.#bytes.length <= maxBytes) return undefined;
        this.clear();
        return { type: 'cleared' };
    }
  }

  #dropCharacter(): void {
    // The bytes of one UTF-8 character: continuation bytes are 10xxxxxx.
    let byte = this.#bytes.pop();
    while (byte !== undefined && (byte & 0xc0) === 0x80) byte = this.#bytes.pop();
  }
}
