import assert from 'node:assert/strict';
import test from 'node:test';
import { GapKeeper } from './gaps.ts';

test('a gap is told once, when it ends, with all its causes in order', () => {
  const gaps = new GapKeeper();
  gaps.begin('unplugged', 1000);
  gaps.begin('disk full', 3000);
  gaps.begin('unplugged', 4000);
  assert.equal(gaps.cause, 'unplugged');
  assert.deepEqual(gaps.end(6000), {
    sinceMs: 1000,
    lengthMs: 5000,
    causes: ['disk full', 'unplugged'],
    planned: false,
  });
  assert.equal(gaps.end(7000), undefined);
  assert.equal(gaps.totalMs(9000), 5000);
});

test('a gap that begins as planned and meets trouble is not planned any more', () => {
  const gaps = new GapKeeper();
  gaps.begin('next recording', 0, true);
  gaps.begin('exit', 10);
  assert.equal(gaps.end(20)?.planned, false);
});

test('a long gap is mentioned after 10 s, and then ever more rarely, up to every ten minutes', () => {
  const gaps = new GapKeeper();
  gaps.begin('unplugged', 0);
  const told: number[] = [];
  for (let seconds = 1; seconds <= 3000; seconds++) {
    if (gaps.progress(seconds * 1000)) told.push(seconds);
  }
  assert.deepEqual(told, [10, 20, 40, 80, 160, 320, 640, 1240, 1840, 2440]);
});

test('an open gap counts', () => {
  const gaps = new GapKeeper();
  gaps.begin('unplugged', 1000);
  assert.equal(gaps.totalMs(1500), 500);
});
