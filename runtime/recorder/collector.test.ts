import assert from 'node:assert/strict';
import test from 'node:test';
import { maxPlaintextBytes } from '../encrocrypt/index.ts';
import { Collector } from './collector.ts';

test('bytes come out in order, with the time of the first of them', () => {
  const collector = new Collector();
  collector.push(Buffer.from('ab'), 1000, 10);
  collector.push(Buffer.from('cd'), 1050, 60);
  assert.equal(collector.sinceMs, 10);
  assert.deepEqual(collector.take(), { video: Buffer.from('abcd'), timeMs: 1000, monotonicMs: 10 });
  assert.equal(collector.take(), undefined);
  assert.equal(collector.bytes, 0);
});

test('what is more than a packet takes is split, and each part keeps its own time', () => {
  const collector = new Collector(3);
  collector.push(Buffer.from('ab'), 1, 1);
  collector.push(Buffer.from('cdefgh'), 2, 2);
  assert.ok(collector.full);
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
