/** The chain through its nodes: what is decided by is agreed between them, what is offered goes to all. */
import { type Address, BaseError, type Hex, type PublicClient, TransactionReceiptNotFoundError } from 'viem';
import { checkpointsAbi, ownershipAbi } from '../../contracts/index.ts';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Block, Chain } from '../chain/chain.ts';
import { withoutUrls } from '../chain/nodes.ts';
import type { Hex as TreeId } from '../trees/hex.ts';
import { type Call, type Contracts, type Refusal, refusalOf } from './calls.ts';
import type { AskedTree, ChainAccess, Standing, View } from './view.ts';

export interface ChainAccessOptions {
  readonly chain: Chain;
  readonly camera: Address;
  readonly contracts: Contracts;
  readonly confirmations: number;
}

export function openChainAccess(options: ChainAccessOptions): ChainAccess {
  const { chain, camera, contracts, confirmations } = options;
  const { nodes } = chain;
  /** Once they are deep enough, they stay. */
  let areSettled = false;

  /** The one that is not there at this block. */
  const missingAt = async (blockNumber: bigint): Promise<[name: string, address: Address] | undefined> => {
    for (const [name, address] of Object.entries(contracts)) {
      const code = await nodes.agree(`the contract of ${name}`, (client) =>
        client.getCode({ address, blockNumber }),
      );
      // Without code it would answer every call with nothing.
      if (code === undefined || code === '0x') return [name, address];
    }
    return undefined;
  };

  const look = async (trees: readonly AskedTree[]): Promise<View> => {
    const newestBlock = await chain.newestBlock();
    const depth = BigInt(confirmations - 1);
    const height = newestBlock.height > depth ? newestBlock.height - depth : 0n;
    const settledBlock = confirmations === 1 ? newestBlock : await chain.blockAt(height);
    if (!settledBlock) {
      throw new EncroCamError('CHAIN_UNREACHABLE', `no node knows block ${height} any more`, {
        hint: 'The chain is being reorganised: it is tried again.',
      });
    }
    if (!areSettled) {
      const missing = await missingAt(newestBlock.height);
      if (missing !== undefined) {
        const [name, address] = missing;
        throw new EncroCamError(
          'CHAIN_WRONG',
          `there is no contract at ${address} on chain ${nodes.chainId}`,
          { hint: `Correct ledger.contracts.${name}.` },
        );
      }
      areSettled = (await missingAt(settledBlock.height)) === undefined;
    }
    const newest = await standing(newestBlock, trees);
    const settled =
      settledBlock === newestBlock
        ? newest
        : await (areSettled ? standing(settledBlock, trees) : beforeContracts(settledBlock));
    const at = { blockNumber: newestBlock.height };
    const { balance, baseFee } = await nodes.agree('the balance of the camera', async (client) => {
      const [amount, block] = await Promise.all([
        client.getBalance({ address: camera, ...at }),
        client.getBlock(at),
      ]);
      return { balance: amount, baseFee: block.baseFeePerGas ?? undefined };
    });
    const pending = await nodes.ask('transactions that wait', (client) =>
      client.getTransactionCount({ address: camera, blockTag: 'pending' }),
    );
    const pendingNonce = Math.max(...pending.map(({ answer }) => answer));
    return { newest, settled, balance, pendingNonce, baseFee };
  };

  const standing = async (block: Block, trees: readonly AskedTree[]): Promise<Standing> => {
    const at = { blockNumber: block.height };
    const checkpoints = { address: contracts.checkpoints, abi: checkpointsAbi, ...at } as const;
    const ownership = { address: contracts.ownership, abi: ownershipAbi, ...at } as const;
    const answer = await nodes.agree('the state of the camera', async (client) => {
      const [nonce, owner, count] = await Promise.all([
        client.getTransactionCount({ address: camera, ...at }),
        client.readContract({ ...ownership, functionName: 'ownerOf', args: [camera] }),
        client.readContract({ ...checkpoints, functionName: 'count', args: [camera] }),
      ]);
      const last = count === 0n ? undefined : (await checkpointAt(client, count - 1n))[0];
      const lastMs = last ? Number(last.lastMs) : -1;
      const asked = trees.filter((tree) => tree.firstMs < lastMs);
      const found = await Promise.all(asked.map((tree) => isThere(client, tree)));
      const there = asked.filter((_, index) => found[index]).map(({ tree }) => tree);
      return { nonce, owner: owner.toLowerCase() as Address, count: Number(count), lastMs, there };
    });
    const { there, owner, ...rest } = answer;
    const isNobody = /^0x0*$/.test(owner);
    return { ...rest, block, owner: isNobody ? undefined : owner, trees: new Set<TreeId>(there) };

    function checkpointAt(client: PublicClient, index: bigint) {
      return client.readContract({ ...checkpoints, functionName: 'checkpointAt', args: [camera, index] });
    }

    async function isThere(client: PublicClient, tree: AskedTree): Promise<boolean> {
      let index: bigint;
      try {
        index = await client.readContract({
          ...checkpoints,
          functionName: 'indexOf',
          args: [camera, tree.tree, BigInt(tree.firstMs)],
        });
      } catch (error) {
        const data = dataOf(error);
        if (data !== undefined && refusalOf(data).reason === 'UnknownTree') return false;
        throw error;
      }
      const [entry] = await checkpointAt(client, index);
      return (
        entry.tree === tree.tree &&
        entry.root === tree.root &&
        entry.leaves === tree.leaves &&
        Number(entry.firstMs) === tree.firstMs &&
        Number(entry.lastMs) === tree.lastMs
      );
    }
  };

  /** Contracts of a minute ago: nothing can be settled. */
  const beforeContracts = async (block: Block): Promise<Standing> => {
    const nonce = await nodes.agree('transactions of the camera', (client) =>
      client.getTransactionCount({ address: camera, blockNumber: block.height }),
    );
    return { block, nonce, owner: undefined, count: 0, lastMs: -1, trees: new Set() };
  };

  const estimate = async ({ to, data }: Call): Promise<{ gas: bigint } | { refusal: Refusal }> => {
    const answers = await nodes.ask('the gas that it takes', async (client) => {
      try {
        const gas = await client.request({ method: 'eth_estimateGas', params: [{ from: camera, to, data }] });
        return { gas: BigInt(gas) };
      } catch (error) {
        const refused = dataOf(error);
        if (refused !== undefined) return { refusal: refusalOf(refused) };
        if (/revert/i.test(messageOf(error))) {
          return { refusal: { reason: 'unknown', text: withoutUrls(messageOf(error)) } };
        }
        throw error;
      }
    });
    const refused = answers.map(({ answer }) => answer).find((answer) => 'refusal' in answer);
    if (refused) return refused;
    const gas = answers.reduce((most, { answer }) => {
      return 'gas' in answer && answer.gas > most ? answer.gas : most;
    }, 0n);
    return { gas };
  };

  return {
    look,
    estimate,
    async usualTip() {
      const tips = await nodes.ask('the usual tip', (client) => client.estimateMaxPriorityFeePerGas());
      const sorted = tips.map(({ answer }) => answer).sort((a, b) => (a < b ? -1 : 1));
      // The middle one, so that one node alone cannot make it dear.
      return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0n;
    },
    async broadcast(raw) {
      const results = await Promise.all(
        nodes.all.map(async ({ name, client }) => {
          try {
            await client.sendRawTransaction({ serializedTransaction: raw });
            return undefined;
          } catch (error) {
            const said = error instanceof BaseError ? error.details || error.shortMessage : messageOf(error);
            // Having it already is as good.
            if (/already (known|imported|exists)|known transaction/i.test(said)) return undefined;
            return `${name}: ${withoutUrls(said)}`;
          }
        }),
      );
      const failures = results.filter((result) => result !== undefined);
      return { taken: results.length - failures.length, failures };
    },
    outcome: (hash: Hex) =>
      nodes.agree('how the transaction ended', async (client) => {
        try {
          return (await client.getTransactionReceipt({ hash })).status;
        } catch (error) {
          if (error instanceof TransactionReceiptNotFoundError) return undefined;
          throw error;
        }
      }),
  };
}

/** The data that a contract reverted with, wherever viem or the node put it. */
export function dataOf(error: unknown): Hex | undefined {
  for (let one: unknown = error; one !== undefined && one !== null; ) {
    const { data, raw, cause } = one as { data?: unknown; raw?: unknown; cause?: unknown };
    for (const candidate of [raw, data, (data as { data?: unknown } | undefined | null)?.data]) {
      if (typeof candidate === 'string' && /^0x[0-9a-f]{8,}$/i.test(candidate)) return candidate as Hex;
    }
    one = cause;
  }
  return undefined;
}
