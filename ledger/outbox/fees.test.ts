import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { feesFor, higherFees, weiOfGwei } from './fees.ts';

const ceiling = weiOfGwei(50);
const wei = fc.bigInt({ min: 0n, max: 2n * ceiling });

test('gwei may have digits after the point', () => {
  assert.equal(weiOfGwei(50), 50_000_000_000n);
  assert.equal(weiOfGwei(0.000000001), 1n);
  assert.equal(weiOfGwei(1.5), 1_500_000_000n);
});

test('there is room for the base fee to double, and never more than the ceiling', () => {
  assert.deepEqual(feesFor({ base: 10n, tip: 2n }, 100n), { tip: 2n, fee: 22n });
  assert.deepEqual(feesFor({ base: 60n, tip: 2n }, 100n), { tip: 2n, fee: 100n });
  assert.equal(feesFor({ base: 99n, tip: 2n }, 100n), undefined);
  assert.deepEqual(feesFor({ base: 0n, tip: 0n }, 100n), { tip: 1n, fee: 1n });
});

test('what replaces a transaction offers an eighth more of both, within the ceiling, and is one that a node takes', () => {
  fc.assert(
    fc.property(wei, wei, wei, wei, (fee, tipShare, base, tip) => {
      const before = { fee, tip: tipShare > fee ? fee : tipShare };
      const after = higherFees(before, { base, tip }, ceiling);
      if (!after) {
        assert.ok(fee * 9n > ceiling * 8n - 8n);
        return;
      }
      assert.ok(after.fee <= ceiling && after.tip <= after.fee);
      assert.ok(after.fee * 8n >= before.fee * 9n && after.tip * 8n >= before.tip * 9n);
    }),
  );
});
