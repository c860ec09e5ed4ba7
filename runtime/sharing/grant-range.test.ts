import assert from 'node:assert/strict';
import test from 'node:test';
import { coverOf, rootOf } from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import type { SharedRun } from './capability.ts';
import { boundedRange, encodeShare, shareableTime } from './grant-range.ts';

const nowMs = Date.UTC(2027, 0, 15, 8);

function isUsage(error: unknown): boolean {
  return isEncroCamError(error, 'USAGE');
}

test('times that no share can name are wrong usage, before anything is read', () => {
  const range = (from: string, to: string) => boundedRange({ positionals: [], values: { from, to } }, nowMs);
  for (const [from, to] of [
    ['1960-01-01', '-1m'],
    ['-999999999d', '-1m'],
    ['-10m', '-999999999d'],
  ] as const) {
    assert.throws(() => range(from, to), isUsage, `${from} to ${to}`);
  }
  assert.deepEqual(range('1970-01-02T00:00Z', '-1m'), { fromMs: 86_400_000, toMs: nowMs - 60_000 });
  assert.throws(() => shareableTime(nowMs + 999_999_999 * 86_400_000, 'expires'), isUsage);
});

test('a range with more runs than a share can hold is wrong usage, not a defect', () => {
  const nodes = coverOf(rootOf(Buffer.alloc(32, 1), Buffer.alloc(16)), 1, 2);
  const runs = (count: number): SharedRun[] =>
    Array.from({ length: count }, (_, number) => {
      const runId = Buffer.alloc(16);
      runId.writeUInt32BE(number);
      const headerHash = Buffer.concat([runId, runId]);
      return { runId, headerHash, segmentMs: 10_000, fromMs: 10_000, toMs: 30_000, nodes };
    });
  const share = (count: number) =>
    encodeShare({ camera: Buffer.alloc(20), fromMs: 0, toMs: nowMs, runs: runs(count) });
  assert.ok(share(100).length > 0);
  assert.throws(() => share(9000), isUsage);
  assert.throws(() => share(10_001), isUsage);
});
