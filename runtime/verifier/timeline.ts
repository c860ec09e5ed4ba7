/**
 * From what each file says to what a camera's days look like: runs in their order, what lies between them, and whether each
 * names the end of the one before. Pure.
 */
import type { EndReason, Header, Stretch } from '../encrocrypt/v3/index.ts';
import { localTime } from '../log.ts';
import { causeBetween, endedForItsClock } from './between-runs.ts';

/** The camera vouched for a run afterwards: it was recorded while locked. */
export interface Certification {
  /** When, by the camera's clock: milliseconds since the epoch. */
  readonly atMs: number;
  /** Up to when, in milliseconds since the run's start. `undefined`: what the camera certified is not here. */
  readonly toMs: number | undefined;
}

/** Who vouches for a run. */
export type Voucher =
  /** The camera, when it began. */
  | 'signed'
  | Certification
  /** Nobody yet: recorded while locked. */
  | 'locked'
  /** Somebody else than the camera that is trusted. */
  | 'not authentic';

/** What the camera said of time without video. */
export interface NotedGap {
  /** Milliseconds since the run's start; less than 0 for time before it. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause: string;
}

export interface CheckedRun {
  readonly file: string;
  readonly header: Header;
  readonly voucher: Voucher;
  readonly stretches: readonly Stretch[];
  readonly gaps: readonly NotedGap[];
  /** `undefined`: it has no end. */
  readonly ended: EndReason | undefined;
  /** Of its last checkpoint or final. */
  readonly link: Buffer;
}

export type State = Stretch['verdict'] | 'locked' | 'not authentic' | 'gap' | 'not recorded';

/** Milliseconds since the epoch, by the camera's clock. */
export interface Interval {
  readonly state: State;
  readonly fromMs: number;
  readonly toMs: number;
  readonly cause?: string;
  readonly file?: string;
}

export interface Timeline {
  readonly intervals: readonly Interval[];
  /** What no interval can show: runs that stand twice, clocks that went back. */
  readonly problems: readonly string[];
}

/** Between the last packet of a run and the first of the next there is always some time; less than one picture's is no gap. */
const leastGapMs = 100;

/** @param runs of one camera, in any order. */
export function timelineOf(runs: readonly CheckedRun[]): Timeline {
  const intervals: Interval[] = [];
  const problems: string[] = [];
  const ordered = [...runs].sort((one, other) => startOf(one) - startOf(other));
  const seen = new Map<string, CheckedRun>();
  const chain = new Chain();
  for (const run of ordered) {
    // By what the run says of itself: a stranger can give his run the id of another one.
    const hash = run.header.hash.toString('hex');
    const twin = seen.get(hash);
    if (twin) {
      problems.push(`${run.file} holds a run that is in ${twin.file} as well`);
      continue;
    }
    seen.set(hash, run);
    // What a stranger made follows nothing, and nothing follows it.
    if (run.voucher !== 'not authentic') {
      const { between, problem } = chain.add(run);
      if (between) intervals.push(between);
      if (problem !== undefined) problems.push(problem);
    }
    intervals.push(...intervalsOf(run));
  }
  const end = chain.openEnd();
  return { intervals: end ? [...intervals, end] : intervals, problems };
}

/** Whether all that was recorded is there, and vouched for. A gap that the camera told of is no fault of the recording. */
export function isWhole({ intervals, problems }: Timeline): boolean {
  const fine: readonly State[] = ['intact', 'gap', 'not recorded'];
  return problems.length === 0 && intervals.every(({ state }) => fine.includes(state));
}

/** By less than this a camera sets its wall clock back without a word; its runs count on a clock that is never set. */
const clockToleranceMs = 1000;

/** Runs in the order of time, and whether each names the end of the one before. */
class Chain {
  readonly #byId = new Map<string, CheckedRun>();
  readonly #followed = new Set<CheckedRun>();
  #last: CheckedRun | undefined;

