/** Whether a camera is recording a run right now. Pure. */
import { localTime } from '../log.ts';
import { type CheckedRun, startOf, timeIn } from './checked-run.ts';
import type { Interval } from './interval.ts';

/**
 * Checkpoint intervals after the last one that is here in which a run may still be on its way: a minute, as the recorder makes them. On a drive
 * it is some seconds behind.
 */
const maxIntervals = 12;

/**
 * Of a camera's newest run, what it has of the time behind its last checkpoint. Whoever cuts its end and stops the camera is not told from a
 * camera that records for so long, and no longer.
 * @param nowMs when its file was read, by the clock of whoever checks; milliseconds since the epoch
 * @returns undefined if it is over, or if something else follows than what no checkpoint can vouch for yet
 */
export function liveEnd(run: CheckedRun, nowMs: number): Interval | undefined {
  if (run.voucher !== 'signed' || run.ended !== undefined) return undefined;
  const limitMs = maxIntervals * run.header.statement.checkpointMs;
  const tail = run.stretches.findLast(({ verdict }) => verdict === 'unfinished');
  const signed = run.stretches.filter((stretch) => stretch !== tail);
  const last = signed.at(-1);
  const isVouched = signed.every(({ verdict }) => verdict !== 'unfinished');
  if (!isVouched || (last && last.verdict !== 'intact')) return undefined;
  if (tail && tail !== run.stretches.at(-1)) return undefined;
  const fromMs = last ? timeIn(run, last.toMs) : startOf(run);
  const toMs = tail ? Math.max(fromMs, timeIn(run, tail.toMs)) : fromMs;
  // The times of what follows are nobody's word.
  if (Math.abs(nowMs - fromMs) > limitMs || toMs > nowMs + limitMs) return undefined;
  const cause = `vouched for up to ${localTime(new Date(fromMs)).slice(11, 19)}`;
  return { state: 'being recorded', fromMs, toMs, cause, file: run.file };
}
