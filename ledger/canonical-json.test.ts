import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

test('the example of RFC 8785, 3.2, is written as there', () => {
  const value: unknown = JSON.parse(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`);
  assert.equal(
    canonicalJson(value),
    String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
});

test('members are in the order of RFC 8785, 3.2.3', () => {
  const value: unknown = JSON.parse(
    String.raw`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`,
  );
  assert.deepEqual(
    canonicalJson(value)
      .match(/\d(?=[,}])/g)
      ?.join(''),
    '2467153',
  );
});

test('it is JSON of the same value, whatever the order was, and written again it is the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      // -0 is 0 in JSON.
      const plain: unknown = JSON.parse(JSON.stringify(value));
      const text = canonicalJson(plain);
      assert.deepEqual(JSON.parse(text), plain);
      assert.equal(canonicalJson(JSON.parse(text)), text);
    }),
  );
});

test('what JSON cannot hold is refused, and depth is bounded', () => {
  const nested: unknown = JSON.parse('['.repeat(20_000) + ']'.repeat(20_000));
  for (const value of [
    NaN,
    Infinity,
    undefined,
    1n,
    '\ud800',
    { '\udc00': 1 },
    new Date(0),
    nested,
    [() => 1],
  ]) {
    assert.throws(() => canonicalJson(value), RangeError);
  }
});
