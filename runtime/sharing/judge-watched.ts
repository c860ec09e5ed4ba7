/** What can be said of a run that was watched with a share: whether what was put out is what the camera recorded, and all of it. Pure. */
import { localTime } from '../log.ts';
import type { RunRange } from './grant.ts';
import { judgePart } from './judge-part.ts';
import type { WatchedRun } from './watched-file.ts';

export interface WatchedVerdict {
  readonly isSound: boolean;
  /** For people. */
  readonly lines: readonly string[];
}

/** Only a run that the camera vouches for is decrypted at all: that is not asked for once more. */
export function judgeWatched(run: WatchedRun): WatchedVerdict {
  if (isBehindTheEnd(run)) return { isSound: true, lines: [] };
  const part = judgedPart(run);
  const { isSound, stretches, toMs } = judgePart(
    { ...run, voucher: 'signed', gaps: [], link: run.header.hash },
    part,
  );
  const text = textIn(run);
  const faults = stretches
    .filter(({ verdict }) => verdict !== 'intact')
    .map((stretch) => `${stretch.verdict}: ${text(stretch)}`);
  const { unvouchedMs, beginnings, vouched, vouchedPut, put } = run;
  if (beginnings > 1) faults.push(`tampered: another run's header stands in this one: ${text(part)}`);
  if (unvouchedMs.length > 0 && faults.length === 0) {
    const range = { fromMs: Math.min(...unvouchedMs), toMs: Math.max(...unvouchedMs) };
    faults.push(`not vouched for by the camera: ${text(range)}, or some of it`);
  }
  if (!isSound && faults.length === 0) {
    faults.push(`not vouched for by the camera: ${text(part)}, or some of it`);
  }
  if (vouchedPut < vouched) {
    const lacking = `${vouched - vouchedPut} of ${vouched} packets`;
    faults.push(`not opened by this share: ${lacking} from ${text(part)}`);
  }
  if (faults.length > 0) return { isSound: false, lines: faults };
  const shown = { fromMs: run.part.fromMs, toMs };
  return { isSound: true, lines: [`${put > 0 ? 'as the camera recorded it' : 'no video'}: ${text(shown)}`] };
}

/** A part that begins in the moment in which a run ends: there is nothing in it, where nothing is. */
function isBehindTheEnd({ ended, part, stretches, put, vouched }: WatchedRun): boolean {
  const last = stretches.at(-1);
  return ended !== undefined && put + vouched === 0 && last?.verdict === 'intact' && part.fromMs >= last.toMs;
}

/** From the first picture that was put out: the group that the part begins in is shown, too. */
function judgedPart({ part, shared, stretches, ended, putFromMs }: WatchedRun): RunRange {
  const fromMs = Math.min(part.fromMs, putFromMs);
  const lengthMs = Math.max(0, ...stretches.map(({ toMs }) => toMs));
  // What was shared of a run without an end reaches to just behind its last packet.
  const isAll = ended === undefined && part.toMs === shared.toMs && part.toMs === lengthMs + 1;
  return { fromMs, toMs: isAll && lengthMs > fromMs ? lengthMs : part.toMs };
}

function textIn({ header }: WatchedRun): (range: RunRange) => string {
  return (range) => {
    const [from, to] = [range.fromMs, range.toMs].map((timeMs) =>
      localTime(new Date(header.statement.startMs + timeMs)),
    );
    return `${from} to ${to}`;
  };
}
