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
  marker,
  type PlacedCertificate,
  type Stretch,
  type VerifiedRun,
  type VouchedNote,
} from '../encrocrypt/v3/index.ts';
import { certifiedAt, isNamed, isSigned } from '../pgp/open-run.ts';
import type { Certification, CheckedRun, NotedGap, Voucher } from './checked-run.ts';
import { addGap } from './noted-gaps.ts';
import { better, combined } from './twins.ts';

export interface CheckedFile {
  readonly name: string;
  /** 2: EncroCrypt2, of which nothing can be told without a key, and not much with one. `undefined`: no recording. */
  readonly version: 2 | 3 | undefined;
  readonly runs: readonly CheckedRun[];
  /** Bytes that belong to no packet, or to no run. */
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
  readonly certificates: PlacedCertificate[];
  end: VerifiedRun | undefined;
}

/** Notes of one run that are kept: a camera that tells of more gaps than these has other troubles. */
const maxGaps = 10_000;
/** Stretches of all runs of a file together: a day in which every other second is damaged has fewer. */
const maxStretches = 200_000;
/** Of a run that nobody vouches for: whoever made it may have made it of any number of them. */
const maxUnvouchedStretches = 100;
/** Different signatures of one header that are tried. */
const maxSignatures = 8;

/**
 * @param chunks the file's bytes, from its beginning; their memory may be used again.
 * @param trusted the camera's public key.
 */
export async function checkFile(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  trusted: Key,
): Promise<CheckedFile> {
  const runs: Seen[] = [];
  let skippedBytes = 0;
  let sizeBytes = 0;
  let lastSkip: Skip | undefined;
  let stretchCount = 0;
  const verifier = new FileVerifier({
    onRun: (header) => runs.push({ header, stretches: [], gaps: [], certificates: [], end: undefined }),
    onStretch: (_, stretch) => {
      const stretches = runs.at(-1)?.stretches;
      if (stretches && ++stretchCount > maxStretches)
        stretches.push(asOne([...stretches.splice(-1), stretch]));
      else stretches?.push(stretch);
    },
    onRunEnd: (end) => {
      const last = runs.at(-1);
      if (last) last.end = end;
    },
    onCertificate: (certificate) =>
      runs.find(({ header }) => header.hash.equals(certificate.headerHash))?.certificates.push(certificate),
    onSkip: (skip) => {
      skippedBytes += skip.length;
      lastSkip = skip;
    },
    onNote: (_, note) => {
      const gaps = runs.at(-1)?.gaps;
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
  if (runs.length === 0 && beginsAsVersion2(start)) {
    return { name, version: 2, runs: [], skippedBytes: 0, cutBytes: 0, repeatedRuns: 0 };
  }
  const checked: CheckedRun[] = [];
  const groups = Map.groupBy(runs, ({ header }) => header.hash.toString('hex'));
  for (const parts of groups.values()) {
    const voucher = await voucherOfAll(parts, trusted);
    const [first, ...others] = parts.map((part) => checkedRun(name, part, voucher));
    if (first) checked.push(combined([first, ...others]));
  }
  return {
    ...{
      name,
      skippedBytes,
      cutBytes: cutBytesOf(lastSkip, sizeBytes),
      version: runs.length > 0 ? 3 : undefined,
    },
    ...{ runs: checked, repeatedRuns: runs.length - groups.size },
  };
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

function checkedRun(file: string, { header, gaps, end, ...seen }: Seen, voucher: Voucher): CheckedRun {
  const stretches =
    voucher === 'locked' || voucher === 'not authentic'
      ? atMost(seen.stretches, maxUnvouchedStretches)
      : seen.stretches;
  const link = end?.link ?? header.hash;
  return { ...{ file, header, voucher, stretches, gaps, link }, ended: end?.final?.reason };
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

/** Of one header that stands in several places: the hash of what is signed covers no signature, so some may be spoilt. */
async function voucherOfAll(parts: readonly Seen[], trusted: Key): Promise<Voucher> {
  const different = new Map(parts.map((part) => [part.header.cameraSignature?.toString('hex'), part]));
  const certificates = parts.flatMap((part) => part.certificates);
  let best: Voucher = 'not authentic';
  for (const { header } of [...different.values()].slice(0, maxSignatures)) {
    best = better(best, await voucherOf(header, certificates, trusted));
    if (best === 'signed') break;
  }
  return best;
}

async function voucherOf(
  header: Header,
  certificates: readonly PlacedCertificate[],
  trusted: Key,
): Promise<Voucher> {
  if (!isNamed(header, trusted)) return 'not authentic';
  if (header.cameraSignature) return (await isSigned(header, trusted)) ? 'signed' : 'not authentic';
  let furthest: Certification | undefined;
  for (const certificate of certificates) {
    const at = await certifiedAt(header, certificate, trusted);
    const { toMs } = certificate;
    const isFurther = !furthest || (toMs ?? -1) > (furthest.toMs ?? -1);
    if (at && isFurther) furthest = { atMs: at.getTime(), toMs };
  }
  return furthest ?? 'locked';
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
