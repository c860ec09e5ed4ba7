/** What `encrocam verify` found, as text for people and as JSON for programs. */
import path from 'node:path';
import { localTime, printable } from '../log.ts';
import type { Fingerprint } from '../pgp/keys.ts';
import { originalName, parseRecordingName } from '../recordings/names.ts';
import { durationText } from '../viewer/timeline.ts';
import type { ChainVerification } from './chain/check-chain.ts';
import { chainForPrograms } from './chain/report.ts';
import type { CheckedFile } from './check-file.ts';
import { daysOf } from './days.ts';
import type { Interval, State } from './interval.ts';
import { isWhole, type Timeline, timelineOf } from './timeline.ts';

export interface Verification {
  /** What was asked for: a file, a directory, a place on a drive. */
  readonly place: string;
  /** Fingerprint of the camera that is trusted. */
  readonly camera: Fingerprint;
  readonly files: readonly CheckedFile[];
  readonly timeline: Timeline;
}

/** Of what anybody can make up any number of in one file. */
const maxNamesTold = 10;

/** What version 2 has no means to tell, told once. */
const version2Text =
  'EncroCrypt2, and not checked: key packets are signed, which takes their owner to see, and video is not. Whether packets were left out, repeated, moved or cut off at the end ' +
  'cannot be told; see docs/ref/encrocrypt2.md.';

/** @param readMs when the newest file was read */
export function verificationOf(
  place: string,
  camera: Fingerprint,
  files: readonly CheckedFile[],
  readMs: number,
): Verification {
  const runs = files.flatMap((file) => file.runs);
  return { place, camera, files, timeline: timelineOf(runs, readMs) };
}

/** Whether everything is here, as the camera recorded it. Of version 2 nobody can say so. */
export function isSound(verification: Verification): boolean {
  return problemsOf(verification).length === 0 && isWhole(verification.timeline);
}

/** Whether there is something that the camera did not sign, in no place where it stands: a header without anything behind it included. */
export function hasForeign({ timeline }: Verification): boolean {
  return timeline.intervals.some(({ state }) => state === 'not authentic');
}

export function asText(verification: Verification): string {
  const { timeline } = verification;
  const lines = [titleOf(verification)];
  for (const { startMs, endMs, isOne, intervals } of daysOf(timeline.intervals)) {
    const [from, last] = [startMs, endMs - 1].map((timeMs) => localTime(new Date(timeMs))) as [
      string,
      string,
    ];
    lines.push(`  ${from.slice(0, 10)}${isOne ? '' : ` to ${last.slice(0, 10)}`} (${from.slice(24)})`);
    for (const interval of intervals) lines.push(`    ${intervalText(interval, endMs)}`);
  }
  for (const problem of problemsOf(verification)) lines.push(`  ! ${printable(problem)}`);
  for (const remark of remarksOf(verification)) lines.push(`  - ${printable(remark)}`);
  lines.push(`  ${summary(verification)}`);
  return `${lines.join('\n')}\n`;
}

/** The place, and what the camera calls itself there: several of one device share its key, and its files' names. */
export function titleOf(verification: Verification): string {
  const names = namesOf(verification);
  const told = names.slice(0, maxNamesTold).join(', ');
  return printable(names.length === 0 ? verification.place : `${verification.place}, by the camera ${told}`);
}

function namesOf({ files }: Verification): string[] {
  const vouched = files
    .flatMap(({ runs }) => runs)
    .filter(({ voucher }) => voucher === 'signed' || typeof voucher === 'object');
  const names = vouched.flatMap(({ header: { statement } }) => statement.name ?? []);
  return [...new Set(names)];
}

export function asJson(verifications: readonly Verification[], chain?: ChainVerification): string {
  const places = verifications.map((verification) => ({
    place: verification.place,
    cameraNames: namesOf(verification),
    sound: isSound(verification),
    files: verification.files.map(({ name, version, runs, skippedBytes, repeatedRuns, unreadable }) => ({
      ...{ name, version: version ?? null, runs: runs.length, skippedBytes, repeatedRuns },
      ...(unreadable === undefined ? {} : { unreadable }),
    })),
    intervals: verification.timeline.intervals.map(({ fromMs, toMs, certifiedMs, ...interval }) => ({
      ...interval,
      ...(certifiedMs === undefined ? {} : { certifiedAt: new Date(certifiedMs).toISOString() }),
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    })),
    problems: problemsOf(verification),
    remarks: remarksOf(verification),
  }));
  const all = { places, ...(chain ? { chain: chainForPrograms(chain) } : {}) };
  return `${JSON.stringify(all, undefined, 2)}\n`;
}

