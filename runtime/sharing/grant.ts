/** Which nodes of which runs a range takes. Pure: what opens a run, and who vouches for it, is the caller's. */
import { coverOf, type Header, maxPosition, maxSegments, type RunKeys } from '../encrocrypt/v3/index.ts';
import type { SharedRun } from './capability.ts';

/** What is known of a run before its secret is opened. */
export interface KnownRun {
  readonly header: Header;
  /** Just behind its last packet or final, as far as it is here: milliseconds since its start. */
  readonly lengthMs: number;
  /** It has its final: nothing will be added. */
  readonly isEnded: boolean;
}

/** Milliseconds since the run's start, the end excluded. */
export interface RunRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The part of a run that lies in a range of time, or `undefined` if none of it does.
 * @param range milliseconds since the epoch, the end excluded.
 */
export function overlapOf({ header, lengthMs }: KnownRun, range: RunRange): RunRange | undefined {
  const { startMs } = header.statement;
  const fromMs = Math.max(0, range.fromMs - startMs);
  const toMs = Math.min(range.toMs - startMs, lengthMs, maxPosition + 1);
  return toMs > fromMs ? { fromMs, toMs } : undefined;
}

/**
 * The nodes for a part of a run: those of the segments that share an instant with it. A group of pictures that began in
 * the segment before is not worth that segment's key: nobody could show it without what is before the range.
 * @param keys of the whole run.
 */
export function grantOf(run: KnownRun, { fromMs, toMs }: RunRange, keys: RunKeys): SharedRun {
  const { header, lengthMs, isEnded } = run;
  const [root] = keys.nodes;
  if (root?.depth !== 0) throw new TypeError('a part of a run cannot be shared by who was given a part');
  const { segmentMs } = keys;
  // Segments that will never be: with them a whole run is one node.
  const last = isEnded && toMs >= lengthMs ? maxSegments - 1 : Math.floor((toMs - 1) / segmentMs);
  return {
    ...{ runId: keys.runId, headerHash: header.hash, segmentMs, fromMs, toMs },
    nodes: coverOf(root, Math.floor(fromMs / segmentMs), last),
  };
}
