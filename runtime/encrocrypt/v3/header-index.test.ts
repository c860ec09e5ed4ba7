import assert from 'node:assert/strict';
import test from 'node:test';
import { maxNoteBytes } from './format.ts';
import { HeaderIndex, readHeaderIndex } from './header-index.ts';

const startMs = Date.UTC(2027, 0, 15);
const intervalMs = 600_000;

function indexOf(places: number, bytes = 47_500_123): { index: HeaderIndex; all: object[] } {
  const index = new HeaderIndex();
  const all = Array.from({ length: places }, (_, at) => ({
    ...{ wallMs: startMs + at * intervalMs + (at % 5), offset: at * bytes },
  }));
  for (const place of all) index.add(place);
  return { index, all };
}

function noteOf(index: HeaderIndex): Buffer {
  return Buffer.from(JSON.stringify(index.happening));
}

test('what is written is read again', () => {
  for (const places of [3, 4, 150]) {
    const { index, all } = indexOf(places);
    assert.deepEqual(readHeaderIndex(noteOf(index)), all);
  }
});

test('a file with two headers needs none', () => {
  assert.equal(indexOf(0).index.happening, undefined);
  assert.equal(indexOf(2).index.happening, undefined);
});

test('a day takes about 2 KB, and a file of thousands of runs fits a note all the same', () => {
  const day = noteOf(indexOf(150).index).length;
  assert.ok(day < 2600, `${day} bytes`);
  const { index } = indexOf(5000);
  assert.ok(noteOf(index).length <= maxNoteBytes);
  const places = readHeaderIndex(noteOf(index)) ?? [];
  assert.ok(places.length > 100);
  assert.equal(places[0]?.offset, 0);
});

test('times may go back, where the clock was set', () => {
  const index = new HeaderIndex();
  index.add({ wallMs: startMs, offset: 0 });
  index.add({ wallMs: startMs - 86_400_000, offset: 9 });
  index.add({ wallMs: startMs - 86_300_000, offset: 99 });
  assert.deepEqual(readHeaderIndex(noteOf(index)), [
    { wallMs: startMs, offset: 0 },
    { wallMs: startMs - 86_400_000, offset: 9 },
    { wallMs: startMs - 86_300_000, offset: 99 },
  ]);
});

test('a file that is smaller than it was has no headers further on', () => {
  const { index } = indexOf(20, 1000);
  index.add({ wallMs: startMs, offset: 1500 });
  assert.deepEqual(
    readHeaderIndex(noteOf(index))?.map(({ offset }) => offset),
    [0, 1000, 1500],
  );
});

test('what is not by the rules is no index', () => {
  const note = (fields: object): Buffer => Buffer.from(JSON.stringify({ what: 'index', ...fields }));
  for (const [name, content] of [
    ['nothing', Buffer.alloc(0)],
    ['no JSON', Buffer.from('{"what":"index"')],
    ['no object', Buffer.from('null')],
    ['another note', Buffer.from(JSON.stringify({ what: 'gap', times: [1], offsets: [1] }))],
    ['no lists', note({ times: 1, offsets: 1 })],
    ['no offsets', note({ times: [1] })],
    ['lists of different lengths', note({ times: [1, 2], offsets: [0] })],
    ['places in no order', note({ times: [1, 2], offsets: [5, -1] })],
    ['a place twice', note({ times: [1, 2], offsets: [5, 0] })],
    ['a place before the file', note({ times: [1], offsets: [-1] })],
    ['parts of a byte', note({ times: [1], offsets: [0.5] })],
    ['text', note({ times: ['1'], offsets: ['1'] })],
    ['lists in lists', note({ times: [[1]], offsets: [[1]] })],
    ['numbers that are none', note({ times: [null], offsets: [null] })],
    ['numbers that overflow', note({ times: [0, 0], offsets: [2 ** 53 - 1, 2 ** 53 - 1] })],
    ['more than a reader takes', note({ times: Array(2000).fill(1), offsets: Array(2000).fill(1) })],
  ] as const) {
    assert.equal(readHeaderIndex(content), undefined, name);
  }
});
