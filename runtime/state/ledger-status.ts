/** What `encrocam status` makes of the ledger's state file. Pure. */
import { type LedgerProblemKind, type LedgerState, weiOfCoins } from './ledger-state.ts';

export interface LedgerStatusInput {
  readonly periodMs: number;
  /** In coins. */
  readonly lowBalance: number;
  readonly state: LedgerState | undefined;
}

/** Part of `encrocam status --json`. */
export interface LedgerStatus {
  readonly chainId?: number;
  readonly address?: string;
  /** In coins: not exact to the wei. */
  readonly balance?: number;
  readonly isBalanceLow?: boolean;
  readonly owner?: LedgerState['owner'];
  readonly treesCommitted?: number;
  readonly treesWaiting?: number;
  readonly oldestWaitingMs?: number;
  readonly sending?: boolean;
  readonly newestBlock?: LedgerState['newestBlock'];
  readonly problem?: LedgerState['problem'];
}

export function ledgerStatus({ state, lowBalance }: LedgerStatusInput): LedgerStatus {
  if (!state) return {};
  const { chainId, address, balanceWei, owner, treesCommitted, treesWaiting, oldestWaitingMs } = state;
  const { newestBlock, problem, activity } = state;
  const wei = balanceWei !== undefined && /^\d+$/.test(balanceWei) ? BigInt(balanceWei) : undefined;
  return {
    chainId,
    ...(address !== undefined && { address }),
    ...(wei !== undefined && { balance: Number(wei) / 1e18, isBalanceLow: wei < weiOfCoins(lowBalance) }),
    ...(owner && { owner }),
    ...(treesCommitted !== undefined && { treesCommitted }),
    ...(treesWaiting !== undefined && { treesWaiting }),
    ...(oldestWaitingMs !== undefined && { oldestWaitingMs }),
    ...(activity !== undefined && { sending: activity === 'sending' || activity === 'confirming' }),
    ...(newestBlock && { newestBlock }),
    ...(problem && { problem }),
  };
}

/** These mend themselves, or cost nothing but time: a problem once a tree waits for more than a period. */
const patient: ReadonlySet<LedgerProblemKind> = new Set(['empty', 'fee', 'nodes']);

export function ledgerProblems({ state, periodMs }: LedgerStatusInput, nowMs: number): string[] {
  if (!state?.problem) return [];
  const { kind, text } = state.problem;
  const { oldestWaitingMs } = state;
  const waitsLong = oldestWaitingMs !== undefined && nowMs - oldestWaitingMs > periodMs;
  return patient.has(kind) && !waitsLong ? [] : [`ledger: ${text}`];
}
