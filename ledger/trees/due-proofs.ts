/** Writes proofs beside recordings, each once all runs of its recording are in committed trees. */
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { systemErrorCode } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import { parseRecordingName } from '../../runtime/recordings/names.ts';
import { writeDurably } from './durable.ts';
import {
  decodeProofFile,
  encodeProofFile,
  type LedgerPlace,
  maxProofFileBytes,
  type ProofFile,
  type ProofRun,
  type TreeFile,
} from './files.ts';
import type { Hex } from './hex.ts';
import { proofOfLeaf } from './proof.ts';
import { LedgerTree } from './tree.ts';

export interface ProofCamera {
  readonly localDirectory: string;
  readonly driveDirectory: string;
}

/** A recording that has runs in these trees, and no proof yet that names them. */
export interface DueProof {
  readonly directory: string;
  readonly recording: string;
  readonly trees: readonly Hex[];
}

export interface DueProofsOptions {
  readonly place: LedgerPlace;
  readonly cameras: readonly ProofCamera[];
  readonly readTree: (tree: Hex) => Promise<TreeFile | undefined>;
  readonly logger: Logger;
}

export class DueProofs {
  readonly #options: DueProofsOptions;
  readonly #due = new Map<string, { directory: string; recording: string; trees: Hex[] }>();

  constructor(options: DueProofsOptions, due: readonly DueProof[] = []) {
    this.#options = options;
    for (const { directory, recording, trees } of due)
      for (const tree of trees) this.#add(directory, recording, tree);
  }

  /** To be kept, and given again after a start. */
  get due(): readonly DueProof[] {
    return [...this.#due.values()];
  }

  /** A tree was committed. */
  add(tree: TreeFile): void {
    for (const { directory, recording } of tree.leaves) this.#add(directory, recording, tree.tree);
  }

  /**
   * Writes those whose recording is over.
   * @param isWaiting whether a run of this recording is in no committed tree yet.
   * @returns whether any is due no more.
   */
  async write(nowMs: number, isWaiting: (directory: string, recording: string) => boolean): Promise<boolean> {
    const before = this.#due.size;
    for (const [key, { directory, recording, trees }] of this.#due) {
      const name = parseRecordingName(recording);
      if (name && name.startMs + name.lengthMs > nowMs) continue;
      if (isWaiting(directory, recording)) continue;
      await this.#writeOne({ directory, recording, trees });
      this.#due.delete(key);
    }
    return this.#due.size !== before;
  }

  #add(directory: string, recording: string, tree: Hex): void {
    const key = `${directory}/${recording}`;
    const known = this.#due.get(key);
    if (!known) this.#due.set(key, { directory, recording, trees: [tree] });
    else if (!known.trees.includes(tree)) known.trees.push(tree);
  }

  async #writeOne({ directory, recording, trees }: DueProof): Promise<void> {
    const { place, cameras, logger } = this.#options;
    const camera = cameras.find(({ driveDirectory }) => driveDirectory === directory);
    // Tree files tell of a camera that is no more.
    if (!camera || !(await isDirectory(camera.localDirectory))) return;
    const file = path.join(camera.localDirectory, proofFileName(recording));
    const runs = new Map<Hex, ProofRun>();
    for (const run of (await this.#before(file))?.runs ?? []) runs.set(run.run, run);
    for (const id of trees) {
      const tree = await this.#options.readTree(id);
      if (!tree) continue;
      const hashes = new LedgerTree(tree.leaves);
      for (const [index, leaf] of tree.leaves.entries()) {
        if (leaf.directory !== directory || leaf.recording !== recording) continue;
        runs.set(leaf.run, proofOfLeaf(tree, hashes, index));
      }
    }
    if (runs.size === 0) return;
    await writeDurably(file, encodeProofFile({ ...place, recording, runs: [...runs.values()] }));
    logger.info('a proof was written', { file: path.basename(file), runs: runs.size });
  }

  /** What the proof named before: runs that came later are added. */
  async #before(file: string): Promise<ProofFile | undefined> {
    const { place, logger } = this.#options;
    try {
      if ((await stat(file)).size > maxProofFileBytes) return undefined;
      const proof = decodeProofFile(await readFile(file, 'utf8'), file);
      const isHere =
        proof.camera === place.camera && proof.chain === place.chain && proof.contract === place.contract;
      return isHere ? proof : undefined;
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT')
        logger.warn('a proof cannot be read; it is made anew', { file });
      return undefined;
    }
  }
}

async function isDirectory(directory: string): Promise<boolean> {
  return stat(directory).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
