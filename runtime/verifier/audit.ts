/** `encrocam verify --sample`: picks places at random among all bytes, and says what the samples prove. */
import { randomInt } from 'node:crypto';
import type { Key } from 'openpgp';
import type { Header } from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { printable } from '../log.ts';
import type { Input } from '../viewer/inputs.ts';
import { cameraTrust, type RunTrust } from '../viewer/run-trust.ts';
import type { RandomAccess, Source } from '../viewer/source.ts';
import { sizeText } from '../viewer/timeline.ts';
import type { ReadingProgress } from './progress.ts';
import { FileSampler, type Sample, undetectedShare } from './sample.ts';

export interface Audit {
  readonly place: string;
  readonly files: number;
  readonly sizeBytes: number;
  readonly bytesRead: number;
  readonly samples: readonly (Sample & { readonly file: string })[];
}

const confidence = 0.95;
/** What `randomInt` can draw: 281 TB. */
const maxDrawBytes = 2 ** 48 - 1;

export interface AuditOptions {
  /** Of samples, in files that are as likely as they are large. */
  readonly count: number;
  /** The camera's public key. */
  readonly trusted: Key;
  readonly progress: ReadingProgress;
}

export async function audit(
  place: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  { count, trusted, progress }: AuditOptions,
): Promise<Audit> {
  const files: { input: Input; sizeBytes: number; offsets: number[] }[] = [];
  for await (const input of inputs) {
    const sizeBytes = await withSource(input, async ({ access }) => access?.sizeBytes ?? 0);
    if (sizeBytes > 0) files.push({ input, sizeBytes, offsets: [] });
  }
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  for (let sample = 0; sample < count && sizeBytes > 0; sample++) {
    let offset = randomInt(Math.min(sizeBytes, maxDrawBytes));
    const chosen = files.find((file) => {
      if (offset < file.sizeBytes) return true;
      offset -= file.sizeBytes;
      return false;
    });
    chosen?.offsets.push(offset);
  }
  const samples: (Sample & { file: string })[] = [];
  const trust = cameraTrust(trusted);
  for (const { input, offsets } of files) {
    if (offsets.length === 0) continue;
    await withSource(input, async ({ name, access }) => {
      if (!access) return;
      const sampler = new FileSampler(access, (header) => reachIn(access, header, trust));
      for (const offset of offsets.sort((one, other) => one - other)) {
        const sample = await sampler.sampleAt(offset);
        samples.push({ ...sample, file: name });
        progress.add(sample.bytesRead, input.recording?.startMs);
      }
    });
  }
  const bytesRead = samples.reduce((sum, sample) => sum + sample.bytesRead, 0);
  return { place, files: files.length, sizeBytes, bytesRead, samples };
}

/** Of a run that began while the camera was locked, the whole file may be read once: for the certificate behind it. */
async function reachIn(access: RandomAccess, header: Header, trust: RunTrust): Promise<number> {
  try {
    return (await trust.reachOf(header, access)).packets;
  } catch (error) {
    if (isEncroCamError(error, 'NOT_AUTHENTIC')) return 0;
    throw error;
  }
}

/** One file open at a time: a drive may hold thousands. */
async function withSource<T>(input: Input, work: (source: Source) => Promise<T>): Promise<T> {
  const source = await input.open();
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** A place that nobody vouches for proves nothing: it may be the end that a power cut left, or noise. */
export function isAuditSound({ samples }: Audit): boolean {
  return samples.length > 0 && samples.every(isIntact);
}

export function auditAsText(result: Audit): string {
  const { place, files, sizeBytes, bytesRead, samples } = result;
  const damaged = samples.filter(({ verdict }) => verdict === 'damaged');
  const unsigned = samples.filter(({ verdict }) => verdict === 'unsigned');
  const intact = samples.filter(isIntact);
  const share = (100 * undetectedShare(intact.length, confidence)).toPrecision(2);
  const lines = [
    printable(place),
    `  ${samples.length} samples in ${files} file${files === 1 ? '' : 's'} of ${sizeText(sizeBytes)}, ${sizeText(bytesRead)} read`,
    ...damaged.map(
      ({ file, offset }) => `  ! damaged, or not all there: ${printable(file)} behind byte ${offset}`,
    ),
    damaged.length > 0
      ? `  ${damaged.length} of ${samples.length} samples are NOT as the camera recorded it: check everything, without --sample`
      : intact.length === 0
        ? '  nothing that the camera signed was found'
        : unsigned.length > 0
          ? `  nothing vouches for ${unsigned.length} of ${samples.length} places (an end that was never signed, or noise): check everything, without --sample`
          : `  all are as the camera recorded it: with ${100 * confidence} % confidence less than ${share} % of what is here is not.` +
            '\n  Whether files or ends are missing is told only by checking everything, without --sample.',
  ];
  return `${lines.join('\n')}\n`;
}

export function auditsAsJson(audits: readonly Audit[]): string {
  const places = audits.map((result) => ({
    ...result,
    sound: isAuditSound(result),
    confidence,
    undetectedShare: undetectedShare(result.samples.filter(isIntact).length, confidence),
  }));
  return `${JSON.stringify({ places }, undefined, 2)}\n`;
}

function isIntact({ verdict }: Sample): boolean {
  return verdict === 'intact';
}
