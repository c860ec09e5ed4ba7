/** What a judgement means: what is proven of each run, what is not as it was committed, and what only looks strange. Pure. */
import type { Block, CommittedTree } from '../../../ledger/chain/chain.ts';
import type { Hex } from '../../../ledger/trees/hex.ts';
import { localTime } from '../../log.ts';
import { durationText } from '../../viewer/timeline.ts';
import type { CameraOnChain, Judgement, RunHere, RunInTrees, TreeHere } from './judge.ts';

export type RunState =
  /** Existed before a block. */
  | 'proven'
  /** A tree has it with another end. */
  | 'changed'
  /** Newer than the last tree. */
  | 'not yet'
  /** From before the first tree. */
  | 'before the ledger'
  /** Of a time whose trees are all here, and in none of them. */
  | 'added'
  /** Its tree may be one whose file is not here. */
  | 'cannot be told';

export interface JudgedRun {
  readonly run: RunHere;
  readonly state: RunState;
  /** The first tree that has it as it is. */
  readonly before: CommittedTree | undefined;
  /** The block that its header names, if the chain has it. */
  readonly after: Block | undefined;
}

export interface Findings {
  readonly runs: readonly JudgedRun[];
  readonly trees: readonly TreeHere[];
  /** What is not as it should be, or cannot be told. */
  readonly problems: readonly string[];
  /** What is worth knowing, and no fault. */
  readonly remarks: readonly string[];
}

export interface FindingsOptions {
  readonly chainId: number;
  readonly cameras: readonly CameraOnChain[];
  /** Of blocks that headers name, by height; `undefined`: there is none, or it is too new. */
  readonly blocks: ReadonlyMap<bigint, Block | undefined>;
  /** The newest block that is looked at. */
  readonly newest: Block;
  /** Whether recordings that are not here are a fault: a whole directory was given. */
  readonly isWhole: boolean;
  /** Whom the camera must belong to. */
  readonly owner: Hex | undefined;
}

/** A camera's clock and the chain's may differ by less than this. */
export const clockToleranceMs = 10 * 60_000;
/** A checkpoint that came later than this after its period is told of. */
const lateMs = 24 * 3_600_000;

export function findingsOf({ runs, trees }: Judgement, options: FindingsOptions): Findings {
  const problems: string[] = [];
  const remarks: string[] = [];
  const tell = {
    problem: (text: string) => problems.push(text),
    remark: (text: string) => remarks.push(text),
  };
  if (options.cameras.length === 0) {
    tell.problem(
      `no camera is known whose checkpoints to look at${options.owner === undefined ? '' : `: none that files name belongs to ${options.owner}`}; name it with --ledger-camera`,
    );
  }
  for (const camera of options.cameras) tellOwners(camera, runs, options, tell);
  for (const tree of trees) tellTree(tree, options, tell);
  tellOlder(trees, tell);
  const known = knownPeriods(trees);
  const judged = runs.map((run) => judgedRun(run, known, options));
  for (const [index, one] of judged.entries()) tellRun(one, runs[index] as RunInTrees, options, tell);
  tellUncommitted(judged, tell);
  return { runs: judged, trees, problems, remarks };
}

interface Tell {
  problem(text: string): void;
  remark(text: string): void;
}

/** `2027-01-15 08:00:00 +00:00` */
export function momentText(timeMs: number): string {
  const text = localTime(new Date(timeMs));
  return `${text.slice(0, 19)} ${text.slice(24)}`;
}

function periodText({ firstMs, lastMs }: CommittedTree): string {
  return `the checkpoint of ${momentText(firstMs)} to ${momentText(lastMs)}`;
}

interface KnownPeriods {
  /** Where the first one begins, and the last one. */
  readonly firstMs: number;
  readonly lastFirstMs: number;
  /** Where the last one ends; 0: there is none. */
  readonly lastMs: number;
  /** Whether all leaves are known. */
  readonly areAllNamed: boolean;
}

