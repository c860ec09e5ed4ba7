/** Days of a calendar, as where the program runs they are: from midnight to midnight, with what lies in each. Pure. */
import { type Interval, merged, type State } from './interval.ts';

/** One day; or several in which the same stood still from beginning to end: nobody wants to see each of these. */
export interface Day {
  /** A midnight. */
  readonly startMs: number;
  /** A later one. */
  readonly endMs: number;
  readonly isOne: boolean;
  /** Cut at the midnights, in the order of time. */
  readonly intervals: readonly Interval[];
}

/** What may take any time at all, for nothing has to be there: a camera without a clock of its own begins in 1970. */
const quiet: readonly State[] = ['not recorded', 'missing', 'gap'];

/** Where the clocks are put forward by two hours. */
const shortestDayMs = 22 * 3_600_000;

/** @returns in the order of time; days of which nothing is told are left out */
export function daysOf(intervals: readonly Interval[]): Day[] {
  const neighbours = merged(intervals);
  const days = spansOf(neighbours).map((span) => ({ ...span, intervals: [] as Interval[] }));
  for (const interval of neighbours) {
    const { fromMs, toMs } = interval;
    for (let index = indexAt(days, fromMs); index < days.length; index++) {
      const day = days[index];
      if (!day || (day.startMs >= toMs && day.startMs > fromMs)) break;
      day.intervals.push({
        ...interval,
        fromMs: Math.max(fromMs, day.startMs),
        toMs: Math.min(toMs, day.endMs),
      });
    }
  }
  for (const day of days) day.intervals.sort((one, other) => one.fromMs - other.fromMs);
  return days;
}

type Span = Omit<Day, 'intervals'>;

function spansOf(intervals: readonly Interval[]): Span[] {
  const found = new Set<number>();
  for (const { state, fromMs, toMs } of intervals) {
    const [first, last] = [midnightBefore(fromMs), midnightBefore(Math.max(fromMs, toMs - 1))];
    found.add(first).add(last);
    if (quiet.includes(state)) continue;
    for (let startMs = first; startMs < last; startMs = midnightAfter(startMs)) found.add(startMs);
  }
  const starts = [...found].sort((one, other) => one - other);
  const longest = intervals.filter(
    ({ state, fromMs, toMs }) => quiet.includes(state) && toMs - fromMs > shortestDayMs,
  );
  return starts.flatMap((startMs, index): Span[] => {
    const endMs = midnightAfter(startMs);
    const day = { startMs, endMs, isOne: true };
    const nextMs = starts[index + 1];
    const isQuiet =
      nextMs !== undefined &&
      nextMs > endMs &&
      longest.some(({ fromMs, toMs }) => fromMs < endMs && toMs > nextMs);
    if (!isQuiet) return [day];
    return [day, { startMs: endMs, endMs: nextMs, isOne: midnightAfter(endMs) === nextMs }];
  });
}

/** Of the day that a time is in: all times are in one. */
function indexAt(days: readonly Span[], timeMs: number): number {
  let [low, high] = [0, days.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((days[middle]?.endMs ?? 0) > timeMs) high = middle;
    else low = middle + 1;
  }
  return low;
}

function midnightBefore(timeMs: number): number {
  const date = new Date(timeMs);
  date.setHours(0, 0, 0, 0);
  return date.getTime();
}

/** A day has 23 to 25 hours. */
function midnightAfter(midnightMs: number): number {
  return midnightBefore(midnightMs + 36 * 3_600_000);
}
