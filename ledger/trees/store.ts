/**
 * The trees of a device on its disk: tree files in `ledger/`, which are never changed, and in the state directory how far they
 * are committed. A tree is on the disk before anything of it is sent; what is in a tree file is in no other, whenever the power
 * is cut. One process has it at a time.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, systemErrorCode } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { isTreeFileName, ledgerDirectoryName } from '../../runtime/recordings/companions.ts';
import {
  hasFoundRuns,
  keepFoundRuns,
  readEndedRuns,
  removeEndedRuns,
} from '../../runtime/state/ended-runs.ts';
import { replaceStateFile, stateDirectory } from '../../runtime/state/state.ts';
import { type DueProof, DueProofs, type ProofCamera } from './due-proofs.ts';
import { makeDirectoryDurably, syncDirectory, temporarySuffix, writeDurably } from './durable.ts';
import {
  decodeTreeFile,
  encodeTreeFile,
  type LedgerPlace,
  makeTreeFile,
  maxTreeFileBytes,
  type TreeFile,
  type TreeLeaf,
  treeFileName,
  treeLeafOf,
} from './files.ts';
import { findEndedRuns } from './found-runs.ts';
import type { Hex } from './hex.ts';
import type { PeriodTrees } from './period-trees.ts';
import { closedPeriod } from './periods.ts';

export interface TreeStoreOptions {
  readonly recordingsDirectory: string;
  readonly place: LedgerPlace;
  readonly periodMs: number;
  readonly cameras: readonly (ProofCamera & { readonly name: string })[];
  readonly logger: Logger;
  /** The wall clock, ms since the epoch. */
  readonly now?: () => number;
}

/** Recordings of a month take longer to look through: they come into the next period. */
const findingMs = 5000;
const stateFileName = 'ledger-trees.json';

interface State {
  readonly place: LedgerPlace;
  /** Trees of the place that end until then are committed. */
  readonly committedMs: number;
  /** Where the next period begins at the earliest: the last one, of whose tree the file may be lost, or the chain's last one. */
  readonly lastMs: number;
  readonly due: readonly DueProof[];
}

/** A tree file on the disk. */
interface KnownTree {
  readonly tree: Hex;
  readonly file: string;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of the present chain, contract and camera. */
  readonly isHere: boolean;
}

export class TreeStore implements PeriodTrees {
  readonly #options: TreeStoreOptions;
  readonly #directory: string;
  readonly #trees: KnownTree[] = [];
  /** Ids of runs that are in a tree, whichever. */
  readonly #settled = new Set<Hex>();
  #proofs: DueProofs;
  #committedMs = -1;
  #lastMs = -1;
  #turn: Promise<unknown> = Promise.resolve();
  #finding: Promise<void> | undefined;
  #refusedRuns = 0;

  /** Reads what is on the disk. A tree file that cannot be read is told of and left. */
  static async open(options: TreeStoreOptions): Promise<TreeStore> {
    const store = new TreeStore(options);
    await store.#open();
    return store;
  }

  private constructor(options: TreeStoreOptions) {
    const { camera, contract, chain } = options.place;
    // A configuration may have them in the case of a checksum; files have small letters.
    const place = { camera: camera.toLowerCase() as Hex, chain, contract: contract.toLowerCase() as Hex };
    this.#options = { ...options, place };
    this.#directory = path.join(options.recordingsDirectory, ledgerDirectoryName);
    this.#proofs = this.#dueProofs([]);
  }

