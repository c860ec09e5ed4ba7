import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Key, KeyDecoder } from './keys.ts';

function keysOf(...pieces: (string | Uint8Array)[]): string {
  const decoder = new KeyDecoder();
  const keys = pieces.flatMap((piece) => decoder.push(Buffer.from(piece)));
  return [...keys, ...decoder.flush()].map(nameOf).join(' ');
}

function nameOf(key: Key): string {
  return key.kind === 'text' ? key.text : `<${key.kind}>`;
}

const cases: [what: string, typed: string, keys: string][] = [
  ['letters, also from other alphabets', 'aÖ漢', 'a Ö 漢'],
  ['a character outside the basic plane is one key', '😀', '😀'],
  ['Enter as either end of line', 'a\rb\nc', 'a <enter> b <enter> c'],
  ['both ends of line together as one Enter', 'a\r\nb\r\n', 'a <enter> b <enter>'],
  ['Enter twice', '\r\r', '<enter> <enter>'],
  ['Ctrl-C and Ctrl-D', '\u0003\u0004', '<interrupt> <interrupt>'],
  ['Ctrl-Z and Ctrl-\\, which would stop or kill, as nothing', 'a\u001a\u001cb', 'a b'],
  ['arrows, in both forms that terminals have', '\u001b[A\u001bOB', '<up> <down>'],
  ['Esc alone', '\u001b', '<back>'],
  ['Esc twice', '\u001b\u001b', '<back> <back>'],
  ['Esc before Enter', '\u001b\r', '<back> <enter>'],
  ['function keys and reports as nothing', 'a\u001b[15~\u001b[24;80R\u001b[?1;2cb', 'a b'],
  ['Alt with a letter as nothing', 'a\u001bxb', 'a b'],
  ['Ctrl-C in the middle of a sequence', '\u001b[1;\u0003', '<interrupt>'],
  ['what turns text around as nothing', 'a\u202eb', 'a b'],
  ['pasted text between its marks', '\u001b[200~ab\u001b[201~', 'a b'],
  ['a sequence that never ends does not hide what comes', `\u001b[${'1;'.repeat(40)}x`, 'x'],
];

describe('a terminal sends', () => {
  for (const [what, typed, expected] of cases) {
    test(what, () => {
      const seen = keysOf(typed);
      // What stands behind an endless sequence may lose a few characters of it, never the last.
      if (what.startsWith('a sequence that never')) assert.ok(seen.endsWith(expected), seen);
      else assert.equal(seen, expected);
    });
    test(`${what}, byte by byte`, () => {
      const bytes = [...Buffer.from(typed)].map((byte) => Uint8Array.of(byte));
      assert.equal(keysOf(...bytes), keysOf(typed));
    });
  }
});

test('bytes that are no text are nothing', () => {
  assert.equal(keysOf(Uint8Array.of(0x61, 0xff, 0xc3, 0x28, 0x62)), 'a ( b');
});
