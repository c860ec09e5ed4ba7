/**
 * What the ledger's service tells of itself, in `.state/ledger.json`: read by `encrocam status`, and by the syncer for the uptime
 * monitor. A hint, as the other services' files are: what counts is on the chain and in the tree files.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { LedgerConfig } from '../config/types.ts';
import { replaceStateFile, stateDirectory } from './state.ts';

/** Written at least so often while the service runs. */
export const ledgerStateIntervalMs = 10_000;

/**
 * `empty`: the wallet cannot pay. `fee`: the chain asks more than the ceiling. `refused`: a contract did not take it. `conflict`:
 * somebody else uses the camera's key, or its disk was replaced. `identity`: the camera's key cannot be used. `nodes`: too few nodes
 * answer, or they differ. `chain`: nodes or contracts are not what they should be. `other`: the log says more.
 */
export type LedgerProblemKind =
  | 'empty'
  | 'fee'
  | 'refused'
  | 'conflict'
  | 'identity'
  | 'nodes'
  | 'chain'
  | 'other';

export interface LedgerState {
  readonly service: 'ledger';
  readonly pid: number;
  readonly startedMs: number;
  readonly updatedMs: number;
  readonly stoppedMs?: number;
  readonly chainId: number;
  /** The camera's. */
  readonly address?: string;
  /** In wei: decimal digits. */
  readonly balanceWei?: string;
  /** Whom the camera is to claim, and whether the chain has it. */
  readonly owner?: { readonly address: string; readonly isClaimed?: boolean };
  /** Trees on the chain for good. */
  readonly treesCommitted?: number;
  /** Closed ones that are not, and when the oldest of them was closed. */
  readonly treesWaiting?: number;
  readonly oldestWaitingMs?: number;
  /** Whether a transaction is on its way. */
  readonly activity?: 'idle' | 'sending' | 'confirming' | 'held';
  /** The newest block that the nodes agree on, its time, and when that was asked for. */
  readonly newestBlock?: { readonly height: number; readonly timeMs: number; readonly readMs: number };
  readonly problem?: { readonly kind: LedgerProblemKind; readonly text: string; readonly sinceMs: number };
}

const fileName = 'ledger.json';
const maxBytes = 64 * 1024;

export async function writeLedgerState(recordingsDirectory: string, state: LedgerState): Promise<void> {
  await replaceStateFile(recordingsDirectory, fileName, JSON.stringify(state));
}

/** `undefined` when there is none, or it is not what the service writes. */
export async function readLedgerState(recordingsDirectory: string): Promise<LedgerState | undefined> {
  try {
    const text = await readFile(path.join(stateDirectory(recordingsDirectory), fileName), 'utf8');
    if (text.length > maxBytes) return undefined;
    const state = JSON.parse(text) as Partial<LedgerState>;
    const isOurs =
      state.service === 'ledger' && [state.pid, state.startedMs, state.updatedMs].every(Number.isFinite);
    return isOurs ? (state as LedgerState) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What the uptime monitor is told as a failure: nothing can be paid, and a tree waits for more than a period. A wallet that runs
 * low, a chain that is dear or away, and what waits for a shorter time is no alarm: recording does not depend on it.
 */
export function ledgerAlarm(
  state: LedgerState | undefined,
  { periodMs, nowMs }: { readonly periodMs: number; readonly nowMs: number },
): string | undefined {
  if (state?.problem?.kind !== 'empty' || state.oldestWaitingMs === undefined) return undefined;
  return nowMs - state.oldestWaitingMs > periodMs ? state.problem.text : undefined;
}

export function periodMsOf({ periodMinutes }: Pick<LedgerConfig, 'periodMinutes'>): number {
  return Math.round(periodMinutes * 60_000);
}

/** Of a setting in coins. */
export function weiOfCoins(coins: number): bigint {
  return BigInt(Math.round(coins * 1e9)) * 1_000_000_000n;
}