  add(run: CheckedRun): { between: Interval | undefined; problem: string | undefined } {
    const last = this.#last;
    const between = last && this.#between(last, run);
    const problem = last && this.#problem(last, run);
    const named = this.#named(run);
    if (named) this.#followed.add(named);
    this.#byId.set(run.header.statement.runId.toString('hex'), run);
    this.#last = run;
    return { between, problem };
  }

  /** The newest run, where it has no end: nothing behind it says that it was longer. */
  openEnd(): Interval | undefined {
    const last = this.#last;
    if (!last || last.ended !== undefined) return undefined;
    const cause = 'without an end: it is being recorded, the power was lost, or its end was cut off';
    return { state: 'unfinished', fromMs: endOf(last), toMs: endOf(last), cause, file: last.file };
  }

  #named({ header }: CheckedRun): CheckedRun | undefined {
    const { previous } = header.statement;
    return previous && this.#byId.get(previous.runId.toString('hex'));
  }

  #between(last: CheckedRun, run: CheckedRun): Interval | undefined {
    const [fromMs, toMs] = [endOf(last), Math.max(endOf(last), startOf(run))];
    const { previous } = run.header.statement;
    const missing = (cause: string): Interval => ({ state: 'missing', fromMs, toMs, cause });
    if (previous === undefined)
      return missing('the camera began anew here, and does not know what was before');
    const named = this.#named(run);
    if (!named) return missing('the recording before this one is not here');
    if (!previous.link.equals(named.link)) return missing('the end of the recording before is not here');
    return named === last && toMs - fromMs >= leastGapMs
      ? { state: 'not recorded', fromMs, toMs, cause: causeBetween(last, run, toMs - fromMs) }
      : undefined;
  }

  #problem(last: CheckedRun, run: CheckedRun): string | undefined {
    if (startOf(run) + clockToleranceMs < endOf(last) && !endedForItsClock(last, run)) {
      return `${run.file} begins before ${last.file} ends: the camera's clock was set back, or is another's`;
    }
    const named = this.#named(run);
    if (named && this.#followed.has(named))
      return `${run.file} is not the only one that follows ${named.file}`;
    return undefined;
  }
}

function intervalsOf(run: CheckedRun): Interval[] {
  const startMs = startOf(run);
  return run.stretches.flatMap((stretch) =>
    cutAtCertificate(stretch, run.voucher).flatMap(({ verdict, fromMs, toMs }) => {
      const whole: Interval = {
        ...judged(verdict, toMs, run.voucher),
        ...{ fromMs: startMs + fromMs, toMs: startMs + toMs, file: run.file },
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
): Pick<Interval, 'state' | 'cause'> {
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
    ? { state: 'intact', cause: `recorded while locked, certified at ${when}` }
    : { state: 'not authentic', cause: `behind what the camera certified at ${when}` };
}

/** Cuts the gaps that the camera told of out of a stretch. */
function withGaps(whole: Interval, { header, gaps, file }: CheckedRun): Interval[] {
  const startMs = header.statement.startMs;
  const parts: Interval[] = [];
  let position = whole.fromMs;
  for (const { fromMs, toMs, cause } of [...gaps].sort((one, other) => one.fromMs - other.fromMs)) {
    const from = Math.max(position, startMs + fromMs);
    const to = Math.min(whole.toMs, startMs + toMs);
    if (to <= from) continue;
    if (from > position) parts.push({ ...whole, fromMs: position, toMs: from });
    parts.push({ state: 'gap', fromMs: from, toMs: to, cause, file });
    position = to;
  }
  if (position < whole.toMs || parts.length === 0) parts.push({ ...whole, fromMs: position });
  return parts;
}

function startOf({ header }: CheckedRun): number {
  return header.statement.startMs;
}

function endOf(run: CheckedRun): number {
  return startOf(run) + Math.max(0, ...run.stretches.map(({ toMs }) => toMs));
}
