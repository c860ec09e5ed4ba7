/** Whether each run of a camera names the end of the one before, and what lies between the two. Pure. */
import { causeBetween, endedForItsClock } from './between-runs.ts';
import { type CheckedRun, endOf, isVouched, startOf } from './checked-run.ts';
import type { Interval } from './interval.ts';

/** Between the last packet of a run and the first of the next there is always some time; less than one picture's is no gap. */
const leastGapMs = 100;

/** By less than this a camera sets its wall clock back without a word; its runs count on a clock that is never set. */
const clockToleranceMs = 1000;

/**
 * The runs that others may follow, and that stand for time between them: those that the camera vouches for, and those whose end one of
 * these names, directly or through another one. Anybody can make a run that nobody signed, and have it name whatever he likes.
 */
export function chainedAmong(runs: readonly CheckedRun[]): Set<CheckedRun> {
  const chained = new Set(runs.filter(isVouched));
  const locked = new Map(
    runs
      .filter(({ voucher }) => voucher === 'locked')
      .map((run) => [endName({ runId: run.header.statement.runId, link: run.link }), run]),
  );
  for (const { header } of chained) {
    const { previous } = header.statement;
    const named = previous && locked.get(endName(previous));
    // What is added here is looked at as well: that is what a Set's iteration does.
    if (named) chained.add(named);
  }
  return chained;
}

/** What runs that the camera vouches for name as the ends of those before them. */
export function endsNamedBy(runs: readonly CheckedRun[]): Set<string> {
  return new Set(
    runs.filter(isVouched).flatMap(({ header: { statement } }) => {
      return statement.previous ? [endName(statement.previous)] : [];
    }),
  );
}

export function endName({ runId, link }: { readonly runId: Buffer; readonly link: Buffer }): string {
  return `${runId.toString('hex')} ${link.toString('hex')}`;
}

/** Runs in the order of time, and whether each names the end of the one before. */
export class RunChain {
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
