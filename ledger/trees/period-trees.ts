/** What the outbox asks of the trees: which are to be committed, in their order. */
import type { TreeFile } from './files.ts';
import type { Hex } from './hex.ts';

export interface PeriodTrees {
  /**
   * Trees that are on the disk and not yet committed, the oldest first: to be committed in this order. Where the state was lost,
   * also those that are on the chain already.
   */
  pending(): Promise<readonly TreeFile[]>;
  /**
   * Closes the period if it is over and a run ended in it. The tree is on the disk, durably, when this resolves, and from then
   * on among the pending ones: it is the same after a crash.
   * @param nowMs of the wall clock, which may step.
   * @param options `early`: now, whether it is over or not.
   */
  closePeriod(nowMs: number, options?: { readonly early?: boolean }): Promise<TreeFile | undefined>;
  /**
   * The oldest pending tree is on the chain, for good: it is pending no more, and proofs are written. Repeating it does nothing.
   * @throws {RangeError} for a pending tree that is not the oldest.
   */
  committed(tree: Hex): Promise<void>;
  /**
   * A pending tree is not on the chain and can never be, because it begins before the end of the last one there (another disk
   * with the same camera's key committed that). Its runs wait for the next one.
   * @param chainLastMs the `lastMs` of that last one.
   */
  refused(tree: Hex, chainLastMs: number): Promise<void>;
}
