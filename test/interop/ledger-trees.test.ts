/** The ledger's trees, computed by our code and by a program in Python that shares nothing but the document. They agree. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import type { TreeLeaf } from '../../ledger/trees/files.ts';
import { encodeTreeFile, makeTreeFile, treeFileName } from '../../ledger/trees/files.ts';
import type { Hex } from '../../ledger/trees/hex.ts';
import { hexOf } from '../../ledger/trees/hex.ts';
import { LedgerTree, ledgerLeaf, rootOfPath } from '../../ledger/trees/tree.ts';
import { sha256 } from '../../runtime/encrocrypt/v3/index.ts';

interface Vector {
  readonly what: string;
  readonly camera: Hex;
  readonly chain: number;
  readonly contract: Hex;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly root: Hex;
  readonly tree: Hex;
  readonly file: string;
  readonly fileSha256: Hex;
  readonly clips: readonly (TreeLeaf & { readonly leaf: Hex; readonly path: readonly Hex[] })[];
}

const text = await readFile(path.join(import.meta.dirname, '../vectors/ledger/trees.json'), 'utf8');
const { trees } = JSON.parse(text) as { readonly trees: readonly Vector[] };

test('Python makes the same leaves, roots, ids and paths', () => {
  const python = spawnSync('python3', [path.join(import.meta.dirname, 'ledger_trees.py')], {
    input: text,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(python.status, 0, python.stderr);
  assert.deepEqual(
    JSON.parse(python.stdout),
    trees.map(({ root, tree, clips }) => ({
      ...{ root, tree, leaves: clips.map(({ leaf }) => leaf), paths: clips.map((clip) => clip.path) },
    })),
  );
});

for (const vector of trees) {
  test(`our code makes the tree of ${vector.what}`, () => {
    const { root, tree, file, fileSha256, clips, camera, chain, contract, firstMs, lastMs } = vector;
    const made = makeTreeFile({ camera, chain, contract }, { firstMs, lastMs }, clips);
    assert.deepEqual(
      {
        root: made.root,
        tree: made.tree,
        file: treeFileName(made),
        sha: hexOf(sha256(encodeTreeFile(made))),
      },
      { root, tree, file, sha: fileSha256 },
    );
    const hashes = new LedgerTree(clips);
    for (const [index, clip] of clips.entries()) {
      assert.equal(hexOf(ledgerLeaf(clip)), clip.leaf);
      assert.deepEqual(hashes.path(index), { index, path: clip.path });
      assert.equal(rootOfPath(clip, { index, path: clip.path, leaves: clips.length }), root);
    }
  });
}

test("six clips make the paper's figure 2: two pairs of pairs, and a pair that goes up alone", () => {
  const six = trees.find(({ clips }) => clips.length === 6);
  assert.deepEqual(
    six?.clips.map((clip) => clip.path.length),
    [3, 3, 3, 3, 2, 2],
  );
});
