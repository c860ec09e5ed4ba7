/**
 * From what each file says to what a camera's days look like: runs in their order, what lies between them, and whether each
 * names the end of the one before. Pure.
 */
import type { Stretch } from '../encrocrypt/v3/index.ts';
import { localTime } from '../log.ts';
import { type CheckedRun, startOf, timeIn, type Voucher } from './checked-run.ts';
import type { Interval, State } from './interval.ts';
import { liveEnd } from './live-run.ts';
import { chainedAmong, endName, endsNamedBy, RunChain } from './run-chain.ts';
import { combined } from './twins.ts';

export type { Certification, CheckedRun, NotedGap, Voucher } from './checked-run.ts';
export type { Interval, State } from './interval.ts';

export interface Timeline {
  readonly intervals: readonly Interval[];
  /** What no interval can show: runs that stand twice, clocks that went back. */
  readonly problems: readonly string[];
  /** The file that is being recorded right now. */
  readonly recordedIn?: string;
}

/**
 * @param runs of one camera, in any order.
 * @param nowMs when they were read, by the clock of whoever checks. Without it nothing is being recorded.
 */
export function timelineOf(runs: readonly CheckedRun[], nowMs?: number): Timeline {
  const intervals: Interval[] = [];
  const problems = copiesAmong(runs);
  const each = onceEach(runs);
  const ordered = each.toSorted((one, other) => startOf(one) - startOf(other));
  const chained = chainedAmong(each);
  const newest = ordered.findLast((run) => chained.has(run));
  const live = newest && nowMs !== undefined ? liveEnd(newest, nowMs) : undefined;
  const chain = new RunChain();
  for (const run of ordered) {
    // What anybody may have made follows nothing, and nothing follows it.
    if (chained.has(run)) {
      const { between, problem } = chain.add(run);
      if (between) intervals.push(between);
      if (problem !== undefined) problems.push(problem);
    }
    for (const interval of intervalsOf(run)) {
      if (run !== newest || !live || interval.state !== 'unfinished') intervals.push(interval);
    }
  }
  const end = live ?? chain.openEnd();
  return {
    intervals: end ? [...intervals, end] : intervals,
    ...{ problems, ...(live && newest ? { recordedIn: newest.file } : {}) },
  };
}

/** Each run as all places say together in which it stands: by its header, for a stranger can give his run the id of another one. */
export function onceEach(runs: readonly CheckedRun[]): CheckedRun[] {
  const ends = endsNamedBy(runs);
  return [...byHeader(runs).values()].map((twins) =>
    combined(twins, (link) => ends.has(endName({ runId: twins[0].header.statement.runId, link }))),
  );
}

/** Which files hold runs that are in others as well. */
function copiesAmong(runs: readonly CheckedRun[]): string[] {
  const counts = new Map<string, { copy: string; original: string; runs: number }>();
  for (const twins of byHeader(runs).values()) {
    const { file: original } = combined(twins);
    for (const copy of new Set(twins.map(({ file }) => file))) {
      if (copy === original) continue;
      const pair = JSON.stringify([copy, original]);
      counts.set(pair, { copy, original, runs: (counts.get(pair)?.runs ?? 0) + 1 });
    }
  }
  return [...counts.values()].map(
    ({ copy, original, runs: count }) =>
      `${copy} holds ${count === 1 ? 'a run that is' : `${count} runs that are`} in ${original} as well`,
  );
}

function byHeader(runs: readonly CheckedRun[]): Map<string, [CheckedRun, ...CheckedRun[]]> {
  const groups = new Map<string, [CheckedRun, ...CheckedRun[]]>();
  for (const run of runs) {
    const hash = run.header.hash.toString('hex');
    const group = groups.get(hash);
    if (group) group.push(run);
    else groups.set(hash, [run]);
  }
  return groups;
}

/** Whether all that was recorded is there, and vouched for. A gap that the camera told of is no fault of the recording. */
export function isWhole({ intervals, problems }: Timeline): boolean {
  const fine: readonly State[] = ['intact', 'gap', 'not recorded', 'being recorded'];
  return problems.length === 0 && intervals.every(({ state }) => fine.includes(state));
}

function intervalsOf(run: CheckedRun): Interval[] {
  // Nothing was recorded in it, and it is told all the same: that it is there says something, which nobody vouches for.
  if (run.stretches.length === 0 && run.voucher !== 'signed') {
    const empty = judged('intact', 0, run.voucher);
    return empty.state === 'intact'
      ? []
      : [{ ...empty, fromMs: startOf(run), toMs: startOf(run), file: run.file }];
  }
  return run.stretches.flatMap((stretch) =>
    cutAtCertificate(stretch, run.voucher).flatMap(({ verdict, fromMs, toMs }) => {
      const whole: Interval = {
        ...judged(verdict, toMs, run.voucher),
        ...{ fromMs: timeIn(run, fromMs), toMs: timeIn(run, toMs), file: run.file },
      };
      return whole.state === 'intact' ? withGaps(whole, run) : [whole];
    }),
  );
}

/** In two, where a certificate ends within it. */
function cutAtCertificate(stretch: Stretch, voucher: Voucher): Stretch[] {
  const toMs = typeof voucher === 'object' ? voucher.toMs : undefined;
  if (toMs === undefined || toMs <= stretch.fromMs || toMs >= stretch.toMs) return [stretch];
  return [
    { ...stretch, toMs },
    { ...stretch, fromMs: toMs },
  ];
}

function judged(
  verdict: Stretch['verdict'],
  toMs: number,
  voucher: Voucher,
): Pick<Interval, 'state' | 'cause' | 'certifiedMs'> {
  if (voucher === 'not authentic') return { state: 'not authentic' };
  if (verdict !== 'intact' || voucher === 'signed') return { state: verdict };
  if (voucher === 'locked') {
    return { state: 'locked', cause: 'recorded while locked; the camera has not certified it' };
  }
  const at = localTime(new Date(voucher.atMs));
  const when = `${at.slice(0, 19)} ${at.slice(24)}`;
  if (voucher.toMs === undefined) {
    return {
      state: 'locked',
      cause: `recorded while locked; the end that was certified at ${when} is not here`,
    };
  }
  return toMs <= voucher.toMs
    ? {
        state: 'intact',
        cause: `recorded while locked, certified at ${when}`,
        certifiedMs: voucher.atMs,
      }
    : { state: 'not authentic', cause: `behind what the camera certified at ${when}` };
}

/** Cuts the gaps that the camera told of out of a stretch. */
function withGaps(whole: Interval, run: CheckedRun): Interval[] {
  const { gaps, file } = run;
  const parts: Interval[] = [];
  let position = whole.fromMs;
  for (const { fromMs, toMs, cause } of [...gaps].sort((one, other) => one.fromMs - other.fromMs)) {
    const from = Math.max(position, timeIn(run, fromMs));
    const to = Math.min(whole.toMs, timeIn(run, toMs));
    if (to <= from) continue;
    if (from > position) parts.push({ ...whole, fromMs: position, toMs: from });
    parts.push({ state: 'gap', fromMs: from, toMs: to, cause, file });
    position = to;
  }
  if (position < whole.toMs || parts.length === 0) parts.push({ ...whole, fromMs: position });
  return parts;
}
