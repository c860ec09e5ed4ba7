/** Brings recordings, tree and proof files, and what the chain says together. Of the files one at a time is kept. */
import path from 'node:path';
import { type Block, Chain, type Snapshot } from '../../../ledger/chain/chain.ts';
import { checkContracts } from '../../../ledger/chain/usual-contracts.ts';
import {
  decodeProofFile,
  decodeTreeFile,
  type LedgerPlace,
  maxProofFileBytes,
  maxTreeFileBytes,
} from '../../../ledger/trees/files.ts';
import { type Hex, hexOf } from '../../../ledger/trees/hex.ts';
import { isEncroCamError, messageOf } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { isTreeFileName, parseProofName } from '../../recordings/companions.ts';
import { originalName, parseRecordingName } from '../../recordings/names.ts';
import { parseBlockText } from '../../state/newest-block.ts';
import type { Shelf } from '../../viewer/shelf.ts';
import { type CheckedRun, endOf, startOf } from '../checked-run.ts';
import { type Findings, findingsOf } from './findings.ts';
import { type CameraOnChain, Judge, type RunHere } from './judge.ts';
import type { ChainSettings } from './settings.ts';

export interface ChainVerification extends Findings {
  readonly settings: ChainSettings;
  readonly cameras: readonly CameraOnChain[];
  /** As of which everything was read. */
  readonly newest: Block;
}

export interface Belongings {
  /** Of all places, each run of a place once. */
  readonly runs: readonly CheckedRun[];
  /** Where tree and proof files may be. */
  readonly shelves: readonly Shelf[];
  /** Whether a directory was given, of which nothing may be missing. */
  readonly isWhole: boolean;
}

/** Cameras that files name and that are looked at: whoever can write to a drive can name any number. */
const maxCameras = 8;
const maxFileRemarks = 100;
const atOnce = 200;

/**
 * The chain as it is now, with the contracts that this program knows.
 * @throws {EncroCamError} what reading the chain throws
 */
export async function openChain(
  settings: ChainSettings,
  logger: Pick<Logger, 'warn'>,
): Promise<{ chain: Chain; snapshot: Snapshot }> {
  const chain = new Chain({ ...settings, logger });
  const snapshot = await chain.snapshot();
  await checkContracts(chain.nodes, snapshot.block, settings.contracts);
  return { chain, snapshot };
}

/** @throws {EncroCamError} what reading the chain throws: nothing is concluded then */
export async function checkChain(
  settings: ChainSettings,
  { runs: all, shelves, isWhole }: Belongings,
  logger: Pick<Logger, 'warn'>,
): Promise<ChainVerification> {
  const runs = runsHere(all);
  const { chain, snapshot } = await openChain(settings, logger);
  const place = { chain: settings.chainId, contract: settings.contracts.checkpoints };
  const remarks: string[] = [];
  const trees = new TreeFiles(shelves, place, remarks);
  const cameras = await camerasOf(snapshot, settings, trees);
  const judge = new Judge(runs, cameras, settings.fromMs ?? beginningOf(runs));
  const known = new Set(cameras.map(({ address }) => address));
  for await (const { tree, name } of trees.all()) {
    if (!known.has(tree.camera)) remarks.push(`${name} is of another camera, ${tree.camera}: left out`);
    else if (!judge.addTree(tree)) remarks.push(`${name} is not on the chain (yet): left out`);
  }
  await addProofs(judge, { runs, shelves, place, remarks });
  const findings = findingsOf(judge.result, {
    ...{ chainId: settings.chainId, cameras, isWhole, owner: settings.owner, newest: snapshot.block },
    blocks: await namedBlocks(chain, runs, settings.chainId, snapshot.block),
  });
  if (settings.rpcUrls.length === 1) {
    remarks.push('one node alone was asked, and is believed: give several, of different operators');
  }
  return {
    ...{ ...findings, settings, cameras, newest: snapshot.block },
    remarks: [...findings.remarks, ...few([...new Set(remarks)])],
  };
}

/** What the chain has from before is not missed: it may have been past retention. Where nothing is left, all of it is. */
function beginningOf(runs: readonly RunHere[]): number {
  if (runs.length === 0) return 0;
  return runs.reduce(
    (least, { recording, startMs }) => Math.min(least, parseRecordingName(recording)?.startMs ?? startMs),
    Number.POSITIVE_INFINITY,
  );
}

/** Whoever can write to a drive can put any number of files there of which nothing is to be said but this. */
function few(remarks: readonly string[]): string[] {
  if (remarks.length <= maxFileRemarks) return [...remarks];
  return [...remarks.slice(0, maxFileRemarks), `and ${remarks.length - maxFileRemarks} more of these`];
}

/** What somebody else signed stands for nothing; the timeline tells of it. */
function runsHere(runs: readonly CheckedRun[]): RunHere[] {
  return runs
    .filter(({ voucher }) => voucher !== 'not authentic')
    .map((run) => {
      const { runId, recording, notBefore } = run.header.statement;
      return {
        ...{ file: run.file, recording, run: hexOf(runId), link: hexOf(run.link) },
        ...{ startMs: startOf(run), endMs: endOf(run), isEnded: run.ended !== undefined },
        notBefore: notBefore === undefined ? undefined : parseBlockText(notBefore),
      };
    });
}

