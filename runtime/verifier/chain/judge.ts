/**
 * Recordings against what a chain holds of a camera: which runs are in its trees, which leaves are not here, which runs end otherwise than
 * was committed. Tree and proof files come one after the other and are not kept. Pure.
 */
import type { CommittedTree, OwnerClaim } from '../../../ledger/chain/chain.ts';
import type { ProofFile, TreeFile, TreeLeaf } from '../../../ledger/trees/files.ts';
import type { Hex } from '../../../ledger/trees/hex.ts';
import { rootOfPath, treeId } from '../../../ledger/trees/tree.ts';
import { parseRecordingName } from '../../recordings/names.ts';
import type { NewestBlock } from '../../state/newest-block.ts';

/** A run as its file has it. Times are milliseconds since the epoch, by the camera's clock. */
export interface RunHere {
  /** For messages. */
  readonly file: string;
  /** The header's. */
  readonly recording: string;
  readonly run: Hex;
  readonly link: Hex;
  readonly startMs: number;
  readonly endMs: number;
  /** Whether it has its end. */
  readonly isEnded: boolean;
  /** What the header names. */
  readonly notBefore: NewestBlock | undefined;
}

export interface CameraOnChain {
  readonly address: Hex;
  /** Who says that this is the camera. */
  readonly saidBy: 'you' | 'its claim' | 'files alone';
  readonly trees: readonly CommittedTree[];
  /** In order. */
  readonly owners: readonly OwnerClaim[];
}

export interface TreeHere {
  readonly camera: Hex;
  readonly committed: CommittedTree;
  /** Whether the tree file is here, which names all leaves. */
  readonly hasFile: boolean;
  /** Leaves whose run is here as it was committed. */
  readonly found: number;
  /** Leaves whose run is here and ends otherwise. */
  readonly changed: number;
  /** Leaves of recordings that are older than all that is asked for. */
  readonly older: number;
  /** Leaves that should be here and are not, with the first ones of them; without tree file nobody can name them. */
  readonly missing: number;
  readonly named: readonly TreeLeaf[];
  /** Where in the tree the missing ones are, if no tree file tells more: the first ones. */
  readonly missingAt: readonly number[];
}

export interface RunInTrees {
  readonly run: RunHere;
  /** Trees that have it as it is here, in order. */
  readonly provenBy: readonly CommittedTree[];
  /** Trees that have it with another end, and when that was, where a tree file tells. */
  readonly changedIn: readonly { readonly tree: CommittedTree; readonly endMs: number | undefined }[];
}

export interface Judgement {
  readonly runs: readonly RunInTrees[];
  readonly trees: readonly TreeHere[];
}

/** Names that are kept of one tree's missing leaves. */
export const maxNamed = 1000;

interface TreeState {
  readonly camera: Hex;
  readonly committed: CommittedTree;
  readonly found: Set<number>;
  readonly changed: Set<number>;
  readonly named: TreeLeaf[];
  hasFile: boolean;
  older: number;
}

interface RunState extends RunInTrees {
  readonly provenBy: CommittedTree[];
  readonly changedIn: { readonly tree: CommittedTree; readonly endMs: number | undefined }[];
}

export class Judge {
  readonly #byId = new Map<Hex, RunState[]>();
  readonly #states: RunState[] = [];
  readonly #byFile: ReadonlyMap<string, readonly RunState[]>;
  readonly #trees = new Map<Hex, TreeState>();
  readonly #sinceMs: number;

