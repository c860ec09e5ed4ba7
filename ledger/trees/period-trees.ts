/** What the outbox asks of the trees: which are to be committed, in their order. */
import type { TreeFile } from './files.ts';
import type { Hex } from './hex.ts';

export interface PeriodTrees {
  /** Trees that are on the disk and not yet committed, the oldest first: to be committed in this order. */
  pending(): Promise<readonly TreeFile[]>;
  /**
   * Closes the period if it is over and a run ended in it. The tree is on the disk, durably, when this resolves, and from then
   * on among the pending ones: it is the same after a crash.
   * @param nowMs of the wall clock, which may step.
   * @param options `early`: now, whether it is over or not.
   */
  closePeriod(nowMs: number, options?: { readonly early?: boolean }): Promise<TreeFile | undefined>;
  /** A tree is on the chain, for good: it is pending no more. Repeating it does nothing. */
  committed(tree: Hex): Promise<void>;
}
