/**
 * Makes `test/vectors/ledger/trees.json`: `node test/interop/make-ledger-vectors.ts`. Nothing in it is random: it comes out
 * the same each time, unless the format changed. Six clips are the tree of the Ucam paper's figure 2.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { encodeTreeFile, makeTreeFile, treeFileName } from '../../ledger/trees/files.ts';
import { hexOf } from '../../ledger/trees/hex.ts';
import { LedgerTree, ledgerLeaf } from '../../ledger/trees/tree.ts';
import { sha256 } from '../../runtime/encrocrypt/v3/index.ts';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';

const hourMs = 3_600_000;
const firstMs = Date.UTC(2026, 0, 15, 8);
const place = {
  camera: hexOf(sha256('camera').subarray(0, 20)),
  chain: 31337,
  contract: hexOf(sha256('contract').subarray(0, 20)),
};

const clip = (index: number) => ({
  recording: recordingAt(firstMs + index * hourMs, hourMs).fileName,
  directory: index % 2 === 0 ? 'front-door' : 'yard',
  run: hexOf(sha256(`run ${index}`).subarray(0, 16)),
  link: hexOf(sha256(`link ${index}`)),
  fromMs: firstMs + index * hourMs,
  toMs: firstMs + (index + 1) * hourMs - 1,
});

const trees = [1, 2, 3, 5, 6, 7, 8].map((count) => {
  const clips = Array.from({ length: count }, (_, index) => clip(index));
  const file = makeTreeFile(place, { firstMs, lastMs: firstMs + 24 * hourMs }, clips);
  const tree = new LedgerTree(clips);
  return {
    what: count === 6 ? "6 clips: the paper's figure 2" : `${count} ${count === 1 ? 'clip' : 'clips'}`,
    ...{ ...place, firstMs, lastMs: file.lastMs, root: file.root, tree: file.tree },
    file: treeFileName(file),
    fileSha256: hexOf(sha256(encodeTreeFile(file))),
    clips: clips.map((one, index) => ({
      ...one,
      leaf: hexOf(ledgerLeaf(one)),
      path: tree.path(index).path,
      proof: proofFileName(one.recording),
    })),
  };
});

const file = path.join(import.meta.dirname, '../vectors/ledger/trees.json');
await writeFile(file, `${JSON.stringify({ trees }, undefined, 2)}\n`);