async function camerasOf(
  snapshot: Snapshot,
  { cameras, owner }: ChainSettings,
  files: TreeFiles,
): Promise<CameraOnChain[]> {
  const addresses = cameras.length > 0 ? cameras : await files.cameras();
  const found: CameraOnChain[] = [];
  for (const address of addresses) {
    const owners = await snapshot.owners(address);
    const isClaimed = owner !== undefined && owners.at(-1)?.owner === owner;
    if (cameras.length === 0 && owner !== undefined && !isClaimed) continue;
    const saidBy = cameras.length > 0 ? 'you' : isClaimed ? 'its claim' : 'files alone';
    found.push({ address, saidBy, owners, trees: await snapshot.trees(address) });
  }
  return found;
}

/** The blocks that headers name: as many as there are different ones. */
async function namedBlocks(
  chain: Chain,
  runs: readonly RunHere[],
  chainId: number,
  newest: Block,
): Promise<Map<bigint, Block | undefined>> {
  const named = runs.flatMap(({ notBefore }) => (notBefore?.chainId === chainId ? [notBefore.height] : []));
  const heights = [...new Set(named)].filter((height) => height <= newest.height);
  const blocks = new Map<bigint, Block | undefined>();
  for (let begin = 0; begin < heights.length; begin += atOnce) {
    const some = heights.slice(begin, begin + atOnce);
    const found = await Promise.all(some.map((height) => chain.blockAt(height)));
    for (const [index, height] of some.entries()) blocks.set(height, found[index]);
  }
  return blocks;
}

type ChainPlace = Omit<LedgerPlace, 'camera'>;

/** Tree files of this chain and contract, read whenever they are asked for. */
class TreeFiles {
  readonly #shelves: readonly Shelf[];
  readonly #place: ChainPlace;
  readonly #remarks: string[];

  constructor(shelves: readonly Shelf[], place: ChainPlace, remarks: string[]) {
    this.#shelves = shelves;
    this.#place = place;
    this.#remarks = remarks;
  }

  async *all() {
    for (const shelf of this.#shelves) {
      for (const name of (await shelf.list()).filter(isTreeFileName).sort()) {
        const text = `${shelf.place}/${name}`;
        const tree = await readable(
          async () => decodeTreeFile(await shelf.read(name, maxTreeFileBytes), text),
          this.#remarks,
        );
        if (!tree) continue;
        if (isOf(tree, this.#place)) yield { tree, name };
        else this.#remarks.push(`${text} is of chain ${tree.chain}, contract ${tree.contract}: left out`);
      }
      await shelf.close();
    }
  }

  async cameras(): Promise<Hex[]> {
    const cameras = new Set<Hex>();
    for await (const { tree } of this.all()) {
      if (cameras.size < maxCameras) cameras.add(tree.camera);
      else if (!cameras.has(tree.camera))
        this.#remarks.push(`tree files name more than ${maxCameras} cameras`);
    }
    return [...cameras];
  }
}

/** Proofs of recordings that no tree file has: where the tree files are lost, they have what leads to the chain. */
async function addProofs(
  judge: Judge,
  {
    runs,
    shelves,
    place,
    remarks,
  }: { runs: readonly RunHere[]; shelves: readonly Shelf[]; place: ChainPlace; remarks: string[] },
): Promise<void> {
  const files = Map.groupBy(
    new Set(runs.map(({ file }) => file)),
    // As it lies beside its proof: messages have the place in front. A copy beside a recording is proven by that one's.
    (file) => originalName(path.posix.basename(file)),
  );
  for (const shelf of shelves) {
    const names = await shelf.list();
    const proofs = names
      .flatMap((name) => {
        const proof = parseProofName(name);
        if (!proof) return [];
        const recording = originalName(proof.recording);
        return files.has(recording) ? [{ ...proof, name, recording }] : [];
      })
      // The highest number has most.
      .sort((one, other) => other.number - one.number);
    for (const { name, recording } of proofs) {
      if (!files.get(recording)?.some((file) => judge.lacks(file))) continue;
      const text = `${shelf.place}/${name}`;
      const proof = await readable(
        async () => decodeProofFile(await shelf.read(name, maxProofFileBytes), text),
        remarks,
      );
      if (!proof) continue;
      if (!isOf(proof, place))
        remarks.push(`${text} is of chain ${proof.chain}, contract ${proof.contract}: left out`);
      else if (judge.addProof(proof) === 0) remarks.push(`${text} proves nothing of what is here`);
    }
    await shelf.close();
  }
}

function isOf(file: LedgerPlace, place: ChainPlace): boolean {
  return file.chain === place.chain && file.contract === place.contract;
}

/** What cannot be read is told of, and does without: what it would have proven shows as not proven. */
async function readable<T>(read: () => Promise<T>, remarks: string[]): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isEncroCamError(error, 'PROOF_UNREADABLE', 'INPUT_UNREADABLE')) throw error;
    remarks.push(messageOf(error));
    return undefined;
  }
}
