/** Which recordings there are on disk and drive, side by side, and what is missing. Knows no files. */
import { parseRecordingName, type RecordingName } from '../recordings/names.ts';

/** File name to size. */
export type Listing = ReadonlyMap<string, number>;

export interface TimelineEntry {
  readonly recording: RecordingName;
  /** `undefined`: it is not there, or that side was not asked. */
  readonly diskBytes: number | undefined;
  readonly driveBytes: number | undefined;
}

/** Time in which nothing was recorded, or of which nothing is left. */
export interface TimelineGap {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Timeline {
  readonly entries: readonly TimelineEntry[];
  readonly gaps: readonly TimelineGap[];
  /** Files that are no recordings, on either side. */
  readonly otherFiles: number;
}

/** Puts both sides together, oldest first; a side that was not asked is `undefined`. */
export function buildTimeline(disk: Listing | undefined, drive: Listing | undefined): Timeline {
  const names = new Set([...(disk?.keys() ?? []), ...(drive?.keys() ?? [])]);
  const recordings = [...names].map(parseRecordingName).filter((name) => name !== undefined);
  recordings.sort(
    (a, b) => a.startMs - b.startMs || a.lengthMs - b.lengthMs || (a.conflict ?? 0) - (b.conflict ?? 0),
  );
  return {
    entries: recordings.map((recording) => ({
      recording,
      diskBytes: disk?.get(recording.fileName),
      driveBytes: drive?.get(recording.fileName),
    })),
    gaps: gapsBetween(recordings),
    otherFiles: names.size - recordings.length,
  };
}

function gapsBetween(recordings: readonly RecordingName[]): TimelineGap[] {
  const gaps: TimelineGap[] = [];
  let coveredToMs: number | undefined;
  for (const { startMs, lengthMs } of recordings) {
    if (coveredToMs !== undefined && startMs > coveredToMs) gaps.push({ fromMs: coveredToMs, toMs: startMs });
    coveredToMs = Math.max(coveredToMs ?? 0, startMs + lengthMs);
  }
  return gaps;
}

/** What a person should know about one recording; `undefined` if both sides agree or only one was asked. */
export function difference(
  entry: TimelineEntry,
  sides: { disk: boolean; drive: boolean },
): string | undefined {
  if (!sides.disk || !sides.drive) return undefined;
  const { diskBytes, driveBytes } = entry;
  if (driveBytes === undefined) return 'not on the drive';
  if (diskBytes === undefined) return 'on the drive only';
  if (driveBytes < diskBytes) return `the drive is ${sizeText(diskBytes - driveBytes)} behind`;
  if (driveBytes > diskBytes) return `the disk has ${sizeText(driveBytes - diskBytes)} less`;
  return undefined;
}

/** `285.3 MB`, in powers of ten. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `2 d 3 h`, `45 min`, `90 s`: at most two units. */
export function durationText(durationMs: number): string {
  let seconds = Math.round(durationMs / 1000);
  const parts: string[] = [];
  for (const [unit, length] of [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(seconds / length);
    seconds -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
