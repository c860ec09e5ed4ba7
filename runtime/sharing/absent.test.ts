import assert from 'node:assert/strict';
import test from 'node:test';
import { absentParts } from './absent.ts';
import type { Capability } from './capability.ts';

const secondMs = 1000;
/** Of 100 to 400 s: a run that began before, one of a minute, one that may go on. */
const capability: Capability = {
  ...{ camera: Buffer.alloc(20), fromMs: 100 * secondMs, toMs: 400 * secondMs },
  runs: [
    [50, 90],
    [0, 60],
    [0, 100],
  ].map(([from = 0, to = 0], index) => ({
    ...{ runId: Buffer.alloc(16, index), headerHash: Buffer.alloc(32, index), segmentMs: 10_000, nodes: [] },
    ...{ fromMs: from * secondMs, toMs: to * secondMs },
  })),
};

/** As `140-300/60`: between which seconds, and how long. */
function absent(starts: Readonly<Record<number, number>>, from = 100, to = 400): string[] {
  const known = Object.entries(starts).map(
    ([index, start]) => [Buffer.alloc(32, Number(index)).toString('hex'), start * secondMs] as const,
  );
  const wanted = { fromMs: from * secondMs, toMs: to * secondMs };
  return absentParts(capability, new Map(known), wanted).map(
    ({ between, lengthMs }) =>
      `${between.fromMs / secondMs}-${between.toMs / secondMs}/${lengthMs / secondMs}`,
  );
}

test('each run that is not here is told, between what is', () => {
  assert.deepEqual(absent({ 0: 50, 1: 140, 2: 300 }), []);
  assert.deepEqual(absent({ 0: 50, 2: 300 }), ['140-300/60']);
  assert.deepEqual(absent({ 0: 50, 2: 200 }), ['140-200/60']);
  // It began before the range: when it was is known.
  assert.deepEqual(absent({ 1: 140, 2: 300 }), ['100-140/40']);
  assert.deepEqual(absent({ 0: 50, 1: 140 }), ['200-400/100']);
  assert.deepEqual(absent({ 0: 50 }), ['140-300/60', '200-400/100']);
  assert.deepEqual(absent({}), ['100-140/40', '140-300/60', '200-400/100']);
});

test('what lies beside the wanted range is not missed', () => {
  assert.deepEqual(absent({ 0: 50 }, 100, 140), []);
  assert.deepEqual(absent({ 1: 140 }, 150, 190), []);
  assert.deepEqual(absent({ 2: 300 }, 310, 400), []);
  assert.deepEqual(absent({ 2: 300 }, 290, 400), ['140-300/60']);
});

test('where the clock was set back, the others do not tell when a run was', () => {
  assert.deepEqual(absent({ 0: 50, 2: 160 }), ['100-400/60']);
});
