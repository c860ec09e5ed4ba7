/**
 * What a file says of a range, without reading it whole: where each of its runs begins and how it ends, and what lies in the range with
 * what leads there. That is checked as a file of its own would be. All that was left out is time outside of the range, between two
 * checkpoints that the run's key signed.
 *
 * Nothing is judged here: with any doubt, be it damage, a run that does not follow the one before, or one that the camera did not sign when
 * it began, the file is to be read whole.
 */
import type { Key } from 'openpgp';
import { decodeCheckpoint, type Stretch } from '../encrocrypt/v3/index.ts';
import { certifiedAt, isNamed, isSigned } from '../pgp/open-run.ts';
import { type CheckedFile, checkFile } from '../verifier/check-file.ts';
import { type MappedRun, mapFile, maxSearchBytes } from '../verifier/sample/file-map.ts';
import { itemsIn } from '../verifier/sample/packets.ts';
import type { CheckedRun } from '../verifier/timeline.ts';
import { RememberedReads } from '../viewer/remembered-reads.ts';
import type { RandomAccess } from '../viewer/source.ts';
import type { RunRange } from './grant.ts';
import { lastSignedPlace, type SignedPlace, signedPlaceBefore } from './signed-places.ts';

export interface CheckedPart {
  /** What is outside of the range, and was not looked at, is told as intact. */
  readonly checked: CheckedFile;
  /** What was read for the range, by the hash of its run's header in hexadecimal digits. */
  readonly readFrom: ReadonlyMap<string, ReadFrom>;
}

/** Where in a file a run begins, and a place of it before what is wanted. */
export interface ReadFrom {
  readonly headerOffset: number;
  readonly headerEnd: number;
  /** Of a checkpoint, or where the header ends. */
  readonly offset: number;
}

/** In a smaller file there is nothing to gain: reading it through takes no longer than looking around. */
export const leastPartBytes: number = 8 * 2 ** 20;

/**
 * Of a file: so much of it is looked through from its end for a header. The last index is further back than a few reads where it still grows. Where
 * nothing is found all of it is read, and that was so much more.
 */
const searchShare = 1 / 8;
/** On a drive each read costs round trips; but what is read beyond the range is read for nothing. */
const [minStepBytes, maxStepBytes] = [256 * 1024, 4 * 2 ** 20];
/** What is noted of a time stands behind it, by less than so many checkpoints once there is video again. */
const marginIntervals = 2;

interface PlannedRun extends MappedRun {
  readonly tail: SignedPlace;
  /** Where to read from up to behind the range; `undefined` where nothing of it is wanted but its end. */
  readonly from: SignedPlace | undefined;
  readonly untilMs: number;
}

/**
 * @param range milliseconds since the epoch, the end excluded.
 * @returns undefined if the file has to be read whole.
 */
export async function checkPart(
  name: string,
  file: RandomAccess,
  range: RunRange,
  trusted: Key,
): Promise<CheckedPart | undefined> {
  const access = new RememberedReads(file);
  const runs = await runsIn(access, trusted);
  const plans = runs && (await plansOf(access, runs, range));
  if (!plans) return undefined;
  const read: Excerpted = { skipped: new Map(), hasOtherBytes: false };
  const checked = await checkFile(name, excerptOf(access, plans, read), trusted);
  if (read.hasOtherBytes || checked.repeatedRuns > 0 || checked.runs.length !== plans.length)
    return undefined;
  const whole: CheckedRun[] = [];
  for (const [index, plan] of plans.entries()) {
    const run = checked.runs[index];
    const stretches = run && isAsMapped(run, plan) && filled(run.stretches, read.skipped.get(plan) ?? []);
    if (!stretches) return undefined;
    whole.push({ ...run, stretches });
  }
  const readFrom = plans.flatMap(({ header, offset, headerEnd, from }): [string, ReadFrom][] =>
    from ? [[header.hash.toString('hex'), { headerOffset: offset, headerEnd, offset: from.offset }]] : [],
  );
  return { checked: { ...checked, runs: whole }, readFrom: new Map(readFrom) };
}

/** @returns undefined unless the camera signed each, each names the end of the one before, and none is earlier than that. */
async function runsIn(access: RandomAccess, trusted: Key): Promise<readonly MappedRun[] | undefined> {
  const trust = {
    reachOf: async (header: MappedRun['header']) =>
      (await isSigned(header, trusted)) ? Number.POSITIVE_INFINITY : 0,
    isForeign: (header: MappedRun['header']) => !isNamed(header, trusted),
    isGenuine: async (header: MappedRun['header'], certificate: Parameters<typeof certifiedAt>[1]) =>
      (await certifiedAt(header, certificate, trusted)) !== undefined,
  };
  const map = await mapFile(access, trust, Math.min(maxSearchBytes, searchShare * access.sizeBytes));
  if (map.kind === 'unmapped') return undefined;
  const isOrderly = map.runs.every(({ header: { statement }, last }, index) => {
    const before = map.runs[index - 1];
    if (last.isBroken) return false;
    if (!before) return true;
    const { previous } = statement;
    const follows =
      previous?.runId.equals(before.header.statement.runId) && previous.link.equals(before.last.link);
    return follows && statement.startMs >= endOf(before);
  });
  return isOrderly ? map.runs : undefined;
}

