/** Checks one file with the camera's public key: which runs are in it, who vouches for them, and what they say. */
import type { Key } from 'openpgp';
import { magic as magic2 } from '../encrocrypt/index.ts';
import {
  FileVerifier,
  type Header,
  type HeaderCopies,
  type PlacedCertificate,
  type Stretch,
  type VerifiedRun,
  type VouchedNote,
} from '../encrocrypt/v3/index.ts';
import { certifiedAt, isNamed, isSigned } from '../pgp/open-run.ts';
import type { Certification, CheckedRun, NotedGap, Voucher } from './timeline.ts';

export interface CheckedFile {
  readonly name: string;
  /** 2: EncroCrypt2, of which nothing can be told without a key, and not much with one. `undefined`: no recording. */
  readonly version: 2 | 3 | undefined;
  readonly runs: readonly CheckedRun[];
  /** Bytes that belong to no packet, or to no run, and those of certificates and copies of headers that the camera did not sign. */
  readonly skippedBytes: number;
  /** Runs that stood in the file before: somebody repeated them. */
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
/** Signatures of a file looked at in vain, some milliseconds each: beyond, none in it is believed that was not looked at. */
const maxVainSignatures = 2000;

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
  const firstByHash = new Map<string, Seen>();
  let skippedBytes = 0;
  const verifier = new FileVerifier({
    onRun: (header) => {
      const seen: Seen = { header, stretches: [], gaps: [], certificates: [], end: undefined };
      runs.set(header, seen);
      if (!firstByHash.has(idOf(header.hash))) firstByHash.set(idOf(header.hash), seen);
    },
    onStretch: (header, stretch) => runs.get(header)?.stretches.push(stretch),
    onRunEnd: (end) => {
      const seen = runs.get(end.header);
      if (seen) seen.end = end;
    },
    onCertificate: (certificate) =>
      firstByHash.get(idOf(certificate.headerHash))?.certificates.push(certificate),
    onSkip: ({ length }) => {
      skippedBytes += length;
    },
    onNote: (header, note) => {
      const gaps = runs.get(header)?.gaps;
      const gap = gaps && gaps.length < maxGaps ? gapIn(note) : undefined;
      if (gap) gaps?.push(gap);
    },
  });
  let start: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (start.length < magic2.length) start = Buffer.concat([start, chunk.subarray(0, magic2.length)]);
    verifier.push(chunk);
  }
  verifier.end();
  // To its end all the same: whoever can write to a file can put these bytes before what is in it.
  if (runs.size === 0 && start.subarray(0, magic2.length).equals(magic2)) {
    return { name, version: 2, runs: [], skippedBytes: 0, repeatedRuns: 0 };
  }
  const whole = [...runs.values()]
    .filter(({ end }) => end?.isRepeated !== true)
    .sort((one, other) => (one.end?.offset ?? 0) - (other.end?.offset ?? 0));
  const vouched = await vouchersOf(whole, trusted);
  for (const { unvouchedBytes } of vouched.values()) skippedBytes += unvouchedBytes;
  const checked = whole.map((run) => checkedRun(name, run, vouched.get(run)));
  return {
    ...{ name, skippedBytes, version: runs.size > 0 ? 3 : undefined },
    runs: inOrder(checked),
    repeatedRuns: runs.size - whole.length,
  };
}

function checkedRun(file: string, seen: Seen, vouched: Vouched | undefined): CheckedRun {
  const { stretches, gaps, end } = seen;
  const { header, voucher } = vouched ?? { header: seen.header, voucher: 'not authentic' };
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

interface Vouched {
  /** With the signature that counts. */
  readonly header: Header;
  readonly voucher: Voucher;
  /** Of copies of the header with other signatures, and of certificates that vouch for nothing. */
  readonly unvouchedBytes: number;
}

/** Those with the fewest signatures first: whoever adds false ones to some run shall not use up what the others may take. */
async function vouchersOf(runs: readonly Seen[], trusted: Key): Promise<Map<Seen, Vouched>> {
  const vouched = new Map<Seen, Vouched>();
  const signatures = ({ certificates, end }: Seen): number => certificates.length + (end?.copies.length ?? 0);
  const vain = { signatures: 0 };
  for (const run of [...runs].sort((one, other) => signatures(one) - signatures(other)))
    vouched.set(run, await vouchedBy(run, trusted, vain));
  return vouched;
}

async function vouchedBy(run: Seen, trusted: Key, vain: { signatures: number }): Promise<Vouched> {
  const { certificates, end } = run;
  const copies = end?.copies ?? [];
  const isWorthATry = (): boolean => vain.signatures < maxVainSignatures;
  const bytesOf = (all: readonly { readonly bytes: number }[]): number =>
    all.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!isNamed(run.header, trusted)) {
    return { header: run.header, voucher: 'not authentic', unvouchedBytes: bytesOf(certificates) };
  }
  const others = (counting: HeaderCopies): number => bytesOf(copies.filter((copy) => copy !== counting));
  for (const copy of copies) {
    const { cameraSignature } = copy;
    if (!cameraSignature || !isWorthATry()) continue;
    const header = { ...run.header, cameraSignature };
    if (await isSigned(header, trusted)) {
      return { header, voucher: 'signed', unvouchedBytes: others(copy) + bytesOf(certificates) };
    }
    vain.signatures += 1;
  }
  const unsigned = copies.find(({ cameraSignature }) => !cameraSignature);
  if (!unsigned) {
    return { header: run.header, voucher: 'not authentic', unvouchedBytes: bytesOf(certificates) };
  }
  const header = { ...run.header, cameraSignature: undefined };
  let furthest: Certification | undefined;
  let unvouchedBytes = others(unsigned);
  for (const certificate of certificates) {
    const at = isWorthATry() ? await certifiedAt(header, certificate, trusted) : undefined;
    const { toMs } = certificate;
    const isFurther = !furthest || (toMs ?? -1) > (furthest.toMs ?? -1);
    if (at && isFurther) furthest = { atMs: at.getTime(), toMs };
    if (at) continue;
    vain.signatures += 1;
    unvouchedBytes += certificate.bytes;
  }
  return { header, voucher: furthest ?? 'locked', unvouchedBytes };
}

function idOf(hash: Buffer): string {
  return hash.toString('base64');
}

function gapIn({ timeMs, content }: VouchedNote): NotedGap | undefined {
  try {
    const note = JSON.parse(content.toString('utf8')) as Record<string, unknown>;
    const { what, milliseconds, cause } = note;
    if (what !== 'gap' || typeof milliseconds !== 'number' || !(milliseconds >= 0)) return undefined;
    const fromMs = Math.max(0, timeMs - milliseconds);
    return { fromMs, toMs: timeMs, cause: typeof cause === 'string' ? cause : 'not told' };
  } catch {
    return undefined;
  }
}
