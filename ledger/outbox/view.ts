/** What the outbox has to know of a chain, and does to it. `chain-access.ts` has nodes behind it, tests have a model. */
import type { Address, Hex } from 'viem';
import type { Block } from '../chain/chain.ts';
import type { Hex as TreeId } from '../trees/hex.ts';
import type { Call, Refusal } from './calls.ts';
import type { Price } from './fees.ts';

/** The chain as of one block. */
export interface Standing {
  readonly block: Block;
  /** Transactions that the camera sent so far: the number of the next one. */
  readonly nonce: number;
  /** Whom the camera claimed last. */
  readonly owner: Address | undefined;
  /** How many trees it committed, and where the last one's period ends; −1 where there is none. */
  readonly count: number;
  readonly lastMs: number;
  /** Those that were asked for and are there, with the same root, leaves and period. */
  readonly trees: ReadonlySet<TreeId>;
}

export interface View {
  /** At the newest block that the nodes agree on. */
  readonly newest: Standing;
  /** At the newest one with enough confirmations: for good. */
  readonly settled: Standing;
  /** In wei, at the newest block. */
  readonly balance: bigint;
  /** What nodes have of the camera beyond the newest block, by its number. */
  readonly pendingNonce: number;
  /** Of the newest block, in wei; `undefined` where the chain has none (EIP-1559). */
  readonly baseFee: bigint | undefined;
}

export interface AskedTree {
  readonly tree: TreeId;
  readonly root: TreeId;
  readonly leaves: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface ChainAccess {
  /** @throws {EncroCamError} `CHAIN_…` where the nodes do not say */
  look(trees: readonly AskedTree[]): Promise<View>;
  /** Gas that a call takes, or why it is refused. */
  estimate(call: Call): Promise<{ readonly gas: bigint } | { readonly refusal: Refusal }>;
  /** What nodes call a usual tip, in wei. */
  usualTip(): Promise<Price['tip']>;
  /** Gives a transaction to all nodes. @returns what those said that did not take it, and how many did */
  broadcast(raw: Hex): Promise<{ readonly taken: number; readonly failures: readonly string[] }>;
  /** Whether a transaction is in a block, and how it ended: for the log alone. */
  outcome(hash: Hex): Promise<'success' | 'reverted' | undefined>;
}
