/** Which of the shared runs are not here, and when they were. Pure. */
import { localTime } from '../log.ts';
import type { Capability } from './capability.ts';
import type { RunRange } from './grant.ts';

/** By less than this a camera sets its wall clock without ending a run, and runs that follow each other overlap. */
const toleranceMs = 1000;

export interface AbsentPart {
  /** Milliseconds since the epoch between which it lies, the end excluded; a share does not name its runs' starts. */
  readonly between: RunRange;
  /** Of what was shared of the run. */
  readonly lengthMs: number;
}

/** For people. */
export function absentText({ between: { fromMs, toMs }, lengthMs }: AbsentPart): string {
  const [from, to] = [fromMs, toMs].map((timeMs) => localTime(new Date(timeMs)));
  return toMs - fromMs < lengthMs + toleranceMs
    ? `not here: a run from ${from} to ${to}`
    : `not here: a run of ${Math.ceil(lengthMs / 1000)} s, between ${from} and ${to}`;
}

/**
 * @param starts of the runs that are here, by the hash of their headers in hexadecimal digits: milliseconds since the epoch.
 * @param wanted milliseconds since the epoch: what surely lies beside it was not looked for.
 */
export function absentParts(
  capability: Capability,
  starts: ReadonlyMap<string, number>,
  wanted: RunRange,
): AbsentPart[] {
  const isAllWanted = wanted.fromMs <= capability.fromMs && wanted.toMs >= capability.toMs;
  const parts = capability.runs.map(({ headerHash, fromMs, toMs }) => {
    const lengthMs = toMs - fromMs;
    const startMs = starts.get(headerHash.toString('hex'));
    const here = startMs === undefined ? undefined : { fromMs: startMs + fromMs, toMs: startMs + toMs };
    // A run that began before the range is shared from the range's begin on.
    const exact = fromMs > 0 ? { fromMs: capability.fromMs, toMs: capability.fromMs + lengthMs } : undefined;
    return { lengthMs, isHere: here !== undefined, place: here ?? exact };
  });
  // Runs come in the order of time: each lies behind those before it, and before those behind it.
  const [earliest, latest]: [number[], number[]] = [[], []];
  let edge = capability.fromMs;
  for (const [index, { lengthMs, place }] of parts.entries()) {
    earliest[index] = place?.fromMs ?? edge;
    edge = (place?.fromMs ?? edge) + lengthMs;
  }
  edge = capability.toMs;
  for (const [index, { lengthMs, place }] of [...parts.entries()].reverse()) {
    latest[index] = place?.toMs ?? edge;
    edge = (place?.toMs ?? edge) - lengthMs;
  }
  return parts.flatMap(({ lengthMs, isHere }, index) => {
    if (isHere) return [];
    const [fromMs, toMs] = [earliest[index] ?? 0, latest[index] ?? 0];
    // Where the clock was set back, the others tell nothing of it.
    const between =
      toMs - fromMs < lengthMs - toleranceMs
        ? { fromMs: capability.fromMs, toMs: capability.toMs }
        : { fromMs, toMs: Math.max(fromMs, toMs) };
    const isWanted = isAllWanted || (between.fromMs < wanted.toMs && between.toMs > wanted.fromMs);
    return isWanted ? [{ between, lengthMs }] : [];
  });
}
