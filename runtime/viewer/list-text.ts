/** Timelines as text for people and as JSON for programs. */
import { printable } from '../log.ts';
import { secondText } from './progress.ts';
import {
  difference,
  durationText,
  sizeText,
  type Timeline,
  type TimelineEntry,
  type TimelineGap,
} from './timeline.ts';

export interface ListedCamera {
  /** The camera's name, or the place that was asked for. */
  readonly name: string;
  /** Which sides could be read. */
  readonly sides: { readonly disk: boolean; readonly drive: boolean };
  readonly timeline: Timeline;
}

export function listAsText(cameras: readonly ListedCamera[]): string {
  return `${cameras.map(cameraText).join('\n\n')}\n`;
}

function cameraText({ name, sides, timeline }: ListedCamera): string {
  const { entries, gaps, otherFiles } = timeline;
  const lines = [printable(name)];
  if (entries.length > 0)
    lines.push(row('from', 'to', [...column(sides.disk, 'disk'), ...column(sides.drive, 'drive')]));
  for (const entry of entries) {
    const gap = gaps.find((one) => one.toMs === entry.recording.startMs);
    if (gap && entry.recording.conflict === undefined) lines.push(gapText(gap));
    lines.push(entryText(entry, sides));
  }
  lines.push(`  ${summary(timeline, sides)}`);
  if (otherFiles > 0) lines.push(`  ${count(otherFiles, 'other file')}`);
  return lines.join('\n');
}

function entryText(entry: TimelineEntry, sides: ListedCamera['sides']): string {
  const { startMs, lengthMs, conflict } = entry.recording;
  const notes = [
    conflict === undefined ? undefined : `copy ${conflict} with other bytes`,
    difference(entry, sides),
  ];
  return row(secondText(startMs), secondText(startMs + lengthMs), [
    ...column(sides.disk, size(entry.diskBytes)),
    ...column(sides.drive, size(entry.driveBytes)),
    notes.filter((note) => note !== undefined).join(', '),
  ]);
}

function gapText({ fromMs, toMs }: TimelineGap): string {
  return row(secondText(fromMs), secondText(toMs), [`gap of ${durationText(toMs - fromMs)}`.padStart(10)]);
}

function summary({ entries, gaps }: Timeline, sides: ListedCamera['sides']): string {
  if (entries.length === 0) return 'no recordings';
  const total = (read: (entry: TimelineEntry) => number | undefined): string =>
    sizeText(entries.reduce((sum, entry) => sum + (read(entry) ?? 0), 0));
  return [
    count(entries.length, 'recording'),
    ...column(sides.disk, `${total((entry) => entry.diskBytes)} on disk`),
    ...column(sides.drive, `${total((entry) => entry.driveBytes)} on the drive`),
    count(gaps.length, 'gap'),
  ].join(', ');
}

function count(many: number, one: string): string {
  return `${many} ${one}${many === 1 ? '' : 's'}`;
}

function row(from: string, to: string, columns: readonly string[]): string {
  return `  ${from.padEnd(26)}  ${to.padEnd(26)}${columns.map((text) => `  ${text.padStart(10)}`).join('')}`.trimEnd();
}

function column(wanted: boolean, text: string): string[] {
  return wanted ? [text] : [];
}

function size(bytes: number | undefined): string {
  return bytes === undefined ? '-' : sizeText(bytes);
}

export function listAsJson(cameras: readonly ListedCamera[]): string {
  const iso = (timeMs: number): string => new Date(timeMs).toISOString();
  const value = cameras.map(({ name, sides, timeline }) => ({
    name,
    sides,
    recordings: timeline.entries.map(({ recording, diskBytes, driveBytes }) => ({
      fileName: recording.fileName,
      from: iso(recording.startMs),
      to: iso(recording.startMs + recording.lengthMs),
      ...(recording.conflict === undefined ? {} : { conflict: recording.conflict }),
      ...(sides.disk ? { diskBytes: diskBytes ?? null } : {}),
      ...(sides.drive ? { driveBytes: driveBytes ?? null } : {}),
    })),
    gaps: timeline.gaps.map(({ fromMs, toMs }) => ({ from: iso(fromMs), to: iso(toMs) })),
    otherFiles: timeline.otherFiles,
  }));
  return `${JSON.stringify({ cameras: value }, null, 2)}\n`;
}
