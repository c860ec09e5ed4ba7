import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetAt, rateBetween } from './seek-curve.ts';

const low = { offset: 0, wallMs: 0, bytesPerMs: 0 };
const high = { offset: 8000, wallMs: 2000, bytesPerMs: 0 };

test('without rates it is a line', () => {
  assert.equal(rateBetween(low, high), 4);
  assert.equal(offsetAt(low, high, 500), 2000);
});

test('a cubic is met exactly, and a parabola with one rate', () => {
  // t³ / 10⁶ from 0 to 2000 has the rates 0 and 12; of an unknown rate, 0 is the sign.
  const cube = (ms: number): number => ms ** 3 / 1e6;
  const ends = [1000, 2000].map((ms) => ({ offset: cube(ms), wallMs: ms, bytesPerMs: (3 * ms ** 2) / 1e6 }));
  assert.ok(ends[0] && ends[1]);
  assert.ok(Math.abs(offsetAt(ends[0], ends[1], 1400) - cube(1400)) < 1e-6);
  assert.ok(Math.abs(offsetAt(low, { ...high, bytesPerMs: 8 }, 1000) - 2000) < 1e-6);
});

test('it never runs backwards, whatever rates somebody wrote', () => {
  let before = -1;
  const [from, to] = [
    { ...low, bytesPerMs: 1000 },
    { ...high, bytesPerMs: 1000 },
  ];
  for (let ms = 0; ms <= 2000; ms += 20) {
    const offset = offsetAt(from, to, ms);
    assert.ok(offset >= before - 1e-6 && offset <= 8000 + 1e-6, `${offset} at ${ms}`);
    before = offset;
  }
});

test('towards an end of which no time is known it goes on at the rate, or halves', () => {
  const end = { ...high, wallMs: undefined };
  assert.equal(offsetAt({ ...low, bytesPerMs: 2 }, end, 500), 1000);
  assert.equal(offsetAt({ ...low, bytesPerMs: 2 }, end, 50_000), 4000);
  assert.equal(offsetAt(low, end, 500), 4000);
});