function knownPeriods(trees: readonly TreeHere[]): KnownPeriods {
  let [firstMs, lastFirstMs, lastMs] = [Number.POSITIVE_INFINITY, 0, 0];
  for (const { committed } of trees) {
    firstMs = Math.min(firstMs, committed.firstMs);
    if (committed.lastMs < lastMs) continue;
    lastMs = committed.lastMs;
    lastFirstMs = committed.firstMs;
  }
  const areAllNamed = trees.every(({ hasFile, missing }) => hasFile || missing === 0);
  return { firstMs, lastFirstMs, lastMs, areAllNamed };
}

function judgedRun(state: RunInTrees, known: KnownPeriods, options: FindingsOptions): JudgedRun {
  const { run, provenBy } = state;
  const { notBefore } = run;
  const block = notBefore?.chainId === options.chainId ? options.blocks.get(notBefore.height) : undefined;
  const after = block && block.hash === notBefore?.hash ? block : undefined;
  const before = [...provenBy].sort((one, other) => Number(one.height - other.height))[0];
  return { run, after, before, state: stateOf(state, known) };
}

function stateOf({ run, provenBy, changedIn }: RunInTrees, known: KnownPeriods): RunState {
  if (changedIn.length > 0) return 'changed';
  if (provenBy.length > 0) return 'proven';
  if (run.endMs >= known.lastMs) return 'not yet';
  // One that a power cut ended is noted when the camera starts again.
  if (!run.isEnded && run.endMs >= known.lastFirstMs) return 'not yet';
  if (!known.areAllNamed) return 'cannot be told';
  return run.endMs < known.firstMs ? 'before the ledger' : 'added';
}

function tellOwners(
  { address, saidBy, owners, trees }: CameraOnChain,
  runs: readonly RunInTrees[],
  { owner }: FindingsOptions,
  { problem, remark }: Tell,
): void {
  if (saidBy === 'files alone') {
    problem(
      `that ${address} is the camera, files beside the recordings say, and nobody else: name it with --ledger-camera (encrocam identity on the camera tells it)`,
    );
  }
  if (saidBy === 'its claim') {
    remark(
      `that ${address} is a camera of yours, it says itself: anybody can claim so. Name it with --ledger-camera to be sure that no other was put in its place`,
    );
  }
  if (trees.length === 0) problem(`the chain has no checkpoint of ${address}`);
  const present = owners.at(-1);
  if (!present) {
    (owner === undefined ? remark : problem)(`${address} has no owner on the chain`);
    return;
  }
  if (owner !== undefined && present.owner !== owner) {
    problem(
      `${address} belongs to ${present.owner} since ${momentText(present.timeMs)}, not to ${owner}: it was reset, and paired with another wallet`,
    );
  }
  const fromMs = runs.reduce((least, { run }) => Math.min(least, run.startMs), Number.POSITIVE_INFINITY);
  const toMs = runs.reduce((most, { run }) => Math.max(most, run.endMs), 0);
  for (const [index, claim] of owners.entries()) {
    const former = owners[index - 1];
    if (former && claim.timeMs >= fromMs && claim.timeMs <= toMs) {
      const text = `within the time that was checked, at ${momentText(claim.timeMs)}, ${address} went from ${former.owner} to ${claim.owner}`;
      (owner === undefined ? remark : problem)(text);
    }
  }
}

function tellTree(tree: TreeHere, { isWhole }: FindingsOptions, { problem, remark }: Tell): void {
  const { committed, hasFile, missing, named, missingAt, older, found } = tree;
  const lag = committed.timeMs - committed.lastMs;
  if (lag > lateMs) remark(`${periodText(committed)} came to the chain ${durationText(lag)} later`);
  if (committed.lastMs > committed.timeMs + clockToleranceMs) {
    problem(`${periodText(committed)} ends after its block was made: the camera's clock was ahead`);
  }
  if (missing === 0 || !isWhole) return;
  const count = `${found} of ${committed.leaves} runs are here`;
  const rest = older > 0 ? `, ${older} are older than what was asked for` : '';
  const head = `${periodText(committed)}: ${count}${rest}`;
  if (!hasFile) {
    problem(
      `${head}; its tree file, which names the others (${listed(
        missingAt.map((index) => `leaf ${index + 1}`),
        missing,
      )}), is not here: give the place of tree-*.json with --ledger`,
    );
    return;
  }
  const names = named.map(
    ({ directory, recording, fromMs, toMs }) =>
      `${directory}/${recording}, ${momentText(fromMs)} for ${durationText(Math.max(0, toMs - fromMs))}`,
  );
  problem(`${head}; missing: ${listed(names, missing, '; ')}`);
}

