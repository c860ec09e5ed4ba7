/** What a step of the outbox found: for the log, the status and the monitor. */
import type { View } from './view.ts';

/**
 * `empty`: the wallet cannot pay. `fee`: the chain asks more than the ceiling. `refused`: a contract did not take it. `conflict`:
 * somebody else uses the camera's key, or its disk was replaced. `nodes`: none takes the transaction. `chain`: it is behind, or lost what was
 * settled.
 */
export type TroubleKind = 'empty' | 'fee' | 'refused' | 'conflict' | 'nodes' | 'chain';

export interface Trouble {
  readonly kind: TroubleKind;
  readonly text: string;
}

export interface Report {
  readonly view: View;
  /** Trees that are closed and not on the chain for good, and when the oldest was closed. */
  readonly waiting: { readonly trees: number; readonly oldestMs: number | undefined };
  /** `undefined`: no owner is to be claimed. */
  readonly isOwnerClaimed: boolean | undefined;
  /** `idle`: nothing is to be sent. `sending`: a transaction is offered. `confirming`: it is in a block. `held`: see `trouble`. */
  readonly activity: 'idle' | 'sending' | 'confirming' | 'held';
  readonly trouble: Trouble | undefined;
  /** There is more to do at once. */
  readonly hasMore: boolean;
}
