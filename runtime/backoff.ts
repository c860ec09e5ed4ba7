/**
 * Growing pauses between attempts: each twice as long as the one before, up to a bound, spread at random so that
 * cameras which lost the same server do not come back in step. Computes only; waiting is the caller's.
 */
export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Share of a pause that is left to chance, 0 to 1. A pause is never longer than without it. */
  readonly jitter?: number;
  /**
   * An attempt that went well for this long starts the pauses over; 0: any success does. It keeps something
   * that starts and dies at once from being started over and over without a pause.
   */
  readonly stableMs?: number;
  readonly random?: () => number;
  readonly now?: () => number;
}

export interface Backoff {
  /** Something failed: how long to wait before the next attempt, in milliseconds. */
  failed(): number;
  /** Something worked. Call it when it began to; the time until `failed` counts as working. */
  succeeded(): void;
}

const defaultJitter = 0.3;

export function createBackoff(options: BackoffOptions): Backoff {
  const { firstMs, maxMs, jitter = defaultJitter, stableMs = 0, random = Math.random } = options;
  const now = options.now ?? Date.now;
  let failures = 0;
  let workingSinceMs: number | undefined;
  return {
    failed() {
      if (workingSinceMs !== undefined && now() - workingSinceMs >= stableMs) failures = 0;
      workingSinceMs = undefined;
      const pauseMs = backoffMs(failures, firstMs, maxMs);
      failures += 1;
      return Math.round(pauseMs * (1 - jitter * random()));
    },
    succeeded() {
      workingSinceMs ??= now();
    },
  };
}

/** The pause after `failures` earlier failures in a row, before jitter. */
export function backoffMs(failures: number, firstMs: number, maxMs: number): number {
  // 2 ** 1024 is Infinity, and the smaller of it and the bound is still the bound.
  return Math.min(firstMs * 2 ** failures, maxMs);
}