/** What no interval can show, and is not as it should be. */
export function problemsOf(verification: Verification): string[] {
  const { files, timeline } = verification;
  const old = files.filter(({ version }) => version === 2).length;
  return [
    ...files.flatMap(({ name, version, skippedBytes: all, cutBytes, repeatedRuns, unreadable }) => {
      // The rest of that packet is on its way.
      const skippedBytes = name === timeline.recordedIn ? all - cutBytes : all;
      return [
        ...(unreadable !== undefined ? [`not checked to its end: ${unreadable}`] : []),
        ...(version === undefined && unreadable === undefined ? [`${name}: no recording`] : []),
        ...(version === 3 && skippedBytes > 0
          ? [`${name}: ${skippedBytes} bytes that belong to nothing`]
          : []),
        ...(repeatedRuns > 0 ? [`${name}: a run stands in it more than once`] : []),
      ];
    }),
    ...renamed(files, true).map(
      ([file, recorded]) => `${file}: its name is another recording's; the camera recorded it as ${recorded}`,
    ),
    ...foreignCameras(verification),
    ...(old > 0 ? [`${old === 1 ? 'one file is' : `${old} files are`} ${version2Text}`] : []),
    ...timeline.problems,
  ];
}

/** What is worth knowing, and no fault. */
export function remarksOf(verification: Verification): string[] {
  const { files, place } = verification;
  const names = namesOf(verification);
  const [name] = names;
  const parts = place.replace(/\/+$/, '').split('/');
  // The directory that one stands in is given without its name.
  const isNamed = !['', '.', '..'].includes(parts.at(-1) ?? '');
  const isElsewhere = isNamed && files.length > 1 && name !== undefined && !parts.includes(name);
  return [
    ...renamed(files, false).map(([file, recorded]) => `${file}: the camera recorded it as ${recorded}`),
    ...(names.length > 1
      ? ['the camera had more than one name: it was renamed, or recordings of several are here']
      : []),
    ...(isElsewhere ? [`the camera calls itself ${name}, and this place has another name`] : []),
  ];
}

/**
 * Files under another name than the camera gave them, and that one. A name of somebody's own claims nothing; that of
 * another recording says that this is another time.
 */
function renamed(files: readonly CheckedFile[], likeRecordings: boolean): [file: string, recorded: string][] {
  return files.flatMap(({ name, runs }) => {
    const fileName = path.posix.basename(name);
    const parsed = parseRecordingName(fileName);
    if ((parsed !== undefined) !== likeRecordings) return [];
    // A copy that was kept beside another one has its name, and a number.
    const own = originalName(fileName);
    const recorded = runs
      .filter(({ voucher }) => voucher !== 'not authentic')
      .map(({ header }) => header.statement.recording)
      .filter((recording) => recording !== own);
    const names = [...new Set(recorded)];
    const more = names.length - maxNamesTold;
    return [...names.slice(0, maxNamesTold), ...(more > 0 ? [`${more} others`] : [])].map(
      (recording): [string, string] => [name, recording],
    );
  });
}

/** A directory is one camera's: the runs of two do not follow each other. */
function foreignCameras({ camera, files }: Verification): string[] {
  const counts = new Map<string, number>();
  for (const { header } of files.flatMap(({ runs }) => runs)) {
    const named = header.statement.camera.toString('hex').toUpperCase();
    if (named !== camera) counts.set(named, (counts.get(named) ?? 0) + 1);
  }
  const more = counts.size - maxNamesTold;
  const told = [...counts]
    .slice(0, maxNamesTold)
    .map(
      ([other, count]) =>
        `${count === 1 ? 'a run names' : `${count} runs name`} the camera ${other}, not ${camera}: check each camera by itself, with its own key`,
    );
  return more > 0 ? [...told, `and runs name ${more} other cameras`] : told;
}

function intervalText({ state, fromMs, toMs, cause, file }: Interval, dayEndMs: number): string {
  const about = [cause, state === 'intact' || state === 'gap' ? undefined : file]
    .filter((text) => text !== undefined)
    .map(printable)
    .join(', ');
  const length = durationText(toMs - fromMs).padStart(12);
  return `${clock(fromMs)} to ${clock(toMs, dayEndMs)} ${length}  ${state}${about === '' ? '' : `: ${about}`}`;
}

/** @param dayEndMs the midnight that is called 24:00:00 */
export function clock(timeMs: number, dayEndMs?: number): string {
  return timeMs === dayEndMs ? '24:00:00' : localTime(new Date(timeMs)).slice(11, 19);
}

export function summary(verification: Verification): string {
  const { files, timeline } = verification;
  if (files.length === 0) return 'no recording';
  const totals = new Map<State, number>();
  for (const { state, fromMs, toMs } of timeline.intervals) {
    totals.set(state, (totals.get(state) ?? 0) + toMs - fromMs);
  }
  const parts = [...totals].map(([state, lengthMs]) => `${state} ${durationText(lengthMs)}`);
  const isOld = files.every(({ version }) => version === 2);
  const isUnknown = isOld ? 'whether it is as the camera recorded it cannot be told' : undefined;
  const verdict = isSound(verification)
    ? `as the camera recorded it${timeline.recordedIn === undefined ? '' : ' so far'}`
    : (isUnknown ?? 'NOT as the camera recorded it, or not all of it');
  return [`${files.length} file${files.length === 1 ? '' : 's'}`, ...parts, verdict].join(', ');
}
