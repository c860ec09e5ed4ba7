/** Proofs of recordings, made from trees. Pure. */

import type { LedgerPlace, ProofFile, ProofRun, TreeFile, TreeLeaf } from './files.ts';
import type { Hex } from './hex.ts';
import { LedgerTree, type RunEnd } from './tree.ts';

/** The proof of one leaf. */
export function proofOfLeaf(tree: TreeFile, hashes: LedgerTree, index: number): ProofRun {
  const { run, link } = tree.leaves[index] as TreeLeaf;
  const { root, firstMs, lastMs } = tree;
  return { run, link, tree: tree.tree, root, firstMs, lastMs, leaves: hashes.leaves, ...hashes.path(index) };
}

/** Trees in which runs are looked for; their hashes are made when they are needed, once. */
export class TreeIndex {
  readonly #trees: readonly TreeFile[];
  readonly #places = new Map<Hex, { tree: TreeFile; index: number }>();
  readonly #hashes = new Map<Hex, LedgerTree>();

  constructor(trees: readonly TreeFile[]) {
    this.#trees = trees;
    for (const tree of trees) {
      for (const [index, { run }] of tree.leaves.entries()) this.#places.set(run, { tree, index });
    }
  }

  /** Which of these runs, as the recording itself has them, are in a tree, each with its proof. */
  proofs(found: readonly RunEnd[]): { readonly place: LedgerPlace; readonly proof: ProofRun }[] {
    const proofs: { place: LedgerPlace; proof: ProofRun }[] = [];
    for (const { run, link, recording } of found) {
      const at = this.#places.get(run);
      const leaf = at?.tree.leaves[at.index];
      if (!at || leaf?.link !== link || leaf.recording !== recording) continue;
      const { camera, chain, contract, tree } = at.tree;
      const hashes = this.#hashes.get(tree) ?? new LedgerTree(at.tree.leaves);
      this.#hashes.set(tree, hashes);
      proofs.push({ place: { camera, chain, contract }, proof: proofOfLeaf(at.tree, hashes, at.index) });
    }
    return proofs;
  }

  /** Of the trees: for messages. */
  get count(): number {
    return this.#trees.length;
  }
}

/**
 * The proof file of a recording, in the order of its runs. Where its runs are on different chains, or of different cameras,
 * the one of its last run counts: a file has one.
 * @returns `undefined` if none of the runs is in a tree.
 */
export function makeProofFile(found: readonly RunEnd[], trees: TreeIndex): ProofFile | undefined {
  const proofs = trees.proofs(found);
  const place = proofs.at(-1)?.place;
  const [first] = found;
  if (!place || !first) return undefined;
  const isThere = ({ camera, chain, contract }: LedgerPlace): boolean =>
    camera === place.camera && chain === place.chain && contract === place.contract;
  const runs = proofs.filter((one) => isThere(one.place)).map(({ proof }) => proof);
  return { ...place, recording: first.recording, runs };
}
