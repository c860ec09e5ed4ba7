/** Times as people write them on the command line, and the range of minutes they select. */
import { EncroCamError } from '../errors.ts';

/** Milliseconds since the epoch, start included, end excluded; open where `undefined`. */
export interface TimeRange {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export const wholeRange: TimeRange = { fromMs: undefined, toMs: undefined };
const minuteMs = 60_000;

/**
 * Whether a packet is wanted whose minute begins at `timeMs`. Packets tell their minute only, so every minute
 * that shares an instant with the range is in.
 */
export function inRange(timeMs: number, range: TimeRange): boolean {
  return !isBefore(timeMs, range) && !isAfter(timeMs, range);
}

/** Whether the minute ends before the range begins. */
export function isBefore(timeMs: number, { fromMs }: TimeRange): boolean {
  return fromMs !== undefined && timeMs + minuteMs <= fromMs;
}

/** Whether the minute begins when the range is over. */
export function isAfter(timeMs: number, { toMs }: TimeRange): boolean {
  return toMs !== undefined && timeMs >= toMs;
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: minuteMs,
  h: 60 * minuteMs,
  d: 24 * 60 * minuteMs,
};
const absolutePattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/**
 * Reads `2026-11-22T13:00[:30]` (local time), the same with `Z` or an offset, `2026-11-22` (local midnight), or
 * `-10m` (before now; s, m, h, d). A local time that occurs twice, when summer time ends, means the first one.
 * @param option the option's name, for the message.
 * @throws {EncroCamError} `USAGE`
 */
export function parseTime(text: string, option: string, nowMs: number): number {
  const relative = /^-(\d{1,9})([smhd])$/.exec(text);
  if (relative) return nowMs - Number(relative[1]) * (unitsMs[relative[2] ?? ''] ?? 0);

  const match = absolutePattern.exec(text);
  const timeMs = match ? absoluteTime(match) : undefined;
  if (timeMs === undefined) {
    throw new EncroCamError('USAGE', `--${option}: ${JSON.stringify(text)} is no time.`, {
      hint: 'Write 2026-11-22T13:00 (local), 2026-11-22T12:00Z, 2026-11-22T13:00+01:00, or -10m (s, m, h, d).',
    });
  }
  return timeMs;
}

/**
 * Reads `--from` and `--to`.
 * @throws {EncroCamError} `USAGE`
 */
export function parseRange(from: string | undefined, to: string | undefined, nowMs: number): TimeRange {
  const range = {
    fromMs: from === undefined ? undefined : parseTime(from, 'from', nowMs),
    toMs: to === undefined ? undefined : parseTime(to, 'to', nowMs),
  };
  if (range.fromMs !== undefined && range.toMs !== undefined && range.toMs <= range.fromMs) {
    throw new EncroCamError('USAGE', '--to is not after --from.', {
      hint: `They mean ${new Date(range.fromMs).toISOString()} and ${new Date(range.toMs).toISOString()}.`,
    });
  }
  return range;
}

function absoluteTime(match: RegExpExecArray): number | undefined {
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const utc = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date rolls 31 February and 24:60 over: what does not come back the same was no time.
  const same =
    utc.getUTCFullYear() === year &&
    utc.getUTCMonth() === month - 1 &&
    utc.getUTCDate() === day &&
    utc.getUTCHours() === hour &&
    utc.getUTCMinutes() === minute &&
    utc.getUTCSeconds() === second;
  if (!same) return undefined;
  const zone = match[7];
  if (zone === undefined) return new Date(year, month - 1, day, hour, minute, second).getTime();
  const offset = zoneOffsetMs(zone);
  return offset === undefined ? undefined : utc.getTime() - offset;
}

function zoneOffsetMs(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * minuteMs;
}
