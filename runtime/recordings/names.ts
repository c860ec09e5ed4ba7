/**
 * A recording's file name tells when it was recorded, without metadata and without settings:
 * `rec-20261122T130000Z-3600s.encrocam` starts at 13:00 UTC and covers at most 3600 s. The start is the slot's:
 * `floor(unix time / length) * length`. See `docs/design/recording-names.md` for why the length is part of it.
 *
 * Names from a drive are hostile input: whatever `parseRecordingName` does not accept is not ours.
 */
export interface RecordingName {
  /** The file name, `[A-Za-z0-9.-]` only, at most 64 characters. */
  readonly fileName: string;
  /** Start of the slot, milliseconds since the epoch. */
  readonly startMs: number;
  /** Length of the slot in milliseconds. */
  readonly lengthMs: number;
  /** Set on a copy that was uploaded beside another one with the same name but other bytes: 1, or any number up to `maxConflict`. */
  readonly conflict: number | undefined;
}

export const recordingSuffix = '.encrocam';
/** So many that nobody can take all of them: 2^48 − 1, of 15 digits. */
export const maxConflict: number = 2 ** 48 - 1;
const pattern =
  /^rec-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z-([1-9]\d{0,6})s(?:\.conflict-([1-9]\d{0,14}))?\.encrocam$/;

/** Length of a slot in milliseconds, whole seconds, from the setting `hoursPerRecording`. */
export function slotLengthMs(hoursPerRecording: number): number {
  return Math.round(hoursPerRecording * 3600) * 1000;
}

/** The recording that holds the instant `timeMs`. */
export function recordingAt(timeMs: number, lengthMs: number): RecordingName {
  const startMs = Math.floor(timeMs / lengthMs) * lengthMs;
  return { fileName: format(startMs, lengthMs), startMs, lengthMs, conflict: undefined };
}

/** A recording of a part of a slot: whole seconds, and less than the slot before `endMs`. */
export function recordingBetween(startMs: number, endMs: number): RecordingName {
  const lengthMs = endMs - startMs;
  return { fileName: format(startMs, lengthMs), startMs, lengthMs, conflict: undefined };
}

/** The name under which a recording goes beside one that has its name but other bytes. */
export function conflictName(name: RecordingName, conflict: number): RecordingName {
  return { ...name, conflict, fileName: format(name.startMs, name.lengthMs, conflict) };
}

/** The name of the recording that a copy beside it is of, for such a copy; any other name as it is. */
export function originalName(fileName: string): string {
  const name = parseRecordingName(fileName);
  return name?.conflict === undefined ? fileName : format(name.startMs, name.lengthMs);
}

/** The parts of a recording's name, or `undefined` for anything else. */
export function parseRecordingName(fileName: string): RecordingName | undefined {
  const match = pattern.exec(fileName);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const startMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const lengthMs = Number(match[7]) * 1000;
  const conflict = match[8] === undefined ? undefined : Number(match[8]);
  if (conflict !== undefined && conflict > maxConflict) return undefined;
  // Date.UTC rolls 31 February over and lifts the years 0 to 99: only what is written back the same is a name.
  if (format(startMs, lengthMs, conflict) !== fileName) return undefined;
  return { fileName, startMs, lengthMs, conflict };
}

function format(startMs: number, lengthMs: number, conflict?: number): string {
  const start = new Date(startMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const copy = conflict === undefined ? '' : `.conflict-${conflict}`;
  return `rec-${start}Z-${lengthMs / 1000}s${copy}${recordingSuffix}`;
}
