import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { leafHash, MerkleRoot, MerkleTree, rootByPath } from './merkle.ts';

/** RFC 6962, 2.1, word by word. */
function rootByTheBook(entries: readonly Uint8Array[]): Buffer {
  const hash = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (entries.length === 0) return hash();
  const [only] = entries;
  if (entries.length === 1 && only) return hash(Buffer.of(0), only);
  let half = 1;
  while (half * 2 < entries.length) half *= 2;
  return hash(Buffer.of(1), rootByTheBook(entries.slice(0, half)), rootByTheBook(entries.slice(half)));
}

function rootOf(entries: readonly Uint8Array[]): Buffer {
  const tree = new MerkleRoot();
  for (const entry of entries) tree.add(leafHash(entry));
  return tree.root();
}

test('the root of any number of leaves is that of RFC 6962, also while it grows', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 40 }), (entries) => {
      const tree = new MerkleRoot();
      for (const [index, entry] of entries.entries()) {
        tree.add(leafHash(entry));
        assert.deepEqual(tree.root(), rootByTheBook(entries.slice(0, index + 1)));
      }
      assert.equal(tree.leaves, entries.length);
    }),
    { numRuns: 200 },
  );
});

test('the known roots of Certificate Transparency come out', () => {
  const entries = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ];
  const leaves = entries.map((entry) => Buffer.from(entry, 'hex'));
  assert.equal(
    rootOf([]).toString('hex'),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  assert.equal(
    rootOf(leaves.slice(0, 1)).toString('hex'),
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
  assert.equal(
    rootOf(leaves).toString('hex'),
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  );
});

test('a leaf in parts is the leaf, and a tree that was reset is empty', () => {
  assert.deepEqual(leafHash(Buffer.from('ab'), Buffer.from('c')), leafHash(Buffer.from('abc')));
  const tree = new MerkleRoot();
  tree.add(leafHash(Buffer.from('x')));
  tree.reset();
  assert.deepEqual([tree.leaves, tree.root()], [0, new MerkleRoot().root()]);
});

/** RFC 6962, 2.1.1, word by word. */
function pathByTheBook(index: number, entries: readonly Uint8Array[]): Buffer[] {
  if (entries.length === 1) return [];
  let half = 1;
  while (half * 2 < entries.length) half *= 2;
  const [left, right] = [entries.slice(0, half), entries.slice(half)];
  return index < half
    ? [...pathByTheBook(index, left), rootByTheBook(right)]
    : [...pathByTheBook(index - half, right), rootByTheBook(left)];
}

const entriesOf = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => Buffer.from(`${index}`));

test('the path of every leaf is that of RFC 6962, and leads to the root', () => {
  for (let leaves = 1; leaves <= 70; leaves++) {
    const entries = entriesOf(leaves);
    const hashes = entries.map((entry) => leafHash(entry));
    const tree = new MerkleTree(hashes);
    assert.deepEqual(tree.root, rootByTheBook(entries));
    for (const [index, hash] of hashes.entries()) {
      const path = tree.path(index);
      assert.deepEqual(path, pathByTheBook(index, entries));
      assert.deepEqual(rootByPath(hash, { index, leaves, path }), tree.root);
    }
  }
});

test('no other leaf, place, count of the same shape or path leads to the root', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }).chain((leaves) =>
        fc.record({
          leaves: fc.constant(leaves),
          index: fc.nat(leaves - 1),
          other: fc.nat(leaves + 2),
          bit: fc.nat(255),
          at: fc.nat(8),
        }),
      ),
      ({ leaves, index, other, bit, at }) => {
        const hashes = entriesOf(leaves).map((entry) => leafHash(entry));
        const tree = new MerkleTree(hashes);
        const path = tree.path(index);
        const leaf = hashes[index] as Buffer;
        const leads = (
          changed: Partial<{ index: number; leaves: number; path: Buffer[] }>,
          from = leaf,
        ): boolean => rootByPath(from, { index, leaves, path, ...changed })?.equals(tree.root) ?? false;
        const flipped = (hash: Buffer): Buffer => {
          const copy = Buffer.from(hash);
          copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
          return copy;
        };
        assert.ok(leads({}));
        assert.ok(!leads({}, flipped(leaf)));
        if (other !== index) assert.ok(!leads({ index: other }));
        assert.ok(!leads({ index: -1 }) && !leads({ index: index + 0.5 }) && !leads({ index: Number.NaN }));
        assert.ok(!leads({ path: [...path, leaf] }));
        const place = at % Math.max(1, path.length);
        if (path.length > 0) {
          assert.ok(!leads({ path: path.slice(1) }) && !leads({ path: path.slice(0, -1) }));
          assert.ok(!leads({ path: path.map((hash, i) => (i === place ? flipped(hash) : hash)) }));
          assert.ok(!leads({ path: path.map((hash, i) => (i === place ? hash.subarray(1) : hash)) }));
        }
        // A node is no leaf: what is below it cannot be passed off as the tree.
        if (path.length > 0)
          assert.ok(!leads({ index: index >> 1, leaves: (leaves + 1) >> 1, path: path.slice(1) }));
      },
    ),
    { numRuns: 500 },
  );
});

test('there is no path in a tree without leaves, nor from a leaf that is not there', () => {
  assert.throws(() => new MerkleTree([]), RangeError);
  const tree = new MerkleTree([leafHash(Buffer.from('x'))]);
  for (const index of [-1, 1, 0.5, Number.NaN]) assert.throws(() => tree.path(index), RangeError);
  assert.deepEqual(tree.path(0), []);
});