  pending(): Promise<readonly TreeFile[]> {
    return this.#inTurn(async () => {
      const trees: TreeFile[] = [];
      for (const { file } of this.#pending) trees.push(await this.#read(file));
      return trees;
    });
  }

  closePeriod(nowMs: number, { early = false } = {}): Promise<TreeFile | undefined> {
    return this.#inTurn(async () => {
      await this.#find(nowMs);
      const runs = await this.#noted();
      if (this.#proofs.due.length > 0 && (await this.#writeProofs(nowMs, runs))) await this.#keep();
      const waiting = runs.filter(({ run }) => !this.#settled.has(run));
      const { periodMs, place } = this.#options;
      const previousMs = this.#lastMs < 0 ? undefined : this.#lastMs;
      const period = closedPeriod({ nowMs, periodMs, previousMs, waiting, early });
      if (!period) return undefined;
      const tree = makeTreeFile(place, period, period.leaves);
      await makeDirectoryDurably(this.#directory);
      const file = treeFileName(tree);
      await writeDurably(path.join(this.#directory, file), encodeTreeFile(tree));
      this.#know(tree, file);
      await this.#keep();
      this.#options.logger.info('a period is closed', { tree: tree.tree, runs: tree.leaves.length });
      return tree;
    });
  }

  committed(tree: Hex): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.#trees.find((one) => one.tree === tree);
      if (!known?.isHere || known.lastMs <= this.#committedMs) return;
      if (this.#pending[0] !== known) throw new RangeError(`${tree} is not the oldest tree that is pending`);
      this.#proofs.add(await this.#read(known.file));
      const before = this.#committedMs;
      this.#committedMs = known.lastMs;
      try {
        const runs = await this.#noted();
        await this.#writeProofs((this.#options.now ?? Date.now)(), runs);
        await this.#keep();
      } catch (error) {
        // Not committed, as far as anybody will know after a start: it is to be said again.
        this.#committedMs = before;
        throw error;
      }
      await this.#tidy();
    });
  }

  refused(tree: Hex, chainLastMs: number): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.#pending.find((one) => one.tree === tree);
      if (!known) return;
      const { leaves } = await this.#read(known.file);
      this.#lastMs = Math.max(this.#lastMs, chainLastMs);
      await this.#keep();
      await rm(path.join(this.#directory, known.file), { force: true });
      await syncDirectory(this.#directory);
      this.#trees.splice(this.#trees.indexOf(known), 1);
      for (const { run } of leaves) this.#settled.delete(run);
      this.#options.logger.warn(
        'a tree begins before the end of the last one on the chain: its runs wait for another',
        {
          tree,
          runs: leaves.length,
        },
      );
    });
  }

  async #open(): Promise<void> {
    const { logger } = this.#options;
    for (const name of await namesIn(this.#directory)) {
      if (name.endsWith(temporarySuffix)) await rm(path.join(this.#directory, name), { force: true });
      if (!isTreeFileName(name)) continue;
      try {
        this.#know(await this.#read(name), name);
      } catch (error) {
        logger.error('a tree cannot be read: what it names may come into another tree', {
          file: path.join(this.#directory, name),
          cause: messageOf(error),
          hint: 'Copy it back from the drive, which has the same file, and start again.',
        });
      }
    }
    const state = await this.#readState();
    if (!state) return;
    this.#committedMs = state.committedMs;
    this.#lastMs = Math.max(this.#lastMs, state.lastMs);
    this.#proofs = this.#dueProofs(state.due);
  }

  #dueProofs(due: readonly DueProof[]): DueProofs {
    const { place, cameras, logger } = this.#options;
    const readTree = async (id: Hex): Promise<TreeFile | undefined> => {
      const known = this.#trees.find(({ tree }) => tree === id);
      return known && this.#read(known.file);
    };
    return new DueProofs({ place, cameras, readTree, logger }, due);
  }

  /** The oldest first. */
  get #pending(): readonly KnownTree[] {
    return this.#trees
      .filter(({ isHere, lastMs }) => isHere && lastMs > this.#committedMs)
      .sort((a, b) => a.firstMs - b.firstMs);
  }

  #know({ tree, firstMs, lastMs, leaves, ...of }: TreeFile, file: string): void {
    const { place } = this.#options;
    const isHere = isSame(of, place);
    this.#trees.push({ tree, file, firstMs, lastMs, isHere });
    if (isHere) this.#lastMs = Math.max(this.#lastMs, lastMs);
    for (const { run } of leaves) this.#settled.add(run);
  }

  async #read(name: string): Promise<TreeFile> {
    const file = path.join(this.#directory, name);
    if ((await stat(file)).size > maxTreeFileBytes)
      throw new RangeError(`it is larger than ${maxTreeFileBytes} bytes`);
    return decodeTreeFile(await readFile(file, 'utf8'), file);
  }

  /** Each run that ended once; what the recorder itself noted comes first. */
  async #noted(): Promise<TreeLeaf[]> {
    const { recordingsDirectory, logger } = this.#options;
    const files = await readEndedRuns(recordingsDirectory, logger);
    const runs = new Map<Hex, TreeLeaf>();
    let refused = 0;
    for (const run of files
      .toSorted((a, b) => Number(a.number === 0) - Number(b.number === 0))
      .flatMap((one) => one.runs)) {
      if (runs.has(run.run)) continue;
      try {
        runs.set(run.run, treeLeafOf(run));
      } catch {
        refused++;
      }
    }
    if (refused > this.#refusedRuns)
      logger.warn('runs have names or times that no tree can hold', { runs: refused });
    this.#refusedRuns = refused;
    return [...runs.values()];
  }

  /** Begins to look through recordings from before runs were noted, or whose notes were lost, and waits a little for that. */
  async #find(nowMs: number): Promise<void> {
    if (this.#finding) return;
    this.#finding = this.#findOnce(nowMs).catch((error: unknown) => {
      this.#options.logger.warn(
        'recordings cannot be looked through for runs; it is tried again at the next start',
        {
          cause: messageOf(error),
        },
      );
    });
    const waited = new AbortController();
    const patience = pause(findingMs, undefined, { signal: waited.signal }).catch(() => undefined);
    await Promise.race([this.#finding, patience]);
    waited.abort();
  }

  async #findOnce(nowMs: number): Promise<void> {
    const { recordingsDirectory, cameras, logger } = this.#options;
    for (const camera of cameras) {
      if (await hasFoundRuns(recordingsDirectory, camera.name)) continue;
      const found = await findEndedRuns(camera, { nowMs, logger });
      await keepFoundRuns(recordingsDirectory, camera.name, found);
      if (found.length === 0) continue;
      logger.info('recordings were looked through for runs', { camera: camera.name, runs: found.length });
    }
  }

  async #writeProofs(nowMs: number, runs: readonly TreeLeaf[]): Promise<boolean> {
    const inPending = await this.#inPending();
    const open = runs.filter(({ run }) => !this.#settled.has(run) || inPending.has(run));
    const waiting = new Set(open.map(({ directory, recording }) => `${directory}/${recording}`));
    return this.#proofs.write(nowMs, (directory, recording) => waiting.has(`${directory}/${recording}`));
  }

  async #inPending(): Promise<ReadonlySet<Hex>> {
    const runs = new Set<Hex>();
    for (const { file } of this.#pending)
      for (const { run } of (await this.#read(file)).leaves) runs.add(run);
    return runs;
  }

  /** Removes notes of runs that are all in committed trees. */
  async #tidy(): Promise<void> {
    const { recordingsDirectory, logger } = this.#options;
    try {
      const inPending = await this.#inPending();
      for (const file of await readEndedRuns(recordingsDirectory, logger)) {
        if (!file.runs.every(({ run }) => this.#settled.has(run) && !inPending.has(run))) continue;
        if (file.isLeft) await removeEndedRuns(recordingsDirectory, file);
        else if (file.number === 0 && file.runs.length > 0)
          await keepFoundRuns(recordingsDirectory, file.camera, []);
      }
    } catch (error) {
      logger.warn('notes of committed runs cannot be removed', { cause: messageOf(error) });
    }
  }

  async #keep(): Promise<void> {
    const { recordingsDirectory, place } = this.#options;
    const { due } = this.#proofs;
    const state: State = { place, committedMs: this.#committedMs, lastMs: this.#lastMs, due };
    await replaceStateFile(recordingsDirectory, stateFileName, JSON.stringify(state), { durable: true });
  }

  /** `undefined` if there is none, or none that makes sense, or it is of another chain, contract or camera. */
  async #readState(): Promise<State | undefined> {
    try {
      const file = path.join(stateDirectory(this.#options.recordingsDirectory), stateFileName);
      const state = JSON.parse(await readFile(file, 'utf8')) as State;
      const { committedMs, lastMs, due, place } = state;
      const makesSense =
        Number.isSafeInteger(committedMs) && Number.isSafeInteger(lastMs) && Array.isArray(due);
      return makesSense && isSame(place, this.#options.place) ? state : undefined;
    } catch {
      return undefined;
    }
  }

  /** One after the other: two periods at once would share runs. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function isSame(a: LedgerPlace, b: LedgerPlace): boolean {
  return a.camera === b.camera && a.chain === b.chain && a.contract === b.contract;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
