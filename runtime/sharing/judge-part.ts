/** What can be said of a part of a run, from a file that holds no more than it. Pure. */
import type { Stretch } from '../encrocrypt/v3/index.ts';
import type { CheckedRun } from '../verifier/timeline.ts';
import type { RunRange } from './grant.ts';

export interface PartVerdict {
  /** As the camera recorded it, all of it. */
  readonly isSound: boolean;
  readonly stretches: readonly Pick<Stretch, 'verdict' | 'fromMs' | 'toMs'>[];
  /** Where the part ends: where the run does, if that is earlier. */
  readonly toMs: number;
}

/** As `encrocrypt3.py verify --from --to`: what lies beside the part is not in the file, and nothing is said of it. */
export function judgePart({ stretches, voucher, ended }: CheckedRun, part: RunRange): PartVerdict {
  const lengthMs = Math.max(0, ...stretches.map(({ toMs }) => toMs));
  const toMs = ended === undefined ? part.toMs : Math.min(part.toMs, lengthMs);
  const inside = stretches
    .map(({ verdict, ...stretch }) => {
      const isMoment = stretch.fromMs === stretch.toMs;
      return {
        stretch: {
          verdict,
          fromMs: Math.max(stretch.fromMs, part.fromMs),
          toMs: Math.min(stretch.toMs, toMs),
        },
        isMoment,
      };
    })
    .filter(({ stretch: { fromMs, toMs: end }, isMoment }) => fromMs < end || (isMoment && fromMs === end))
    .map(({ stretch }) => stretch);
  const coveredMs = inside.reduce((sum, stretch) => sum + stretch.toMs - stretch.fromMs, 0);
  const isVouched =
    voucher === 'signed' ||
    (typeof voucher === 'object' && voucher.toMs !== undefined && voucher.toMs >= toMs);
  const isIntact =
    coveredMs > 0 && coveredMs === toMs - part.fromMs && inside.every(({ verdict }) => verdict === 'intact');
  return { isSound: isVouched && isIntact, stretches: inside, toMs };
}
