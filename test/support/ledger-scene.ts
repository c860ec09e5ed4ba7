/** A camera whose recordings are on a chain: recordings of minutes, their trees and proofs, and blocks at the times of the test. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  encodeProofFile,
  encodeTreeFile,
  makeTreeFile,
  type TreeFile,
  treeFileName,
} from '../../ledger/trees/files.ts';
import { type Hex, hexOf } from '../../ledger/trees/hex.ts';
import { makeProofFile, TreeIndex } from '../../ledger/trees/proof.ts';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import { blockText } from '../../runtime/state/newest-block.ts';
import { cameraFile, firstMs, minuteMs, type Recording } from './camera-recordings.ts';
import { type ContractsOnAnvil, startContracts } from './contracts-on-anvil.ts';
import { type Verified, verify } from './verify-command.ts';

export const chainId = 4242;

/** Numbers of accounts. */
export const account = { camera: 0, owner: 1, thief: 2, thiefsOwner: 3 } as const;

export interface Period {
  /** Minutes since the first recording. */
  readonly first: number;
  readonly last: number;
  /** When the block with the tree is made. Default: a minute behind `last`. */
  readonly committed?: number;
  /** Default: the camera's. */
  readonly account?: number;
}

export class LedgerScene {
  readonly contracts: ContractsOnAnvil;

  /** The chain begins an hour before the first recording. */
  static async start(): Promise<LedgerScene> {
    const startSeconds = (firstMs - 60 * minuteMs) / 1000;
    return new LedgerScene(await startContracts({ chainId, startSeconds }));
  }

  private constructor(contracts: ContractsOnAnvil) {
    this.contracts = contracts;
  }

  stop(): Promise<void> {
    return this.contracts.anvil.stop();
  }

  addressOf(number: number): Hex {
    const address = this.contracts.accounts[number];
    assert.ok(address);
    return address;
  }

  /** The next block is of this time: minutes since the first recording. */
  async nextBlockAt(minute: number): Promise<void> {
    await this.contracts.anvil.rpc('evm_setNextBlockTimestamp', (firstMs + minute * minuteMs) / 1000);
  }

  /** Makes a block, and tells it as it stands in a header. */
  async blockAt(minute: number): Promise<string> {
    await this.nextBlockAt(minute);
    await this.contracts.anvil.rpc('evm_mine');
    const { number, hash } = await this.contracts.reader.getBlock();
    return blockText({ chainId, height: number, hash });
  }

  async claim(minute: number, owner: number = account.owner, camera: number = account.camera): Promise<void> {
    await this.nextBlockAt(minute);
    const outcome = await this.contracts.send(camera, {
      functionName: 'claim',
      args: [this.addressOf(owner)],
    });
    assert.ok('events' in outcome, 'error' in outcome ? outcome.error : '');
  }

  /** Commits a tree of these recordings. */
  async commit(recordings: readonly Recording[], period: Period): Promise<TreeFile> {
    const sender = period.account ?? account.camera;
    const place = {
      ...{ camera: this.addressOf(sender), chain: chainId },
      contract: this.contracts.addresses.checkpoints,
    };
    const head = { firstMs: firstMs + period.first * minuteMs, lastMs: firstMs + period.last * minuteMs };
    const tree = makeTreeFile(place, head, recordings.map(leafOf));
    await this.nextBlockAt(period.committed ?? period.last + 1);
    const outcome = await this.contracts.send(sender, {
      functionName: 'commit',
      args: [
        {
          ...{ tree: tree.tree, root: tree.root, leaves: tree.leaves.length },
          ...{ firstMs: BigInt(tree.firstMs), lastMs: BigInt(tree.lastMs) },
        },
      ],
    });
    assert.ok('events' in outcome, 'error' in outcome ? outcome.error : '');
    return tree;
  }

  /** The same, with its tree file and proofs beside the recordings. */
  async commitWithFiles(place: string, recordings: readonly Recording[], period: Period): Promise<TreeFile> {
    const tree = await this.commit(recordings, period);
    await writeLedgerFiles(place, tree, recordings);
    return tree;
  }

  /** Options of `verify` for one who knows the camera. */
  options(...rpcUrls: readonly string[]): string[] {
    const { addresses, anvil } = this.contracts;
    const urls = rpcUrls.length > 0 ? rpcUrls : [anvil.url];
    return [
      ...['--signed-by', cameraFile, '--chain', '--chain-id', `${chainId}`, '--confirmations', '1'],
      ...urls.flatMap((url) => ['--rpc', url]),
      ...['--checkpoints', addresses.checkpoints, '--ownership', addresses.ownership],
    ];
  }

  /** `encrocam verify --chain` by the owner, who names camera and wallet. */
  verify(place: string, ...more: readonly string[]): Promise<Verified> {
    const known = [
      '--ledger-camera',
      this.addressOf(account.camera),
      '--owner',
      this.addressOf(account.owner),
    ];
    return verify([place, ...this.options(), ...known, ...more]);
  }
}

export async function writeLedgerFiles(
  place: string,
  tree: TreeFile,
  recordings: readonly Recording[],
): Promise<void> {
  await mkdir(place, { recursive: true });
  await writeFile(path.join(place, treeFileName(tree)), encodeTreeFile(tree));
  for (const recording of recordings) {
    const proof = makeProofFile([leafOf(recording)], new TreeIndex([tree]));
    assert.ok(proof);
    await writeFile(proofFileName(path.join(place, recording.fileName)), encodeProofFile(proof));
  }
}

function leafOf({ fileName, file, run }: Recording) {
  const { startMs } = run.header.statement;
  return {
    ...{ recording: fileName, directory: path.basename(path.dirname(file)) },
    ...{ run: hexOf(run.runId), link: hexOf(run.link), fromMs: startMs, toMs: startMs + minuteMs },
  };
}
