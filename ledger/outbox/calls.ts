/** What the camera sends to its two contracts, as bytes. Pure. */
import type { Address, Hex } from 'viem';
import { decodeErrorResult, encodeFunctionData } from 'viem/utils';
import { checkpointsAbi, ownershipAbi } from '../../contracts/index.ts';
import type { TreeFile } from '../trees/files.ts';

export interface Contracts {
  readonly ownership: Address;
  readonly checkpoints: Address;
}

/** What a transaction is for. Trees are in the order of their periods. */
export type Purpose =
  | { readonly kind: 'claim'; readonly owner: Address }
  | { readonly kind: 'commit'; readonly trees: readonly Hex[] };

/** A contract and what it is told. */
export interface Call {
  readonly to: Address;
  readonly data: Hex;
}

/** A contract refused a call. */
export interface Refusal {
  /** The contract's error, as `PeriodOverlaps`, or what a node said. */
  readonly reason: string;
  /** With its arguments. */
  readonly text: string;
}

export function claimCall(contracts: Contracts, owner: Address): Call {
  const data = encodeFunctionData({ abi: ownershipAbi, functionName: 'claim', args: [owner] });
  return { to: contracts.ownership, data };
}

/** One tree alone costs less without the list. */
export function commitCall(contracts: Contracts, trees: readonly TreeFile[]): Call {
  const checkpoints = trees.map(({ tree, leaves, root, firstMs, lastMs }) => ({
    ...{ tree, leaves: leaves.length, root },
    ...{ firstMs: BigInt(firstMs), lastMs: BigInt(lastMs) },
  }));
  const [first] = checkpoints;
  const data =
    first && checkpoints.length === 1
      ? encodeFunctionData({ abi: checkpointsAbi, functionName: 'commit', args: [first] })
      : encodeFunctionData({ abi: checkpointsAbi, functionName: 'commitAll', args: [checkpoints] });
  return { to: contracts.checkpoints, data };
}

/**
 * Twenty times what it takes by `docs/design/ledger.md`: rollups count their own costs as gas. An estimate beyond that is a node's
 * mistake or lie, and would make a wallet look empty.
 */
export function mostGas(purpose: Purpose): bigint {
  return purpose.kind === 'claim' ? 2_000_000n : 2_000_000n + 1_000_000n * BigInt(purpose.trees.length);
}

/** What a contract refused a call with, from the data of the failure. */
export function refusalOf(data: Hex): Refusal {
  try {
    const { errorName, args = [] } = decodeErrorResult({ abi: [...checkpointsAbi, ...ownershipAbi], data });
    return { reason: errorName, text: `${errorName}(${args.map(String).join(', ')})` };
  } catch {
    return { reason: 'unknown', text: data.length > 2 ? `unknown error ${data.slice(0, 74)}` : 'no reason' };
  }
}
