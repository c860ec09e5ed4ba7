/** Checks one file with the camera's public key: which runs are in it, who vouches for them, and what they say. */
import type { Key } from 'openpgp';
import {
  headerBytes as headerBytes2,
  magic as magic2,
  maxKeyBodyBytes,
  maxVideoBodyBytes,
  packetType as packetType2,
  type Skip,
  videoOverheadBytes,
} from '../encrocrypt/index.ts';
import {
  FileVerifier,
  type Header,
  type HeaderCopies,
  marker,
  type PlacedCertificate,
  type Stretch,
  type VerifiedRun,
  type VouchedNote,
} from '../encrocrypt/v3/index.ts';
import type { CheckedRun, NotedGap } from './checked-run.ts';
import { addGap } from './noted-gaps.ts';
import { combined } from './twins.ts';
import { type Vouched, vouchersOf } from './vouchers.ts';

export interface CheckedFile {
  readonly name: string;
  /** 2: EncroCrypt2, of which nothing can be told without a key, and not much with one. `undefined`: no recording. */
  readonly version: 2 | 3 | undefined;
  readonly runs: readonly CheckedRun[];
  /** Bytes that belong to no packet, or to no run, and those of certificates and copies of headers that the camera did not sign. */
  readonly skippedBytes: number;
  /** Of these, the last ones of the file, where they may be the beginning of a packet. */
  readonly cutBytes: number;
  /** Runs that stood in the file before: somebody repeated them, or put another run's header into them. */
  readonly repeatedRuns: number;
  /** Why it could not be read, or not to its end. */
  readonly unreadable?: string;
}

interface Seen {
  readonly header: Header;
  readonly stretches: Stretch[];
  readonly gaps: NotedGap[];
  end: VerifiedRun | undefined;
}

/** Notes of one run that are kept: a camera that tells of more gaps than these has other troubles. */
const maxGaps = 10_000;
/** Stretches of all runs of a file together: a day in which every other second is damaged has fewer. */
const maxStretches = 200_000;
/** Of a run that nobody vouches for: whoever made it may have made it of any number of them. */
const maxUnvouchedStretches = 100;

/**
 * @param chunks the file's bytes, from its beginning; their memory may be used again.
 * @param trusted the camera's public key.
 */
export async function checkFile(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  trusted: Key,
): Promise<CheckedFile> {
  const runs = new Map<Header, Seen>();
  const certificatesOf = new Map<string, PlacedCertificate[]>();
  let skippedBytes = 0;
  let sizeBytes = 0;
  let lastSkip: Skip | undefined;
  let stretchCount = 0;
  const verifier = new FileVerifier({
    onRun: (header) => {
      runs.set(header, { header, stretches: [], gaps: [], end: undefined });
      if (!certificatesOf.has(idOf(header.hash))) certificatesOf.set(idOf(header.hash), []);
    },
    onStretch: (header, stretch) => {
      const stretches = runs.get(header)?.stretches;
      if (stretches && ++stretchCount > maxStretches)
        stretches.push(asOne([...stretches.splice(-1), stretch]));
      else stretches?.push(stretch);
    },
    onRunEnd: (end) => {
      const seen = runs.get(end.header);
      if (seen) seen.end = end;
    },
    onCertificate: (certificate) => certificatesOf.get(idOf(certificate.headerHash))?.push(certificate),
    onSkip: (skip) => {
      skippedBytes += skip.length;
      lastSkip = skip;
    },
    onNote: (header, note) => {
      const gaps = runs.get(header)?.gaps;
      const gap = gaps && gaps.length < maxGaps ? gapIn(note) : undefined;
      if (gaps && gap) addGap(gaps, gap);
    },
  });
  let start: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (start.length <= headerBytes2) start = Buffer.concat([start, chunk.subarray(0, headerBytes2 + 1)]);
    sizeBytes += chunk.length;
    verifier.push(chunk);
  }
  verifier.end();
  // To its end all the same: whoever can write to a file can put these bytes before what is in it.
  if (runs.size === 0 && beginsAsVersion2(start)) {
    return { name, version: 2, runs: [], skippedBytes: 0, cutBytes: 0, repeatedRuns: 0 };
  }
  const groups = [...Map.groupBy(runs.values(), ({ header }) => idOf(header.hash)).values()].map((parts) =>
    runIn(parts, certificatesOf),
  );
  groups.sort((one, other) => one.offset - other.offset);
  const vouched = await vouchersOf(groups, trusted);
  for (const { unvouchedBytes } of vouched.values()) skippedBytes += unvouchedBytes;
  const checked = groups.map((group) => {
    const [first, ...others] = group.parts.map((part) => checkedRun(name, part, vouched.get(group)));
    return first ? combined([first, ...others]) : undefined;
  });
  return {
    ...{
      name,
      skippedBytes,
      cutBytes: cutBytesOf(lastSkip, sizeBytes),
      version: runs.size > 0 ? 3 : undefined,
    },
    runs: inOrder(checked.filter((run) => run !== undefined)),
    repeatedRuns: runs.size - groups.length,
  };
}

