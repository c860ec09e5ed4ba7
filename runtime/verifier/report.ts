/** What `encrocam verify` found, as text for people and as JSON for programs. */
import { localTime, printable } from '../log.ts';
import { durationText } from '../viewer/timeline.ts';
import type { CheckedFile } from './check-file.ts';
import { type Interval, isWhole, type State, type Timeline, timelineOf } from './timeline.ts';

export interface Verification {
  /** What was asked for: a file, a directory, a place on a drive. */
  readonly place: string;
  readonly files: readonly CheckedFile[];
  readonly timeline: Timeline;
}

/** What version 2 has no means to tell, told once. */
const version2Text =
  'EncroCrypt2: its key packets are signed, its video is not. Whether packets were left out, repeated, moved or cut off at the end ' +
  'cannot be told; see docs/ref/encrocrypt2.md.';

export function verificationOf(place: string, files: readonly CheckedFile[]): Verification {
  return { place, files, timeline: timelineOf(files.flatMap(({ runs }) => runs)) };
}

/** Whether everything is here, as the camera recorded it. Of version 2 nobody can say so. */
export function isSound({ files, timeline }: Verification): boolean {
  const isClean = files.every(
    ({ version, skippedBytes, repeatedRuns }) => version === 3 && skippedBytes === 0 && repeatedRuns === 0,
  );
  return isClean && isWhole(timeline);
}

/** Whether there is something that the camera did not sign, a header without anything behind it included. */
export function hasForeign({ files, timeline }: Verification): boolean {
  return (
    files.some(({ runs }) => runs.some(({ voucher }) => voucher === 'not authentic')) ||
    timeline.intervals.some(({ state }) => state === 'not authentic')
  );
}

export function asText(verification: Verification): string {
  const { place, files, timeline } = verification;
  const lines = [printable(place)];
  let day = '';
  for (const interval of merged(timeline.intervals)) {
    const from = localTime(new Date(interval.fromMs));
    if (from.slice(0, 10) !== day) {
      day = from.slice(0, 10);
      lines.push(`  ${day} (${from.slice(24)})`);
    }
    lines.push(`    ${intervalText(interval)}`);
  }
  for (const problem of [...problemsOf(files), ...timeline.problems]) lines.push(`  ! ${printable(problem)}`);
  lines.push(`  ${summary(verification)}`);
  return `${lines.join('\n')}\n`;
}

export function asJson(verifications: readonly Verification[]): string {
  const places = verifications.map((verification) => ({
    place: verification.place,
    sound: isSound(verification),
    files: verification.files.map(({ name, version, runs, skippedBytes, repeatedRuns }) => ({
      ...{ name, version: version ?? null, runs: runs.length, skippedBytes, repeatedRuns },
    })),
    intervals: verification.timeline.intervals.map(({ fromMs, toMs, ...interval }) => ({
      ...interval,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    })),
    problems: [...problemsOf(verification.files), ...verification.timeline.problems],
  }));
  return `${JSON.stringify({ places }, undefined, 2)}\n`;
}

export function problemsOf(files: readonly CheckedFile[]): string[] {
  const problems = files.flatMap(({ name, version, skippedBytes, repeatedRuns }) => [
    ...(version === undefined ? [`${name}: no recording`] : []),
    ...(version === 3 && skippedBytes > 0 ? [`${name}: ${skippedBytes} bytes that belong to nothing`] : []),
    ...(repeatedRuns > 0 ? [`${name}: a run stands in it more than once`] : []),
  ]);
  const old = files.filter(({ version }) => version === 2).length;
  return old === 0
    ? problems
    : [...problems, `${old === 1 ? 'one file is' : `${old} files are`} ${version2Text}`];
}

function intervalText({ state, fromMs, toMs, cause, file }: Interval): string {
  const clock = (timeMs: number): string => localTime(new Date(timeMs)).slice(11, 19);
  const about = [cause, state === 'intact' || state === 'gap' ? undefined : file]
    .filter((text) => text !== undefined)
    .map(printable)
    .join(', ');
  const length = durationText(toMs - fromMs).padStart(12);
  return `${clock(fromMs)} to ${clock(toMs)} ${length}  ${state}${about === '' ? '' : `: ${about}`}`;
}

/** Neighbours of one state and cause as one: a day is a few lines, not one for each file. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const interval of intervals) {
    const last = result.at(-1);
    const isSame =
      last?.state === interval.state && last.cause === interval.cause && last.toMs === interval.fromMs;
    if (last && isSame) result[result.length - 1] = { ...last, toMs: interval.toMs };
    else result.push(interval);
  }
  return result;
}

export function summary(verification: Verification): string {
  const { files, timeline } = verification;
  const totals = new Map<State, number>();
  for (const { state, fromMs, toMs } of timeline.intervals) {
    totals.set(state, (totals.get(state) ?? 0) + toMs - fromMs);
  }
  const parts = [...totals].map(([state, lengthMs]) => `${state} ${durationText(lengthMs)}`);
  const isOld = files.length > 0 && files.every(({ version }) => version === 2);
  const isUnknown = isOld ? 'whether it is as the camera recorded it cannot be told' : undefined;
  const verdict = isSound(verification)
    ? 'as the camera recorded it'
    : (isUnknown ?? 'NOT as the camera recorded it, or not all of it');
  return [`${files.length} file${files.length === 1 ? '' : 's'}`, ...parts, verdict].join(', ');
}
