import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs, createBackoff } from './backoff.ts';

test('pauses double from the first to the bound and stay there', () => {
  const backoff = createBackoff({ firstMs: 1000, maxMs: 60_000, random: () => 0 });
  const pauses = Array.from({ length: 9 }, () => backoff.failed());
  assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('a success starts the pauses over', () => {
  const backoff = createBackoff({ firstMs: 1000, maxMs: 60_000, random: () => 0 });
  backoff.failed();
  backoff.failed();
  backoff.succeeded();
  assert.equal(backoff.failed(), 1000);
});

test('a success that does not last does not start the pauses over', () => {
  let nowMs = 0;
  const backoff = createBackoff({
    firstMs: 1000,
    maxMs: 60_000,
    stableMs: 5000,
    random: () => 0,
    now: () => nowMs,
  });
  backoff.failed();
  backoff.succeeded();
  nowMs += 4999;
  assert.equal(backoff.failed(), 2000);
  backoff.succeeded();
  nowMs += 5000;
  assert.equal(backoff.failed(), 1000);
});

test('jitter shortens a pause by at most its share and never lengthens it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 5000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (failures, chance) => {
        const backoff = createBackoff({ firstMs: 1000, maxMs: 60_000, jitter: 0.3, random: () => chance });
        let pauseMs = 0;
        for (let failure = 0; failure <= Math.min(failures, 40); failure++) pauseMs = backoff.failed();
        const whole = backoffMs(Math.min(failures, 40), 1000, 60_000);
        assert.ok(pauseMs <= whole && pauseMs >= Math.floor(whole * 0.7));
        assert.ok(Number.isFinite(backoffMs(failures, 1000, 60_000)));
      },
    ),
  );
});
