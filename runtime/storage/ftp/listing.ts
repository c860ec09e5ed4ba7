/**
 * Directory listings, line by line: MLSD (RFC 3659), and what LIST prints on Unix; other formats of LIST through
 * basic-ftp's parsers. Pure. Lines are hostile: what is not certainly a plain file with a safe name and a believable
 * size is no entry.
 */
import { parseList } from 'basic-ftp';
import { type DriveFile, isSafeName, maxFileBytes } from '../storage.ts';

export type ListingFormat = 'mlsd' | 'list';

/** Longest line of a listing: a name of 255 bytes and generous facts. */
export const maxListingLineBytes = 4096;

/** What is on one line: a file, something that is none of our business, or something unusable. */
export type ListingLine =
  | { readonly kind: 'file'; readonly file: DriveFile }
  | { readonly kind: 'other' }
  | { readonly kind: 'unusable' };

const other: ListingLine = { kind: 'other' };
const unusable: ListingLine = { kind: 'unusable' };

export function parseListingLine(line: string, format: ListingFormat): ListingLine {
  if (line === '') return other;
  return format === 'mlsd' ? parseFacts(line) : parseUnixLine(line);
}

/** `type=file;size=1024;modify=20261122130000; name`: one space ends the facts, everything behind it is the name. */
function parseFacts(line: string): ListingLine {
  const space = line.indexOf(' ');
  if (space < 0) return unusable;
  const facts = new Map<string, string>();
  for (const fact of line.slice(0, space).split(';')) {
    const equals = fact.indexOf('=');
    if (equals > 0) facts.set(fact.slice(0, equals).toLowerCase(), fact.slice(equals + 1));
  }
  if (facts.get('type')?.toLowerCase() !== 'file') return facts.has('type') ? other : unusable;
  return fileEntry(line.slice(space + 1), facts.get('size'), modifiedTime(facts.get('modify')));
}

/**
 * `-rw-r--r--   1 owner group   1024 Nov 22 13:00 name`. Fields hold no spaces and exactly one space precedes the
 * name, so that a name that looks like more fields, or begins with a space, is still the name.
 */
const unixLine =
  /^([-dlbcps])[-rwxsStT]{9}[.+@]? +\d+ +\S+ +(?:\S+ +)?(\d{1,20}) +[A-Z][a-z]{2} +\d{1,2} +(?:\d{4}|\d{1,2}:\d{2}) (.+)$/;

function parseUnixLine(line: string): ListingLine {
  const match = unixLine.exec(line);
  if (match) {
    const [, type, size, name = ''] = match;
    // The time has minutes at best, in a zone that nobody tells.
    return type === '-' ? fileEntry(name, size, undefined) : other;
  }
  if (/^total \d+$/.test(line)) return other;
  return parseForeignLine(line);
}

function parseForeignLine(line: string): ListingLine {
  const [entry] = parseForeign(line);
  if (!entry) return unusable;
  if (!entry.isFile) return entry.isDirectory || entry.isSymbolicLink ? other : unusable;
  return fileEntry(entry.name, String(entry.size), undefined);
}

function parseForeign(line: string): ReturnType<typeof parseList> {
  try {
    return parseList(line);
  } catch {
    return []; // It says that no parser knows the line, which is an answer.
  }
}

function fileEntry(name: string, size: string | undefined, modifiedMs: number | undefined): ListingLine {
  if (size === undefined || !/^\d{1,16}$/.test(size) || Number(size) > maxFileBytes || !isSafeName(name)) {
    return unusable;
  }
  return { kind: 'file', file: { name, sizeBytes: Number(size), modifiedMs } };
}

/** `20261122130000` or with a fraction, always UTC. */
function modifiedTime(fact: string | undefined): number | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(?:\.\d{1,9})?$/.exec(fact ?? '');
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  const timeMs = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
