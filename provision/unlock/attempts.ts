/** How wrong passphrases slow down the next one: never for the first slip, and never for longer than half a minute. */

const longestPauseMs = 30_000;

/** Pause after the `wrongAttempts`-th wrong passphrase: 0, 1, 2, 4, 8, 16, 30, 30 … seconds. */
export function pauseAfterMs(wrongAttempts: number): number {
  if (wrongAttempts < 2) return 0;
  return Math.min(2 ** Math.min(wrongAttempts - 2, 10) * 1000, longestPauseMs);
}