  /**
   * @param runs without those that somebody else than the camera signed: they do not stand for what is gone.
   * @param sinceMs recordings that were over by then are not asked for.
   */
  constructor(runs: readonly RunHere[], cameras: readonly CameraOnChain[], sinceMs: number) {
    this.#sinceMs = sinceMs;
    for (const run of runs) {
      const state: RunState = { run, provenBy: [], changedIn: [] };
      this.#states.push(state);
      const same = this.#byId.get(run.run);
      if (same) same.push(state);
      else this.#byId.set(run.run, [state]);
    }
    this.#byFile = Map.groupBy(this.#states, ({ run }) => run.file);
    for (const { address, trees } of cameras) {
      for (const committed of trees) {
        this.#trees.set(committed.tree, {
          ...{ camera: address, committed, hasFile: false, older: 0, named: [] },
          ...{ found: new Set(), changed: new Set() },
        });
      }
    }
  }

  /**
   * @param file whose root and id are those of its leaves
   * @returns whether the chain has it
   */
  addTree(file: TreeFile): boolean {
    const tree = this.#trees.get(file.tree);
    const { committed } = tree ?? {};
    const isCommitted =
      tree?.camera === file.camera &&
      committed?.root === file.root &&
      committed.leaves === file.leaves.length &&
      committed.firstMs === file.firstMs &&
      committed.lastMs === file.lastMs;
    if (!tree || !isCommitted) return false;
    if (tree.hasFile) return true;
    tree.hasFile = true;
    for (const [index, leaf] of file.leaves.entries()) {
      const here = this.#byId.get(leaf.run) ?? [];
      for (const state of here) this.#place(state, tree, index, leaf, leaf.toMs);
      if (tree.found.has(index) || tree.changed.has(index)) continue;
      if (this.#isOlder(leaf.recording)) tree.older += 1;
      else if (tree.named.length < maxNamed) tree.named.push(leaf);
    }
    return true;
  }

  /** @returns how many of its runs the chain vouches for, whether they are here as they were or not */
  addProof(file: ProofFile): number {
    let count = 0;
    for (const proof of file.runs) {
      const tree = this.#trees.get(proof.tree);
      if (tree?.camera !== file.camera) continue;
      const { root, leaves, firstMs, lastMs } = tree.committed;
      const { run, link, index, path } = proof;
      for (const state of this.#byId.get(run) ?? []) {
        const { recording } = state.run;
        // Root, leaves and period are the chain's: what the proof says of them counts for nothing.
        if (treeId(tree.camera, { root, leaves, firstMs, lastMs }) !== proof.tree) continue;
        if (rootOfPath({ recording, run, link }, { index, path, leaves }) !== root) continue;
        this.#place(state, tree, index, { recording, link }, undefined);
        count += 1;
      }
    }
    return count;
  }

  /** Runs of this file that no tree has so far. */
  lacks(file: string): boolean {
    const states = this.#byFile.get(file) ?? [];
    return states.some(({ provenBy, changedIn }) => provenBy.length === 0 && changedIn.length === 0);
  }

  get result(): Judgement {
    return { runs: this.#states, trees: [...this.#trees.values()].map((tree) => this.#treeHere(tree)) };
  }

  #place(
    state: RunState,
    tree: TreeState,
    index: number,
    leaf: { readonly recording: string; readonly link: Hex },
    endMs: number | undefined,
  ): void {
    const { run, provenBy, changedIn } = state;
    const { committed } = tree;
    if (leaf.link === run.link && leaf.recording === run.recording) {
      tree.found.add(index);
      tree.changed.delete(index);
      if (!provenBy.includes(committed)) provenBy.push(committed);
    } else {
      if (!tree.found.has(index)) tree.changed.add(index);
      if (!changedIn.some((one) => one.tree === committed)) changedIn.push({ tree: committed, endMs });
    }
  }

  #isOlder(recording: string): boolean {
    const name = parseRecordingName(recording);
    return name !== undefined && name.startMs + name.lengthMs <= this.#sinceMs;
  }

  #treeHere({ camera, committed, hasFile, found, changed, older, named }: TreeState): TreeHere {
    const rest = committed.leaves - found.size - changed.size;
    const isOld = !hasFile && committed.lastMs <= this.#sinceMs;
    const missing = isOld ? 0 : rest - older;
    const missingAt: number[] = [];
    if (!hasFile && missing > 0) {
      for (let index = 0; index < committed.leaves && missingAt.length < maxNamed; index++) {
        if (!found.has(index) && !changed.has(index)) missingAt.push(index);
      }
    }
    return {
      ...{ camera, committed, hasFile, named, missing, missingAt },
      ...{ found: found.size, changed: changed.size, older: isOld ? rest : older },
    };
  }
}
