import assert from 'node:assert/strict';
import test from 'node:test';
import { maxPlaintextBytes } from '../encrocrypt/index.ts';
import { Collector } from './collector.ts';
import type { MediaPiece } from './stream.ts';

function piece(text: string, more: Partial<MediaPiece> = {}): MediaPiece {
  return { kind: 'media', bytes: Buffer.from(text), isKeyFrame: false, isWhole: false, ...more };
}

test('bytes come out in order, with the time of the first of them', () => {
  const collector = new Collector();
  collector.push(piece('ab'), 1000, 10);
  collector.push(piece('cd'), 1050, 60);
  assert.equal(collector.sinceMs, 10);
  assert.deepEqual(collector.take(), {
    video: Buffer.from('abcd'),
    ...{ isKeyFrame: false, timeMs: 1000, monotonicMs: 10 },
  });
  assert.equal(collector.take(), undefined);
  assert.equal(collector.bytes, 0);
});

test('what is more than a packet takes is split, and each part keeps its own time', () => {
  const collector = new Collector(3);
  collector.push(piece('ab'), 1, 1);
  collector.push(piece('cdefgh'), 2, 2);
  assert.ok(collector.ready);
  assert.deepEqual(
    [collector.take(), collector.take(), collector.take()].map((part) => [String(part?.video), part?.timeMs]),
    [
      ['abc', 1],
      ['def', 2],
      ['gh', 2],
    ],
  );
  assert.equal(collector.bytes, 0);
});

test('a packet larger than the format has is refused beforehand', () => {
  assert.throws(() => new Collector(maxPlaintextBytes + 1), RangeError);
});

test('a key frame begins a packet, and makes the one before it ready', () => {
  const collector = new Collector();
  collector.push(piece('ab'), 1, 1);
  assert.ok(!collector.ready);
  collector.push(piece('key', { isKeyFrame: true }), 2, 2);
  collector.push(piece('more'), 3, 3);
  assert.ok(collector.ready);
  const parts = [collector.take(), collector.take()];
  assert.deepEqual(
    parts.map((part) => [String(part?.video), part?.isKeyFrame, part?.timeMs]),
    [
      ['ab', false, 1],
      ['keymore', true, 2],
    ],
  );
});

test('only the first part of a key frame that is split is one', () => {
  const collector = new Collector(2);
  collector.push(piece('keys', { isKeyFrame: true }), 1, 1);
  assert.deepEqual(
    [collector.take(), collector.take()].map((part) => [String(part?.video), part?.isKeyFrame]),
    [
      ['ke', true],
      ['ys', false],
    ],
  );
});

test('what must stay whole is ready at once, joined to nothing, and longer than a packet if need be', () => {
  const collector = new Collector(3);
  for (const text of ['whole', 'other']) collector.push(piece(text, { isWhole: true }), 1, 1);
  assert.ok(collector.ready);
  assert.deepEqual(
    [collector.take(), collector.take()].map((part) => String(part?.video)),
    ['whole', 'other'],
  );
  assert.equal(collector.take(), undefined);
});
