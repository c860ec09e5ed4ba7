/** When a period is over, and which runs its tree has: `docs/ref/ledger.md`, Trees. Pure. */
import { maxTimeMs, type TreeLeaf } from './files.ts';

/** Most leaves of a tree that a camera makes; what is more goes into the next one. Its file has some 6 MB then. */
export const maxLeavesPerPeriod = 2 ** 14;

export interface PeriodState {
  /** The wall clock, ms since the epoch: it may have been set. */
  readonly nowMs: number;
  readonly periodMs: number;
  /** `lastMs` of the tree before; `undefined` for the first one. */
  readonly previousMs: number | undefined;
  /** Runs that ended and are in no tree, each once. */
  readonly waiting: readonly TreeLeaf[];
  /** Close it now, whether it is over or not. */
  readonly early?: boolean;
}

export interface Period {
  readonly firstMs: number;
  readonly lastMs: number;
  /** In the order of the tree's leaves. */
  readonly leaves: readonly TreeLeaf[];
}

/** The period that is over now; `undefined` if none is, or nothing ended in it. */
export function closedPeriod({
  nowMs,
  periodMs,
  previousMs,
  waiting,
  early = false,
}: PeriodState): Period | undefined {
  const leaves = waiting.toSorted(byEnd).slice(0, maxLeavesPerPeriod);
  const oldestMs = leaves[0]?.toMs;
  const now = Math.floor(nowMs);
  if (oldestMs === undefined || !(now >= 1 && now <= maxTimeMs)) return undefined;
  const beganMs = previousMs ?? oldestMs;
  // By a clock that was set back, it would be over when that has caught up; what was recorded meanwhile tells of the time.
  const isOver = now < beganMs ? recordedMs(waiting) >= periodMs : now - beganMs >= periodMs;
  if (!early && !isOver && waiting.length < maxLeavesPerPeriod) return undefined;
  const firstMs = previousMs ?? Math.min(oldestMs, now - 1);
  return { firstMs, lastMs: Math.max(now, firstMs + 1), leaves };
}

function byEnd(a: TreeLeaf, b: TreeLeaf): number {
  return a.toMs - b.toMs || (a.run < b.run ? -1 : 1);
}

/** How long the camera recorded that recorded most. Runs count their time on a clock that is never set. */
function recordedMs(runs: readonly TreeLeaf[]): number {
  const cameras = new Map<string, number>();
  for (const { directory, fromMs, toMs } of runs) {
    cameras.set(directory, (cameras.get(directory) ?? 0) + Math.max(0, toMs - fromMs));
  }
  return Math.max(0, ...cameras.values());
}
