/** Where in a recording a time may lie, by what is known of places before and behind it. A guess, and no more. */

export interface Knot {
  readonly offset: number;
  /** Milliseconds since the epoch; undefined where nobody knows. */
  readonly wallMs: number | undefined;
  /** Bytes a millisecond around here; 0 where nobody knows. */
  readonly bytesPerMs: number;
}

/** Steeper than so many times the line between two places, a cubic would run backwards. */
const steepest = 3;

/** Bytes a millisecond from one place to the other; 0 where it is not known. */
export function rateBetween(low: Knot, high: Knot): number {
  if (low.wallMs === undefined || high.wallMs === undefined || high.wallMs <= low.wallMs) return 0;
  return (high.offset - low.offset) / (high.wallMs - low.wallMs);
}

/**
 * The cubic through two places with the rates that were seen at them: where the bit rate swings over a day, a line is off by hours and
 * this by minutes. Where a rate was not seen, the curve is as little bent as the other one allows.
 */
export function offsetAt(low: Knot, high: Knot, wantedMs: number): number {
  const line = rateBetween(low, high);
  if (low.wallMs === undefined) return (low.offset + high.offset) / 2;
  const sinceMs = wantedMs - low.wallMs;
  if (high.wallMs === undefined || line === 0) {
    const near = low.offset + sinceMs * low.bytesPerMs;
    return low.bytesPerMs > 0 && near < high.offset ? near : (low.offset + high.offset) / 2;
  }
  const lengthMs = high.wallMs - low.wallMs;
  const [begin, end] = slopes(low.bytesPerMs / line, high.bytesPerMs / line);
  const t = sinceMs / lengthMs;
  const share = t * t * (3 - 2 * t) + t * (1 - t) * ((1 - t) * begin - t * end);
  return low.offset + share * (high.offset - low.offset);
}

/** Of both ends, as shares of the line's; 0 where it is not known. */
function slopes(begin: number, end: number): [begin: number, end: number] {
  const other = (known: number): number => Math.max(0, 2 - known);
  const most = (slope: number): number => Math.min(slope, steepest);
  if (begin === 0 && end === 0) return [1, 1];
  if (begin === 0) return [other(end), most(end)];
  if (end === 0) return [most(begin), other(begin)];
  return [most(begin), most(end)];
}