/** The first ones by name. */
function listed(names: readonly string[], count: number, separator = ', '): string {
  const most = 20;
  const shown = names.slice(0, most).join(separator);
  return count > Math.min(most, names.length)
    ? `${shown}${separator}and ${count - Math.min(most, names.length)} more`
    : shown;
}

function tellOlder(trees: readonly TreeHere[], { remark }: Tell): void {
  const older = trees.reduce((sum, tree) => sum + tree.older, 0);
  if (older === 0) return;
  remark(
    `${older} run${older === 1 ? '' : 's'} on the chain ${older === 1 ? 'is' : 'are'} older than the oldest recording here: retention, or somebody, removed them; --from TIME asks for all from then on`,
  );
}

function tellRun(
  { run, state, before, after }: JudgedRun,
  { changedIn }: RunInTrees,
  { chainId, newest }: FindingsOptions,
  { problem, remark }: Tell,
): void {
  const which = `${run.file}: the run of ${momentText(run.startMs)}`;
  for (const { tree, endMs } of changedIn) {
    const how =
      endMs === undefined || endMs === run.endMs
        ? 'with another end'
        : `with an end ${durationText(Math.abs(endMs - run.endMs))} ${endMs > run.endMs ? 'later' : 'earlier'}`;
    problem(
      `${which} was committed ${how} before block ${tree.height} at ${momentText(tree.timeMs)}: the file was cut, rolled back, continued or made anew since`,
    );
  }
  if (state === 'added') {
    problem(
      `${which} is of a time whose checkpoints are all here, and in none of them: added afterwards, or the camera never noted it`,
    );
  }
  if (state === 'cannot be told') {
    problem(
      `${which} is in no tree or proof that is here, and not all trees are: give the place of tree-*.json with --ledger`,
    );
  }
  if (before) tellTimes(which, run, before, problem);
  const { notBefore } = run;
  if (after && run.startMs + clockToleranceMs < after.timeMs) {
    problem(
      `${which} says that it began before block ${after.height} of ${momentText(after.timeMs)}, which its own header names: it was dated back, or the camera's clock was wrong`,
    );
  }
  if (!notBefore || after) return;
  if (notBefore.chainId !== chainId) {
    remark(`${which} names a block of chain ${notBefore.chainId}, which was not asked`);
  } else if (notBefore.height > newest.height) {
    remark(`${which} names block ${notBefore.height}, which is not confirmed yet`);
  } else {
    remark(
      `${which} names a block ${notBefore.height} that the chain does not have: nothing tells when it was recorded after`,
    );
  }
}

function tellTimes(which: string, run: RunHere, tree: CommittedTree, problem: (text: string) => void): void {
  if (run.endMs > tree.timeMs + clockToleranceMs) {
    problem(
      `${which} says that it ended at ${momentText(run.endMs)}, after it was committed at ${momentText(tree.timeMs)}: the camera's clock was ahead`,
    );
  } else if (run.endMs > tree.lastMs + clockToleranceMs) {
    problem(
      `${which} says that it ended at ${momentText(run.endMs)}, after its period at ${momentText(tree.lastMs)}: the camera's clock was wrong, or it was made by somebody else`,
    );
  }
  if (run.endMs + clockToleranceMs < tree.firstMs) {
    problem(
      `${which} says that it ended at ${momentText(run.endMs)}, before its period, which began at ${momentText(tree.firstMs)}: it was made later and dated back, or noted late`,
    );
  }
}

function tellUncommitted(runs: readonly JudgedRun[], { remark }: Tell): void {
  const count = (wanted: RunState): number => runs.filter(({ state }) => state === wanted).length;
  const text = (number: number): string => (number === 1 ? 'one run is' : `${number} runs are`);
  const [fresh, old] = [count('not yet'), count('before the ledger')];
  if (fresh > 0) remark(`${text(fresh)} not committed yet: newer than the last checkpoint`);
  if (old > 0) remark(`${text(old)} from before the first checkpoint: nothing proves their time`);
}
