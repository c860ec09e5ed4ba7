import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { maxTimeMs, type TreeLeaf } from './files.ts';
import { closedPeriod, maxLeavesPerPeriod, type PeriodState } from './periods.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.UTC(2026, 0, 15, 8);

const run = (number: number, toMs: number, more: Partial<TreeLeaf> = {}): TreeLeaf => ({
  run: `0x${number.toString(16).padStart(32, '0')}`,
  link: `0x${'0'.repeat(64)}`,
  recording: 'rec',
  directory: 'front',
  fromMs: toMs - hourMs,
  toMs,
  ...more,
});

const close = (state: Partial<PeriodState>) =>
  closedPeriod({ nowMs: startMs, periodMs: dayMs, previousMs: startMs, waiting: [], ...state });

test('a period ends when its time is over, and the next one begins there', () => {
  const waiting = [run(1, startMs + hourMs)];
  assert.equal(close({ waiting, nowMs: startMs + dayMs - 1 }), undefined);
  const period = close({ waiting, nowMs: startMs + dayMs + 5.5 });
  assert.deepEqual(period, { firstMs: startMs, lastMs: startMs + dayMs + 5, leaves: waiting });
});

test('a period in which nothing ended gives no tree, however long it was; the next run makes one at once', () => {
  assert.equal(close({ nowMs: startMs + 10 * dayMs }), undefined);
  const waiting = [run(1, startMs + 10 * dayMs)];
  assert.equal(close({ waiting, nowMs: startMs + 10 * dayMs })?.firstMs, startMs);
});

test('the first period begins when the oldest run began to wait', () => {
  const waiting = [run(2, startMs + 5), run(1, startMs)];
  assert.equal(close({ previousMs: undefined, waiting, nowMs: startMs + dayMs - 1 }), undefined);
  assert.deepEqual(close({ previousMs: undefined, waiting, nowMs: startMs + dayMs }), {
    ...{ firstMs: startMs, lastMs: startMs + dayMs },
    leaves: [run(1, startMs), run(2, startMs + 5)],
  });
});

test('where the clock was set back, a period lasts as long as was recorded, and 1 ms on the chain', () => {
  const nowMs = startMs - 30 * dayMs;
  const hours = (count: number, directory: string): TreeLeaf[] =>
    Array.from({ length: count }, (_, index) =>
      run(100 * directory.length + index, nowMs + index, { directory }),
    );
  // Two cameras at once make a day no shorter.
  const nearly = [...hours(23, 'front'), ...hours(23, 'yard!')];
  assert.equal(close({ nowMs, waiting: nearly }), undefined);
  const period = close({ nowMs, waiting: hours(24, 'front') });
  assert.deepEqual([period?.firstMs, period?.lastMs], [startMs, startMs + 1]);
});

test('it can be closed early, and is when no more leaves fit', () => {
  const waiting = [run(1, startMs)];
  assert.deepEqual(close({ waiting, early: true, nowMs: startMs })?.lastMs, startMs + 1);
  assert.equal(close({ early: true }), undefined);
  const many = Array.from({ length: maxLeavesPerPeriod + 3 }, (_, index) => run(index, startMs + index));
  const full = close({ waiting: many.toReversed() });
  assert.deepEqual(full?.leaves, many.slice(0, maxLeavesPerPeriod));
  assert.deepEqual([full?.firstMs, full?.lastMs], [startMs, startMs + 1]);
});

test('a clock beyond all years closes nothing', () => {
  for (const nowMs of [-5, 0, maxTimeMs + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(close({ waiting: [run(1, startMs)], nowMs, early: true }), undefined);
  }
});

test('whatever the clock does, periods follow each other, and leaves are in the order of their ends and ids', () => {
  const time = fc.integer({ min: 1, max: maxTimeMs - 1 });
  fc.assert(
    fc.property(
      time,
      fc.option(time, { nil: undefined }),
      fc.array(time, { minLength: 1 }),
      (nowMs, previousMs, ends) => {
        const waiting = ends.map((toMs, index) => run(index, toMs));
        const period = close({ nowMs, previousMs, waiting, early: true });
        assert.ok(period);
        assert.ok(period.lastMs > period.firstMs && period.firstMs >= (previousMs ?? 0));
        assert.equal(period.leaves.length, waiting.length);
        for (const [index, leaf] of period.leaves.entries()) {
          const before = period.leaves[index - 1];
          if (before)
            assert.ok(before.toMs < leaf.toMs || (before.toMs === leaf.toMs && before.run < leaf.run));
        }
      },
    ),
  );
});
