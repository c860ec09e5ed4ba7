import assert from 'node:assert/strict';
import test from 'node:test';
import { previousOf, type SyntheticRun, syntheticRun } from '../../test/support/synthetic-run.ts';
import type { CheckedRun } from '../verifier/timeline.ts';
import { holesIn, reachesBeyond } from './holes.ts';

const startMs = 1_000_000;
const first = syntheticRun({ statement: { startMs } });
const second = syntheticRun({ fill: 2, statement: { startMs: 1_040_000, previous: previousOf(first) } });

/** Of 20 s, with its end. */
function checked({ header, link }: SyntheticRun, more: Partial<CheckedRun> = {}): CheckedRun {
  return {
    ...{ file: 'a file', header, voucher: 'signed', gaps: [], ended: 'stop', link },
    stretches: [{ verdict: 'intact', fromMs: 0, toMs: 20_000, found: 1, expected: 1 }],
    ...more,
  };
}

function seen(runs: readonly CheckedRun[], fromMs: number, toMs: number): unknown[] {
  return holesIn(runs, { fromMs: startMs + fromMs, toMs: startMs + toMs }).holes.map((hole) => [
    ...[hole.state, hole.fromMs - startMs, hole.toMs - startMs, hole.cause],
  ]);
}

test('what the camera says it did not record is a gap with its cause, cut to the range', () => {
  const gaps = [{ fromMs: 3000, toMs: 9000, cause: 'the camera was away' }];
  const runs = [checked(first, { gaps }), checked(second)];
  assert.deepEqual(seen(runs, 5000, 50_000), [
    ['gap', 5000, 9000, 'the camera was away'],
    ['not recorded', 20_000, 40_000, 'the recorder was stopped'],
  ]);
  assert.deepEqual(seen(runs, 10_000, 19_000), []);
});

test('what stands between runs that do not follow each other is missing', () => {
  const cut = checked(first, { link: Buffer.alloc(32), ended: undefined });
  assert.deepEqual(seen([cut, checked(second)], 0, 60_000), [
    ['missing', 20_000, 40_000, 'the end of the recording before is not here'],
  ]);
});

test('an end that was cut off is missing, also where no time lies between the runs', () => {
  const next = syntheticRun({
    fill: 3,
    statement: { startMs: startMs + 20_000, previous: previousOf(first) },
  });
  const runs = [checked(first, { link: Buffer.alloc(32), ended: undefined }), checked(next)];
  const cause = 'the end of the recording before is not here';
  assert.deepEqual(seen(runs, 10_000, 40_000), [['missing', 20_000, 20_000, cause]]);
  assert.deepEqual(seen(runs, 0, 20_000), []);
});

test('what no recording reaches is told as not here, and a run that a stranger made reaches nothing', () => {
  const stranger = checked(syntheticRun({ fill: 4, statement: { startMs: 0 } }), {
    voucher: 'not authentic',
  });
  const runs = [stranger, checked(first, { ended: undefined })];
  const range = { fromMs: startMs - 5000, toMs: startMs + 30_000 };
  assert.deepEqual(reachesBeyond(runs, range), { before: true, behind: true });
  assert.deepEqual(seen(runs, -5000, 30_000), [
    ['not here', -5000, 0, 'it is before the first recording that is here'],
    [
      ...['not here', 20_000, 30_000],
      'it is behind the last recording that is here, and that is without an end: it is being recorded, the power was lost, or its end was cut off',
    ],
  ]);
});

test('less than a picture at an end is no hole', () => {
  assert.deepEqual(seen([checked(first)], -99, 20_099), []);
});
