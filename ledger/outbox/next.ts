/** What is to be sent next, and whether what was sent has come about. Pure. */
import type { Address } from 'viem';
import type { TreeFile } from '../trees/files.ts';
import { type Call, type Contracts, claimCall, commitCall, type Purpose } from './calls.ts';
import type { View } from './view.ts';

/** Trees of a transaction: some 2.6 million gas, a tenth of what a block of the main chain has. */
export const maxTreesPerTransaction = 50;

export interface NextUp {
  readonly purpose: Purpose;
  readonly call: Call;
}

/**
 * @param left trees that are not on the chain for good, in the order of their periods.
 * @returns `wait`: what is in blocks has to settle first. `undefined`: nothing is to be sent.
 */
export function nextUp(
  { owner, contracts }: { readonly owner: Address | undefined; readonly contracts: Contracts },
  left: readonly TreeFile[],
  { newest, settled }: View,
): NextUp | 'wait' | undefined {
  if (owner && newest.owner !== owner) {
    return { purpose: { kind: 'claim', owner }, call: claimCall(contracts, owner) };
  }
  const absent = left.filter(({ tree }) => !newest.trees.has(tree));
  const [first] = absent;
  if (!first) return left.length > 0 || (owner && settled.owner !== owner) ? 'wait' : undefined;
  if (first.firstMs < newest.lastMs) return 'wait';
  const chosen = absent.slice(0, maxTreesPerTransaction);
  const purpose: Purpose = { kind: 'commit', trees: chosen.map(({ tree }) => tree) };
  return { purpose, call: commitCall(contracts, chosen) };
}

export function isAchieved(purpose: Purpose, left: readonly TreeFile[], { settled }: View): boolean {
  if (purpose.kind === 'claim') return settled.owner === purpose.owner;
  return !purpose.trees.some((id) => left.some(({ tree }) => tree === id));
}
