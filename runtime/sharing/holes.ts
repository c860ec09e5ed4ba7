/** Time within a range of which there is no video: what is missing, what the camera did not record, and why. Pure. */
import { localTime, printable } from '../log.ts';
import { type CheckedRun, type Interval, timelineOf } from '../verifier/timeline.ts';
import type { RunRange } from './grant.ts';

export interface Hole {
  /**
   * `missing`: the camera recorded it, or somebody would have to show that it did not. `gap`, `not recorded`: by its own word
   * it did not record then. `not here`: nothing beside it tells whether it did.
   */
  readonly state: 'missing' | 'gap' | 'not recorded' | 'not here';
  /** Milliseconds since the epoch, the end excluded. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause: string;
}

export interface Holes {
  /** In the order of time. */
  readonly holes: readonly Hole[];
  /** What has no time of its own: a clock that was set back, a run that stands twice. */
  readonly problems: readonly string[];
}

/** Less than one picture's time is no hole. */
const leastHoleMs = 100;

/**
 * @param runs of the range, and of the recordings beside it where the range reaches beyond them.
 * @param range milliseconds since the epoch, the end excluded.
 */
export function holesIn(runs: readonly CheckedRun[], range: RunRange): Holes {
  const { intervals, problems } = timelineOf(runs);
  const between = intervals.filter(isHole).flatMap((interval) => clipped(interval, range));
  return { holes: [...before(runs, range), ...between, ...behind(intervals, runs, range)], problems };
}

/** Whether the range begins before, or ends behind, all that these runs tell of. */
export function reachesBeyond(
  runs: readonly CheckedRun[],
  range: RunRange,
): { readonly before: boolean; readonly behind: boolean } {
  const { fromMs, toMs } = extentOf(runs);
  return { before: range.fromMs + leastHoleMs <= fromMs, behind: toMs + leastHoleMs <= range.toMs };
}

/** A line for people. */
export function holeText({ state, fromMs, toMs, cause }: Hole): string {
  const [from, to] = [fromMs, toMs].map((timeMs) => localTime(new Date(timeMs)));
  return `${from} to ${to}  ${state}: ${printable(cause)}`;
}

type HoleInterval = Interval & { readonly state: 'missing' | 'gap' | 'not recorded' };

/** What lies between runs, and what the camera noted in one. What is missing within a run is told with that. */
function isHole(interval: Interval): interval is HoleInterval {
  const { state, file } = interval;
  return state === 'gap' || state === 'not recorded' || (state === 'missing' && file === undefined);
}

function clipped({ state, cause = 'not told', ...interval }: HoleInterval, range: RunRange): Hole[] {
  const [fromMs, toMs] = [Math.max(interval.fromMs, range.fromMs), Math.min(interval.toMs, range.toMs)];
  // An end that was cut off may leave no time between two runs, and is missing all the same.
  const isMoment = interval.fromMs === interval.toMs && range.fromMs < fromMs && fromMs < range.toMs;
  return fromMs < toMs || isMoment ? [{ state, fromMs, toMs, cause }] : [];
}

function before(runs: readonly CheckedRun[], range: RunRange): Hole[] {
  if (!reachesBeyond(runs, range).before) return [];
  const toMs = Math.min(extentOf(runs).fromMs, range.toMs);
  const cause = 'it is before the first recording that is here';
  return [{ state: 'not here', fromMs: range.fromMs, toMs, cause }];
}

function behind(intervals: readonly Interval[], runs: readonly CheckedRun[], range: RunRange): Hole[] {
  if (!reachesBeyond(runs, range).behind) return [];
  const fromMs = Math.max(extentOf(runs).toMs, range.fromMs);
  const open = intervals.findLast(({ state, cause }) => state === 'unfinished' && cause !== undefined);
  const why = open?.toMs === fromMs ? `, and that is ${open.cause}` : '';
  const cause = `it is behind the last recording that is here${why}`;
  return [{ state: 'not here', fromMs, toMs: range.toMs, cause }];
}

/** From the first run's start to the last one's end. What a stranger made is no recording. */
function extentOf(runs: readonly CheckedRun[]): RunRange {
  const extents = runs
    .filter(({ voucher }) => voucher !== 'not authentic')
    .map(({ header: { statement }, stretches }) => ({
      fromMs: statement.startMs,
      toMs: statement.startMs + Math.max(0, ...stretches.map(({ toMs }) => toMs)),
    }));
  return {
    fromMs: Math.min(...extents.map(({ fromMs }) => fromMs)),
    toMs: Math.max(...extents.map(({ toMs }) => toMs)),
  };
}
