/** Both contracts on a chain of one's own, and few words to call them as one account or another. */
import { createHash } from 'node:crypto';
import {
  type Address,
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  parseEventLogs,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import type { ContractAddresses } from '../../contracts/deploy.ts';
import { checkpointsAbi, ownershipAbi } from '../../contracts/index.ts';
import { type Anvil, type AnvilOptions, deployContracts, startAnvil } from './anvil.ts';

/** Enough for every call; given, it saves asking the node for each. */
const gas = 5_000_000n;

export interface Checkpoint {
  readonly tree: Hex;
  readonly leaves: number;
  readonly root: Hex;
  readonly firstMs: bigint;
  readonly lastMs: bigint;
}

export type Call =
  | { readonly functionName: 'claim'; readonly args: readonly [owner: Address] }
  | { readonly functionName: 'commit'; readonly args: readonly [Checkpoint] }
  | { readonly functionName: 'commitAll'; readonly args: readonly [readonly Checkpoint[]] };

export interface Happening {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** How a call ended: with events, or refused with an error of the contract. */
export type Outcome =
  | {
      readonly events: readonly Happening[];
      /** Time of its block, in seconds. */
      readonly time: bigint;
      /** Number of the block. */
      readonly height: number;
      readonly gasUsed: bigint;
    }
  | { readonly error: string; readonly args: readonly unknown[] };

export interface ContractsOnAnvil {
  readonly anvil: Anvil;
  readonly addresses: ContractAddresses;
  /** Addresses of the accounts, in lower case. */
  readonly accounts: readonly Address[];
  readonly reader: ReturnType<typeof createPublicClient>;
  /** Sends a call as account number `sender`. One that is refused is sent all the same: it must change nothing. */
  send(sender: number, call: Call): Promise<Outcome>;
}

export async function startContracts(options?: AnvilOptions): Promise<ContractsOnAnvil> {
  const anvil = await startAnvil(options);
  try {
    const addresses = await deployContracts(anvil.url);
    const transport = http(anvil.url, { batch: { wait: 0 } });
    const reader = createPublicClient({ transport, pollingInterval: 10 });
    const wallets = anvil.accounts.map(({ privateKey }) =>
      createWalletClient({ account: privateKeyToAccount(privateKey), transport }),
    );
    const send = async (sender: number, call: Call): Promise<Outcome> => {
      const wallet = wallets[sender];
      if (!wallet) throw new Error(`there are ${wallets.length} accounts`);
      const target =
        call.functionName === 'claim'
          ? ({ address: addresses.ownership, abi: ownershipAbi, ...call } as const)
          : ({ address: addresses.checkpoints, abi: checkpointsAbi, ...call } as const);
      const refused = await refusalOf(reader, wallet.account, target);
      const hash = await wallet.writeContract({ ...target, gas, chain: null } as never);
      const receipt = await reader.waitForTransactionReceipt({ hash });
      if (refused) {
        if (receipt.status !== 'reverted') throw new Error(`${refused.error}, but the chain took it`);
        return refused;
      }
      if (receipt.status !== 'success') throw new Error('the chain refused what a node called good');
      const { timestamp } = await reader.getBlock({ blockNumber: receipt.blockNumber });
      const events = parseEventLogs({ abi: [...ownershipAbi, ...checkpointsAbi], logs: receipt.logs }).map(
        ({ eventName, args }) => ({ name: eventName, args: lowerCase(args) as Happening['args'] }),
      );
      return {
        ...{ events, time: timestamp, height: Number(receipt.blockNumber) },
        gasUsed: receipt.gasUsed,
      };
    };
    return { anvil, addresses, accounts: anvil.accounts.map(({ address }) => address), reader, send };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

async function refusalOf(
  reader: ReturnType<typeof createPublicClient>,
  account: PrivateKeyAccount,
  target: object,
): Promise<{ error: string; args: readonly unknown[] } | undefined> {
  try {
    await reader.simulateContract({ ...target, account } as never);
    return undefined;
  } catch (error) {
    return refusalIn(error);
  }
}

/** The contract's error that a call of viem was refused with; any other failure is thrown again. */
export function refusalIn(error: unknown): { error: string; args: readonly unknown[] } {
  const found =
    error instanceof BaseError && error.walk((one) => one instanceof ContractFunctionRevertedError);
  if (!(found instanceof ContractFunctionRevertedError) || !found.data) throw error;
  return { error: found.data.errorName, args: lowerCase(found.data.args ?? []) as readonly unknown[] };
}

/** Addresses as this house writes them; viem gives them with a checksum in their case. */
export function lowerCase(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase();
  if (Array.isArray(value)) return value.map(lowerCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, lowerCase(one)]));
}

/** The tree id of `docs/ref/ledger.md`, made here once more: the contract is held against it. */
export function checkpointOf(camera: Address, tree: Omit<Checkpoint, 'tree'>): Checkpoint {
  const numbers = Buffer.alloc(20);
  numbers.writeBigUInt64BE(tree.firstMs, 0);
  numbers.writeBigUInt64BE(tree.lastMs, 8);
  numbers.writeUInt32BE(tree.leaves, 16);
  const id = createHash('sha256')
    .update('EncroCam ledger tree\0', 'latin1')
    .update(Buffer.from(camera.slice(2), 'hex'))
    .update(numbers)
    .update(Buffer.from(tree.root.slice(2), 'hex'))
    .digest('hex');
  return { ...tree, tree: `0x${id}` };
}
