/** What a chain says of cameras and of time, as several nodes agree on it. */
import { type Address, BlockNotFoundError, type Hex, type PublicClient } from 'viem';
import { checkpointsAbi, ownershipAbi } from '../../contracts/index.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { ChainNodes, type NodesOptions } from './nodes.ts';

export interface Block {
  readonly height: bigint;
  readonly hash: Hex;
  /** By the chain's clock, milliseconds since 1970. */
  readonly timeMs: number;
}

export interface CommittedTree {
  readonly tree: Hex;
  readonly root: Hex;
  readonly leaves: number;
  /** The period, by the camera's clock; `lastMs` excluded. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of the block that holds it. */
  readonly height: bigint;
  readonly timeMs: number;
}

export interface OwnerClaim {
  readonly owner: Address;
  /** Of the block that holds it. */
  readonly timeMs: number;
}

export interface ChainOptions extends NodesOptions {
  readonly contracts: { readonly ownership: string; readonly checkpoints: string };
  readonly confirmations: number;
}

/** More than any camera makes: a tree a minute for two years. */
const maxTrees = 2 ** 20;

export class Chain {
  readonly nodes: ChainNodes;
  readonly #options: ChainOptions;

  constructor(options: ChainOptions) {
    this.#options = options;
    this.nodes = new ChainNodes(options);
  }

  /**
   * The newest block that all nodes that answer have.
   * @param confirmations how many blocks it must have, its own included
   */
  async newestBlock(confirmations = 1): Promise<Block> {
    const heights = await this.nodes.ask('the newest block', (client) =>
      // What viem remembers for some seconds is too old here.
      client.getBlockNumber({ cacheTime: 0 }),
    );
    const lowest = heights.reduce(
      (least, { answer }) => (answer < least ? answer : least),
      heights[0]?.answer ?? 0n,
    );
    const height = lowest - BigInt(confirmations - 1);
    const block = await this.blockAt(height < 0n ? 0n : height);
    if (block) return block;
    throw new EncroCamError('CHAIN_UNREACHABLE', `no node knows block ${height} any more`, {
      hint: 'The chain is being reorganised: try again.',
    });
  }

  /** `undefined`: there is no such block. */
  async blockAt(height: bigint): Promise<Block | undefined> {
    const found = await this.nodes.agree(`block ${height}`, async (client) => {
      try {
        const { hash, timestamp } = await client.getBlock({ blockNumber: height });
        return { hash, timestamp };
      } catch (error) {
        if (error instanceof BlockNotFoundError) return null;
        throw error;
      }
    });
    return found ? { height, hash: found.hash, timeMs: Number(found.timestamp) * 1000 } : undefined;
  }

  /** The state at the newest block that has enough confirmations: everything that is read through it is of one moment. */
  async snapshot(): Promise<Snapshot> {
    return new Snapshot(this, await this.newestBlock(this.#options.confirmations), this.#options);
  }
}

export class Snapshot {
  readonly block: Block;
  readonly chain: Chain;
  readonly #contracts: { readonly ownership: Address; readonly checkpoints: Address };

  constructor(chain: Chain, block: Block, { contracts }: ChainOptions) {
    this.chain = chain;
    this.block = block;
    this.#contracts = contracts as { ownership: Address; checkpoints: Address };
  }

  /** All owners of a camera, the present one last. */
  async owners(camera: Address): Promise<OwnerClaim[]> {
    const contract = {
      address: this.#contracts.ownership,
      abi: ownershipAbi,
      blockNumber: this.block.height,
    };
    return this.#read('the owners of the camera', async (client) => {
      const count = await client.readContract({ ...contract, functionName: 'claimsOf', args: [camera] });
      const claims = await inOrder(count, (index) =>
        client.readContract({ ...contract, functionName: 'claimAt', args: [camera, index] }),
      );
      return claims.map(([owner, time]) => ({
        owner: owner.toLowerCase() as Address,
        timeMs: Number(time) * 1000,
      }));
    });
  }

  /** All trees of a camera, in order. */
  async trees(camera: Address): Promise<CommittedTree[]> {
    const contract = {
      address: this.#contracts.checkpoints,
      abi: checkpointsAbi,
      blockNumber: this.block.height,
    };
    return this.#read('the trees of the camera', async (client) => {
      const count = await client.readContract({ ...contract, functionName: 'count', args: [camera] });
      const entries = await inOrder(count, (index) =>
        client.readContract({ ...contract, functionName: 'checkpointAt', args: [camera, index] }),
      );
      return entries.map(([{ tree, root, leaves, firstMs, lastMs }, time, height]) => ({
        ...{ tree, root, leaves },
        ...{ firstMs: Number(firstMs), lastMs: Number(lastMs) },
        ...{ height: BigInt(height), timeMs: Number(time) * 1000 },
      }));
    });
  }

  async #read<T>(what: string, read: (client: PublicClient) => Promise<T>): Promise<T> {
    for (const [name, address] of Object.entries(this.#contracts)) {
      const code = await this.chain.nodes.agree(`the contract of ${name}`, (client) =>
        client.getCode({ address, blockNumber: this.block.height }),
      );
      if (code === undefined || code === '0x') {
        throw new EncroCamError(
          'CHAIN_WRONG',
          `there is no contract at ${address} on chain ${this.chain.nodes.chainId}`,
          {
            hint: `Correct ledger.contracts.${name}.`,
          },
        );
      }
    }
    return this.chain.nodes.agree(what, read);
  }
}

/** Asked for together: they go to the node in few requests. */
async function inOrder<T>(count: bigint, read: (index: bigint) => Promise<T>): Promise<T[]> {
  if (count > maxTrees) throw new RangeError(`${count} entries are more than a camera makes`);
  const results: T[] = [];
  const atOnce = 500;
  for (let begin = 0; begin < count; begin += atOnce) {
    const length = Math.min(atOnce, Number(count) - begin);
    results.push(...(await Promise.all(Array.from({ length }, (_, index) => read(BigInt(begin + index))))));
  }
  return results;
}
