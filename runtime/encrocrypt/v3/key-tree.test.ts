import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { FormatError } from './format.ts';
import {
  commitmentOf,
  coverOf,
  covers,
  givenNode,
  maxSegments,
  rootOf,
  SegmentKeys,
  segmentKey,
  treeDepth,
} from './key-tree.ts';

const secret = Buffer.alloc(32, 1);
const runId = Buffer.alloc(16, 2);
const root = rootOf(secret, runId);
const segment = fc.integer({ min: 0, max: maxSegments - 1 });

test('a range is covered by few nodes that open it and nothing beside it', () => {
  fc.assert(
    fc.property(segment, segment, (one, other) => {
      const [first, last] = [Math.min(one, other), Math.max(one, other)];
      const nodes = coverOf(root, first, last);
      assert.ok(nodes.length <= 22);
      for (const inside of [first, Math.floor((first + last) / 2), last]) {
        const above = nodes.filter((node) => covers(node, inside));
        assert.equal(above.length, 1);
        assert.deepEqual(segmentKey(above[0] ?? root, inside), segmentKey(root, inside));
      }
      for (const outside of [first - 1, last + 1]) {
        assert.ok(nodes.every((node) => !covers(node, outside)));
        for (const node of nodes) assert.throws(() => segmentKey(node, outside), FormatError);
      }
    }),
    { numRuns: 200 },
  );
});

test('the whole run is its root, and the worst range takes 22 nodes', () => {
  assert.deepEqual(coverOf(root, 0, maxSegments - 1), [root]);
  assert.equal(coverOf(root, 1, maxSegments - 2).length, 2 * (treeDepth - 1));
  assert.equal(coverOf(root, 7, 7)[0]?.depth, treeDepth);
});

test('every segment, every run and every secret has keys of its own', () => {
  const keys = [
    ...Array.from({ length: 64 }, (_, index) => segmentKey(root, index)),
    segmentKey(rootOf(secret, randomBytes(16)), 0),
    segmentKey(rootOf(randomBytes(32), runId), 0),
    commitmentOf(secret, runId).subarray(0, 16),
  ].map((key) => key.toString('hex'));
  assert.equal(new Set(keys).size, keys.length);
});

test('what is no segment, node, secret or id is refused', () => {
  for (const wrong of [-1, maxSegments, 0.5, Number.NaN]) {
    assert.throws(() => segmentKey(root, wrong), FormatError);
    assert.throws(() => coverOf(root, wrong, wrong), FormatError);
  }
  assert.throws(() => coverOf(root, 2, 1), FormatError);
  assert.throws(() => rootOf(secret.subarray(1), runId), FormatError);
  assert.throws(() => rootOf(secret, runId.subarray(1)), FormatError);
  for (const [depth, index] of [
    [-1, 0],
    [13, 0],
    [1, 2],
    [0, 1],
    [1.5, 0],
  ] as const) {
    assert.throws(() => givenNode(depth, index, Buffer.alloc(32)), FormatError);
  }
  assert.throws(() => givenNode(0, 0, Buffer.alloc(31)), FormatError);
  assert.deepEqual(givenNode(0, 0, root.key), root);
});

test('keys one after the other, in any order, are those of each segment by itself', () => {
  fc.assert(
    fc.property(segment, segment, fc.array(segment, { maxLength: 20 }), (one, other, wanted) => {
      const [first, last] = [Math.min(one, other), Math.max(one, other)];
      for (const nodes of [[root], coverOf(root, first, last)]) {
        const keys = new SegmentKeys(nodes);
        for (const each of wanted.flatMap((start) => [start, start + 1, start])) {
          const isInside = nodes.some((node) => covers(node, each));
          assert.deepEqual(keys.keyOf(each), isInside ? segmentKey(root, each) : undefined);
        }
      }
    }),
    { numRuns: 100 },
  );
});
