/** Checks one file with the camera's public key: which runs are in it, who vouches for them, and what they say. */
import type { Key } from 'openpgp';
import { magic as magic2 } from '../encrocrypt/index.ts';
import {
  FileVerifier,
  type Header,
  type PlacedCertificate,
  type Stretch,
  type VerifiedRun,
  type VouchedNote,
} from '../encrocrypt/v3/index.ts';
import { certifiedAt, isNamed, isSigned } from '../pgp/open-run.ts';
import { addGap } from './noted-gaps.ts';
import type { Certification, CheckedRun, NotedGap, Voucher } from './timeline.ts';

export interface CheckedFile {
  readonly name: string;
  /** 2: EncroCrypt2, of which nothing can be told without a key, and not much with one. `undefined`: no recording. */
  readonly version: 2 | 3 | undefined;
  readonly runs: readonly CheckedRun[];
  /** Bytes that belong to no packet, or to no run. */
  readonly skippedBytes: number;
  /** Runs that stood in the file before: somebody repeated them, or put another run's header into them. */
  readonly repeatedRuns: number;
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
  const verifier = new FileVerifier({
    onRun: (header) => runs.push({ header, stretches: [], gaps: [], certificates: [], end: undefined }),
    onStretch: (_, stretch) => runs.at(-1)?.stretches.push(stretch),
    onRunEnd: (end) => {
      const last = runs.at(-1);
      if (last) last.end = end;
    },
    onCertificate: (certificate) =>
      runs.find(({ header }) => header.hash.equals(certificate.headerHash))?.certificates.push(certificate),
    onSkip: ({ length }) => {
      skippedBytes += length;
    },
    onNote: (_, note) => {
      const gaps = runs.at(-1)?.gaps;
      const gap = gaps && gaps.length < maxGaps ? gapIn(note) : undefined;
      if (gaps && gap) addGap(gaps, gap);
    },
  });
  let start: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (start.length < magic2.length) start = Buffer.concat([start, chunk.subarray(0, magic2.length)]);
    verifier.push(chunk);
  }
  verifier.end();
  // To its end all the same: whoever can write to a file can put these bytes before what is in it.
  if (runs.length === 0 && start.subarray(0, magic2.length).equals(magic2)) {
    return { name, version: 2, runs: [], skippedBytes: 0, repeatedRuns: 0 };
  }
  const whole = joined(runs);
  return {
    ...{ name, skippedBytes, version: runs.length > 0 ? 3 : undefined },
    runs: await Promise.all(whole.map((run) => checkedRun(name, run, trusted))),
    repeatedRuns: runs.length - whole.length,
  };
}

/**
 * Each run once. Where one stands in the file again, what it has beyond its first appearance belongs to it: between the two
 * somebody put another run's header, and it goes on with the next repetition of its own.
 */
function joined(runs: readonly Seen[]): Seen[] {
  const byHash = new Map<string, Seen>();
  for (const run of runs) {
    const hash = run.header.hash.toString('hex');
    const first = byHash.get(hash);
    if (first) resume(first, run);
    else byHash.set(hash, run);
  }
  return [...byHash.values()];
}

function resume(first: Seen, again: Seen): void {
  const reachedMs = Math.max(0, ...first.stretches.map(({ toMs }) => toMs));
  const later = again.stretches.filter(({ toMs }) => toMs > reachedMs);
  if (later.length === 0) return;
  first.stretches.push(
    ...later.map((stretch) => ({ ...stretch, fromMs: Math.max(stretch.fromMs, reachedMs) })),
  );
  first.gaps.push(...again.gaps.filter(({ toMs }) => toMs > reachedMs));
  first.end = again.end;
}

async function checkedRun(
  file: string,
  { header, stretches, gaps, certificates, end }: Seen,
  trusted: Key,
): Promise<CheckedRun> {
  const voucher = await voucherOf(header, certificates, trusted);
  const link = end?.link ?? header.hash;
  return { ...{ file, header, voucher, stretches, gaps, link }, ended: end?.final?.reason };
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
