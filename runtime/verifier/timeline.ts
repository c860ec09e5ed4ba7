/**
 * From what each file says to what a camera's days look like: runs in their order, what lies between them, and whether each
 * names the end of the one before. Pure.
 */
import type { EndReason, Header, Stretch } from '../encrocrypt/v3/index.ts';

/** Who vouches for a run. */
export type Voucher =
  /** The camera, when it began. */
  | 'signed'
  /** The camera, afterwards: it was recorded while locked. */
  | 'certified'
  /** Nobody yet: recorded while locked. */
  | 'locked'
  /** Somebody else than the camera that is trusted. */
  | 'not authentic';

/** What the camera said of time without video. */
export interface NotedGap {
  /** Milliseconds since the run's start. */
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

/** @param runs of one camera, in any order. */
export function timelineOf(runs: readonly CheckedRun[]): Timeline {
  const intervals: Interval[] = [];
  const problems: string[] = [];
  const ordered = [...runs].sort((one, other) => startOf(one) - startOf(other));
  const byId = new Map<string, CheckedRun>();
  let last: CheckedRun | undefined;
  for (const run of ordered) {
    const id = idOf(run);
    const twin = byId.get(id);
    if (twin) {
      problems.push(`${run.file} holds a run that is in ${twin.file} as well`);
      continue;
    }
    byId.set(id, run);
    if (last) {
      const between = betweenRuns(last, run, byId);
      if (between) intervals.push(between);
      if (startOf(run) < endOf(last)) {
        problems.push(
          `${run.file} begins before ${last.file} ends: the camera's clock was set back, or is another's`,
        );
      }
    }
    intervals.push(...intervalsOf(run));
    last = run;
  }
  return { intervals, problems };
}

/** Whether all that was recorded is there, and vouched for. A gap that the camera told of is no fault of the recording. */
export function isWhole({ intervals, problems }: Timeline): boolean {
  const fine: readonly State[] = ['intact', 'gap', 'not recorded'];
  return problems.length === 0 && intervals.every(({ state }) => fine.includes(state));
}

function betweenRuns(
  before: CheckedRun,
  run: CheckedRun,
  byId: ReadonlyMap<string, CheckedRun>,
): Interval | undefined {
  const [fromMs, toMs] = [endOf(before), Math.max(endOf(before), startOf(run))];
  const { previous } = run.header.statement;
  if (previous === undefined) {
    return {
      state: 'missing',
      fromMs,
      toMs,
      cause: 'the camera began anew here, and does not know what was before',
    };
  }
  const named = byId.get(previous.runId.toString('hex'));
  if (named !== before) {
    return { state: 'missing', fromMs, toMs, cause: 'the recording before this one is not here' };
  }
  if (!previous.link.equals(before.link)) {
    return { state: 'missing', fromMs, toMs, cause: 'the end of the recording before is not here' };
  }
  return toMs > fromMs ? { state: 'not recorded', fromMs, toMs, cause: causeBetween(before) } : undefined;
}

function causeBetween({ ended }: CheckedRun): string {
  switch (ended) {
    case undefined:
      return 'the power was lost, or the recorder was killed';
    case 'stop':
      return 'the recorder was stopped';
    case 'clock':
      return 'the clock was set';
    default:
      return 'change to the next recording';
  }
}

function intervalsOf(run: CheckedRun): Interval[] {
  const startMs = startOf(run);
  return run.stretches.flatMap((stretch) => {
    const state = stateOf(stretch, run.voucher);
    const whole: Interval = {
      ...{ state, fromMs: startMs + stretch.fromMs, toMs: startMs + stretch.toMs, file: run.file },
      ...(state === 'locked' ? { cause: 'recorded while locked; the camera has not certified it' } : {}),
    };
    return state === 'intact' ? withGaps(whole, run) : [whole];
  });
}

function stateOf({ verdict }: Stretch, voucher: Voucher): State {
  if (voucher === 'not authentic') return 'not authentic';
  return verdict === 'intact' && voucher === 'locked' ? 'locked' : verdict;
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

function idOf({ header }: CheckedRun): string {
  return header.statement.runId.toString('hex');
}
