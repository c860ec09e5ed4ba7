/** Pauses between attempts that fail: 1 s, doubling to 30 s; from the beginning again after a healthy minute. */
export const firstPauseMs = 1000;
export const longestPauseMs = 30_000;
export const healthyMs = 60_000;

/**
 * @param previousMs the pause before the attempt that has failed now, or `undefined` for the first failure.
 * @param healthyForMs how long that attempt delivered before it failed.
 */
export function nextPauseMs(previousMs: number | undefined, healthyForMs: number): number {
  if (previousMs === undefined || healthyForMs >= healthyMs) return firstPauseMs;
  return Math.min(previousMs * 2, longestPauseMs);
}
