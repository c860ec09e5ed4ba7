import assert from 'node:assert/strict';
import test from 'node:test';
import type { NotedGap } from './checked-run.ts';
import { addGap } from './noted-gaps.ts';

function added(...told: readonly (readonly [fromMs: number, toMs: number, cause: string])[]): unknown[] {
  const gaps: NotedGap[] = [];
  for (const [fromMs, toMs, cause] of told) addGap(gaps, { fromMs, toMs, cause });
  return gaps.map(({ fromMs, toMs, cause }) => [fromMs, toMs, cause]);
}

test('a gap that is told again while it lasts is one gap, with what was said last', () => {
  assert.deepEqual(
    added([2000, 5000, 'exit'], [2100, 10_000, 'exit; unplugged'], [1999, 12_345, 'exit; unplugged']),
    [[1999, 12_345, 'exit; unplugged']],
  );
  assert.deepEqual(added([-9000, 5000, 'exit'], [-9000, 10_000, 'exit']), [[-9000, 10_000, 'exit']]);
});

test('gaps that begin at different times are different gaps, also where one follows the other at once', () => {
  const apart = [
    [2000, 2500, 'exit'],
    [2800, 9000, 'exit'],
  ] as const;
  assert.deepEqual(added(...apart), apart);
  const overlapping = [
    [2000, 9000, 'exit'],
    [7000, 9500, 'disk full'],
  ] as const;
  assert.deepEqual(added(...overlapping), overlapping);
});