/** One run, and where else in the file it stands again. */
interface RunInFile {
  readonly header: Header;
  readonly offset: number;
  readonly parts: readonly Seen[];
  readonly copies: readonly HeaderCopies[];
  readonly certificates: readonly PlacedCertificate[];
}

function runIn(parts: readonly Seen[], certificatesOf: ReadonlyMap<string, PlacedCertificate[]>): RunInFile {
  const [first] = parts as readonly [Seen, ...Seen[]];
  const { header } = first;
  const copies = parts.flatMap(({ end }) => end?.copies ?? []);
  const certificates = certificatesOf.get(idOf(header.hash)) ?? [];
  return { header, parts, copies, certificates, offset: first.end?.offset ?? 0 };
}

function cutBytesOf(last: Skip | undefined, sizeBytes: number): number {
  if (!last || last.offset + last.length !== sizeBytes) return 0;
  // Less than a marker is not known as one.
  return last.reason === 'cut' || last.length < marker.length ? last.length : 0;
}

/** With a key packet, of an OpenPGP message, or with a video packet, where what was before is lost. */
function beginsAsVersion2(start: Buffer): boolean {
  if (start.length <= headerBytes2 || !start.subarray(0, magic2.length).equals(magic2)) return false;
  const [type, bodyBytes] = [start[magic2.length], start.readUInt32BE(magic2.length + 1)];
  if (type === packetType2.key) {
    const isOpenPgp = ((start[headerBytes2] ?? 0) & 0x80) !== 0;
    return isOpenPgp && bodyBytes > 0 && bodyBytes <= maxKeyBodyBytes;
  }
  return type === packetType2.video && bodyBytes >= videoOverheadBytes && bodyBytes <= maxVideoBodyBytes;
}

function checkedRun(file: string, seen: Seen, vouched: Vouched | undefined): CheckedRun {
  const { gaps, end } = seen;
  const { header, voucher } = vouched ?? { header: seen.header, voucher: 'not authentic' };
  const stretches =
    voucher === 'locked' || voucher === 'not authentic'
      ? atMost(seen.stretches, maxUnvouchedStretches)
      : seen.stretches;
  const link = end?.link ?? header.hash;
  return { ...{ file, header, voucher, stretches, gaps, link }, ended: end?.final?.reason };
}

/** A run that stands before the one that it follows is not in its place, whatever it is. A header alone is no run to follow. */
function inOrder(runs: readonly CheckedRun[]): CheckedRun[] {
  const isThere = ({ voucher, stretches }: CheckedRun): boolean =>
    voucher !== 'not authentic' && stretches.some(({ verdict }) => verdict === 'intact');
  const places = new Map<string, number>();
  for (const [index, run] of runs.entries())
    if (isThere(run)) places.set(idOf(run.header.statement.runId), index);
  return runs.map((run, index) => {
    const { previous } = run.header.statement;
    const place = previous && isThere(run) ? places.get(idOf(previous.runId)) : undefined;
    if (place === undefined || place <= index) return run;
    const stretches = run.stretches.map((stretch): Stretch => {
      return stretch.verdict === 'intact' ? { ...stretch, verdict: 'tampered' } : stretch;
    });
    return { ...run, stretches };
  });
}

function atMost(stretches: readonly Stretch[], most: number): readonly Stretch[] {
  if (stretches.length <= most) return stretches;
  return [...stretches.slice(0, most - 1), asOne(stretches.slice(most - 1))];
}

/** What is not told in parts is not what was recorded, or not all of it. */
function asOne(stretches: readonly Stretch[]): Stretch {
  const [first, last] = [stretches[0], stretches.at(-1)];
  const [found, expected] = (['found', 'expected'] as const).map((count) =>
    stretches.reduce((sum, stretch) => sum + stretch[count], 0),
  ) as [number, number];
  return {
    verdict: stretches.length === 1 && first ? first.verdict : 'tampered',
    ...{ fromMs: first?.fromMs ?? 0, toMs: last?.toMs ?? 0, found, expected },
  };
}

function idOf(hash: Buffer): string {
  return hash.toString('base64');
}

function gapIn({ timeMs, content }: VouchedNote): NotedGap | undefined {
  try {
    const note = JSON.parse(content.toString('utf8')) as Record<string, unknown>;
    const { what, milliseconds, cause } = note;
    if (what !== 'gap' || typeof milliseconds !== 'number' || !(milliseconds >= 0)) return undefined;
    return {
      fromMs: timeMs - milliseconds,
      toMs: timeMs,
      cause: typeof cause === 'string' ? cause : 'not told',
    };
  } catch {
    return undefined;
  }
}
