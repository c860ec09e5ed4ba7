import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { leafHash, MerkleRoot } from './merkle.ts';

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
