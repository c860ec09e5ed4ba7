/**
 * Which runs a file holds, where each begins, and how it ends: by the file's beginning and end in most, because most hold one.
 * Where there are more, by what the camera noted of its headers, or by looking back for them.
 */
import { type Certificate, type Header, importRunKey } from '../../encrocrypt/v3/index.ts';
import { RememberedReads } from '../../viewer/remembered-reads.ts';
import type { RandomAccess } from '../../viewer/source.ts';
import { type FoundHeader, HeaderFinder } from './header-finder.ts';
import { endOf, isSoleRun, type RunEnd, type RunPart } from './run-end.ts';

/** A run that the camera vouches for, and its part of a file. */
export interface MappedRun extends RunPart {
  /** Packets, from its first, that the camera vouches for. */
  readonly reach: number;
  readonly last: RunEnd;
}

/** What the camera vouches for in one file. */
export interface SampleTrust {
  /** How many of a run's packets, from its first; 0 for a run of somebody else, or of nobody. */
  reachOf(header: Header): Promise<number>;
  /** Whether a run that it does not vouch for is signed by somebody else, or another camera's. */
  isForeign(header: Header): boolean;
  isGenuine(header: Header, certificate: Certificate): Promise<boolean>;
}

export interface Unmapped {
  readonly kind: 'unmapped';
  readonly why: string;
  readonly isForeign: boolean;
}

export type FileMap =
  | { readonly kind: 'mapped'; readonly runs: readonly [MappedRun, ...MappedRun[]] }
  | Unmapped;

/** A recorder that starts again every seven seconds for an hour. */
const maxRuns = 512;
const apart = 'its runs do not follow each other, or cannot be told apart by a few reads';

/** A header is never further back than ten minutes. */
export const maxSearchBytes = 512 * 2 ** 20;

/** @param searchBytes how far back from the file's end headers are looked for, where they are not noted. */
export async function mapFile(
  file: RandomAccess,
  trust: SampleTrust,
  searchBytes: number = maxSearchBytes,
): Promise<FileMap> {
  const access = new RememberedReads(file);
  const finder = new HeaderFinder(access);
  const first = await finder.at(0);
  if (!first) return unmapped('it does not begin as a recording of EncroCrypt3 does');
  // Before anything is looked for: what somebody else made may be made to keep us busy.
  const refused = await refusal(first, trust);
  if (refused) return refused;
  const isSole = await isSoleRun(access, partOf(first, access.sizeBytes));
  const starts = isSole ? [first] : await runStarts(finder, first, searchBytes);
  if (typeof starts === 'string') return unmapped(starts);
  if (starts.length > maxRuns) return unmapped(`it has more than ${maxRuns} runs`);
  const runs: MappedRun[] = [];
  for (const [index, start] of starts.entries()) {
    const part = partOf(start, starts[index + 1]?.offset ?? access.sizeBytes);
    const reach = await trust.reachOf(start.header);
    const last = reach > 0 ? await endOf(access, part) : undefined;
    if (!last) return (await refusal(start, trust)) ?? unmapped('no signed end was found in it');
    runs.push({ ...part, reach, last });
  }
  const [one, ...more] = runs;
  return one ? { kind: 'mapped', runs: [one, ...more] } : unmapped(apart);
}

function partOf({ header, offset, headerEnd, packetHash }: FoundHeader, end: number): RunPart {
  return { header, key: importRunKey(header.statement.runKey), offset, headerEnd, packetHash, end };
}

async function refusal({ header }: FoundHeader, trust: SampleTrust): Promise<Unmapped | undefined> {
  if ((await trust.reachOf(header)) > 0) return undefined;
  if (trust.isForeign(header)) {
    return { kind: 'unmapped', why: 'somebody else than the camera signed it', isForeign: true };
  }
  return unmapped('it was recorded while the camera was locked, and the camera has not certified it');
}

function unmapped(why: string): Unmapped {
  return { kind: 'unmapped', why, isForeign: false };
}

/** @returns what is wrong, as text, where they do not follow each other from the file's beginning to its end. */
async function runStarts(
  finder: HeaderFinder,
  first: FoundHeader,
  searchBytes: number,
): Promise<readonly FoundHeader[] | string> {
  let result: readonly FoundHeader[] | string = apart;
  for await (const headers of finder.back(searchBytes)) {
    result = chained([first, ...headers.filter(({ offset }) => offset > first.offset)]);
    if (typeof result !== 'string' && result.length > 1) break;
  }
  return result;
}

/** @param headers in the order of the file. */
function chained(headers: readonly FoundHeader[]): readonly FoundHeader[] | string {
  const starts: FoundHeader[] = [];
  for (const found of headers) {
    const { hash, statement } = found.header;
    const last = starts.at(-1)?.header;
    if (last?.hash.equals(hash)) continue;
    if (starts.some(({ header }) => header.hash.equals(hash))) return 'a run stands in it more than once';
    const follows = !last || statement.previous?.runId.equals(last.statement.runId);
    if (!follows || !found.isStart) return apart;
    starts.push(found);
  }
  return starts;
}