async function plansOf(
  access: RandomAccess,
  runs: readonly MappedRun[],
  range: RunRange,
): Promise<PlannedRun[] | undefined> {
  const plans: PlannedRun[] = [];
  for (const [index, run] of runs.entries()) {
    const tail = await lastSignedPlace(access, run);
    if (!tail) return undefined;
    const { startMs, segmentMs, checkpointMs } = run.header.statement;
    const marginMs = marginIntervals * checkpointMs;
    const before = runs[index - 1];
    // At a run's beginning stands why there was none before it.
    const sinceMs = before ? endOf(before) : Number.NEGATIVE_INFINITY;
    const isWanted = range.toMs + marginMs > sinceMs && range.fromMs - marginMs < endOf(run);
    const untilMs = Math.max(0, range.toMs - startMs) + marginMs;
    if (!isWanted) {
      plans.push({ ...run, tail, from: undefined, untilMs });
      continue;
    }
    // A picture that needs no other one stands in the segment that the range begins in, or somebody has no key for it.
    const segmentBegin = Math.floor(Math.max(0, range.fromMs - startMs) / segmentMs) * segmentMs;
    const from = await signedPlaceBefore(access, run, segmentBegin - marginMs, tail);
    if (!from) return undefined;
    plans.push({ ...run, tail, from, untilMs });
  }
  return plans;
}

function endOf({ header, last }: MappedRun): number {
  return header.statement.startMs + last.toMs;
}

interface Excerpted {
  /** What of each run was left out, in milliseconds since its start. */
  readonly skipped: Map<PlannedRun, RunRange[]>;
  /** In what leads to the range and behind it stands something that is no packet. */
  hasOtherBytes: boolean;
}

/** @param read is filled in meanwhile. */
async function* excerptOf(
  access: RandomAccess,
  plans: readonly PlannedRun[],
  read: Excerpted,
): AsyncGenerator<Buffer> {
  for (const plan of plans) {
    const { offset, headerEnd, end, tail, from = tail } = plan;
    const leftOut: RunRange[] = [];
    read.skipped.set(plan, leftOut);
    yield* bytesOf(access, offset, headerEnd);
    if (from.offset > headerEnd) leftOut.push({ fromMs: 0, toMs: from.toMs });
    const reached = from.offset < tail.offset ? yield* wantedOf(access, plan, from, read) : undefined;
    if (reached !== undefined) leftOut.push({ fromMs: reached, toMs: tail.toMs });
    yield* bytesOf(access, tail.offset, end);
  }
}

/** @returns up to when, where that is before the run's last checkpoint: milliseconds since the run's start. */
async function* wantedOf(
  access: RandomAccess,
  { header, key, tail, untilMs }: PlannedRun,
  from: SignedPlace,
  read: Excerpted,
): AsyncGenerator<Buffer, number | undefined> {
  const share = (untilMs - from.toMs) / Math.max(1, tail.toMs - from.toMs);
  const likelyBytes = Math.ceil((tail.offset - from.offset) * Math.min(1, share));
  const stepBytes = Math.max(minStepBytes, Math.min(likelyBytes, maxStepBytes));
  let isBehind = false;
  for await (const item of itemsIn(access, from.offset, tail.offset, stepBytes)) {
    if (item.kind === 'skip') {
      read.hasOtherBytes = true;
      return undefined;
    }
    yield item.bytes;
    // Without video, what is noted of it comes when there is some again.
    if (item.kind === 'data' && item.timeMs >= untilMs) isBehind = true;
    if (item.kind !== 'checkpoint' || !isBehind) continue;
    const checkpoint = decodeCheckpoint(item.body, header.statement.runId, key);
    if (checkpoint) return checkpoint.toMs;
  }
  return undefined;
}

async function* bytesOf(access: RandomAccess, offset: number, end: number): AsyncGenerator<Buffer> {
  for (let position = offset; position < end; ) {
    const bytes = await access.read(position, Math.min(maxStepBytes, end - position));
    if (bytes.length === 0) return;
    position += bytes.length;
    yield bytes;
  }
}

function isAsMapped(
  { header, voucher, link, ended }: CheckedRun,
  { header: mapped, last }: MappedRun,
): boolean {
  const isSame = header.hash.equals(mapped.hash) && link.equals(last.link);
  return isSame && voucher === 'signed' && (ended !== undefined) === last.isFinal;
}

/** @returns undefined if anything is not as it was recorded, but for the end of a run that had none, or still goes on. */
function filled(stretches: readonly Stretch[], skipped: readonly RunRange[]): Stretch[] | undefined {
  const result: Stretch[] = [];
  for (const [index, stretch] of stretches.entries()) {
    const { verdict, found, fromMs, toMs } = stretch;
    const isLeftOut =
      verdict === 'missing' &&
      found === 0 &&
      skipped.some((part) => part.fromMs <= fromMs && toMs <= part.toMs);
    if (verdict === 'unfinished' && index === stretches.length - 1) result.push(stretch);
    else if (verdict !== 'intact' && !isLeftOut) return undefined;
    else {
      const last = result.at(-1);
      const begin = last?.toMs === fromMs ? result.pop() : undefined;
      const expected = (begin?.expected ?? 0) + stretch.expected;
      result.push({
        verdict: 'intact',
        fromMs: begin?.fromMs ?? fromMs,
        toMs,
        ...{ found: expected, expected },
      });
    }
  }
  return result;
}
