/** The gaps that a camera tells of in one run, each once. Pure. */
import type { NotedGap } from './checked-run.ts';

/** A note's time is moved behind what was written before it, on a slow disk by a while. */
const sameBeginningMs = 1000;

/**
 * Adds the gap of a note, in the order of the run: a gap that lasts is told again and again, each time from its beginning, and
 * counts as the last note has it.
 */
export function addGap(gaps: NotedGap[], gap: NotedGap): void {
  const last = gaps.at(-1);
  const isToldAgain =
    last !== undefined &&
    gap.fromMs < last.toMs &&
    gap.toMs >= last.toMs &&
    Math.abs(gap.fromMs - last.fromMs) < sameBeginningMs;
  if (isToldAgain) gaps[gaps.length - 1] = { ...gap, fromMs: Math.min(gap.fromMs, last.fromMs) };
  else gaps.push(gap);
}
