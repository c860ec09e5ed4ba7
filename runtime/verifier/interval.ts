/** What a camera's days are made of. */
import type { Stretch } from '../encrocrypt/v3/index.ts';

export type State =
  | Stretch['verdict']
  | 'being recorded'
  | 'locked'
  | 'not authentic'
  | 'gap'
  | 'not recorded';

/** Milliseconds since the epoch, by the camera's clock. */
export interface Interval {
  readonly state: State;
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause?: string;
  readonly file?: string;
  /** It was recorded while the camera was locked, which vouched for it then: milliseconds since the epoch, by its clock. */
  readonly certifiedMs?: number;
}

/** Neighbours of one state and cause as one: a day is a few lines, not one for each file. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const interval of intervals) {
    const last = result.at(-1);
    const isSame =
      last?.state === interval.state && last.cause === interval.cause && last.toMs === interval.fromMs;
    if (last && isSame) result[result.length - 1] = { ...last, toMs: interval.toMs };
    else result.push(interval);
  }
  return result;
}
