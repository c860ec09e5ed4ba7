/** One run that stands in several places, whole or in parts: what they say together. Pure. */
import type { Stretch } from '../encrocrypt/v3/index.ts';
import type { CheckedRun, Voucher } from './checked-run.ts';

/** Anybody can copy a header any number of times; of those that have least nothing more is taken. */
const maxTwins = 16;

/**
 * Each stretch that is intact anywhere is here: a checkpoint vouches for it wherever it stands. All the others are as in the one that has
 * most intact time.
 * @param twins of one header, at least one, in any order
 * @param isNamed whether a later run names this as the end of the run
 */
export function combined(
  twins: readonly [CheckedRun, ...CheckedRun[]],
  isNamed: (link: Buffer) => boolean = () => false,
): CheckedRun {
  if (twins.length === 1) return twins[0];
  const intactMs = new Map(twins.map((twin) => [twin, intactMsOf(twin)]));
  const ranked = twins
    .toSorted((one, other) => (intactMs.get(other) ?? 0) - (intactMs.get(one) ?? 0))
    .slice(0, maxTwins);
  const best = ranked[0] ?? twins[0];
  const last =
    ranked.find(({ link }) => isNamed(link)) ??
    ranked.find(({ ended }) => ended !== undefined) ??
    ranked.reduce((one, other) => (intactToMs(other) > intactToMs(one) ? other : one), best);
  return {
    ...{ file: best.file, header: best.header, link: last.link, ended: last.ended },
    voucher: twins.map(({ voucher }) => voucher).reduce(better),
    stretches: ranked.map(({ stretches }) => stretches).reduce(overlaid),
    gaps: ranked.flatMap(({ gaps }) => gaps),
  };
}

/** What each speaks for is the same header. */
export function better(one: Voucher, other: Voucher): Voucher {
  if (typeof one === 'object' && typeof other === 'object') {
    return (other.toMs ?? -1) > (one.toMs ?? -1) ? other : one;
  }
  return rank(other) > rank(one) ? other : one;
}

function rank(voucher: Voucher): number {
  return ['not authentic', 'locked', 'certified', 'signed'].indexOf(
    typeof voucher === 'object' ? 'certified' : voucher,
  );
}

function intactMsOf({ stretches }: CheckedRun): number {
  return stretches.reduce(
    (sum, { verdict, fromMs, toMs }) => sum + (verdict === 'intact' ? toMs - fromMs : 0),
    0,
  );
}

function intactToMs({ stretches }: CheckedRun): number {
  return stretches.findLast(({ verdict }) => verdict === 'intact')?.toMs ?? -1;
}

/** Both in the order of time. What takes no time at all is the first one's: only additions do not. */
function overlaid(first: readonly Stretch[], second: readonly Stretch[]): readonly Stretch[] {
  const cuts = [...first, ...second].flatMap(({ fromMs, toMs }) => [fromMs, toMs]);
  const times = [...new Set(cuts)].sort((one, other) => one - other);
  const [one, other] = [new Cursor(first), new Cursor(second)];
  const moments = first.filter(({ fromMs, toMs }) => fromMs === toMs);
  const result: Stretch[] = [];
  let moment = 0;
  for (const [index, fromMs] of times.entries()) {
    for (let next = moments[moment]; next && next.fromMs === fromMs; next = moments[++moment])
      add(result, next);
    const toMs = times[index + 1];
    if (toMs === undefined) break;
    const [here, there] = [one.at(fromMs), other.at(fromMs)];
    const chosen = there?.verdict === 'intact' ? there : (here ?? there);
    if (chosen) add(result, { ...chosen, fromMs, toMs });
  }
  return result;
}

/** Goes through stretches in the order of time. */
class Cursor {
  readonly #stretches: readonly Stretch[];
  #index = 0;

  constructor(stretches: readonly Stretch[]) {
    this.#stretches = stretches;
  }

  /** @param timeMs no less than the one before */
  at(timeMs: number): Stretch | undefined {
    while ((this.#stretches[this.#index]?.toMs ?? Number.POSITIVE_INFINITY) <= timeMs) this.#index += 1;
    const found = this.#stretches[this.#index];
    return found && found.fromMs <= timeMs ? found : undefined;
  }
}

function add(stretches: Stretch[], next: Stretch): void {
  const last = stretches.at(-1);
  if (last?.verdict === next.verdict && last.toMs === next.fromMs) {
    stretches[stretches.length - 1] = { ...last, toMs: next.toMs };
  } else stretches.push(next);
}
