/** `encrocam verify --sample`: looks at each file's beginning and end, and at places drawn at random among all bytes. */
import { randomInt } from 'node:crypto';
import type { Key } from 'openpgp';
import { EncroCamError, isEncroCamError } from '../../errors.ts';
import { certifiedAt, isNamed } from '../../pgp/open-run.ts';
import type { Input } from '../../viewer/inputs.ts';
import { cameraTrust, type RunTrust } from '../../viewer/run-trust.ts';
import type { RandomAccess, Source } from '../../viewer/source.ts';
import type { ReadingProgress } from '../progress.ts';
import { mapFile, maxSearchBytes, type SampleTrust } from './file-map.ts';
import { FileSampler, type Sample } from './file-sampler.ts';
import { linksBetween, type MappedFile } from './links.ts';
import { CountedAccess } from './packets.ts';

export interface Audit {
  readonly place: string;
  readonly files: number;
  /** All bytes that samples are drawn from. */
  readonly sizeBytes: number;
  readonly bytesRead: number;
  readonly samples: readonly (Sample & { readonly file: string })[];
  /** What is not as it should be, beside the samples. */
  readonly problems: readonly string[];
  /** What is worth knowing, and no fault. */
  readonly remarks: readonly string[];
  /** Something was signed by somebody else than the camera. */
  readonly hasForeign: boolean;
}

export interface AuditOptions {
  /** Of samples, in files that are as likely as they are large. */
  readonly count: number;
  /** The camera's public key. */
  readonly trusted: Key;
  readonly progress: Pick<ReadingProgress, 'add'>;
  /** A whole number from 0 to below `range`, each as likely. Default: a cryptographic one. */
  readonly draw?: (range: number) => number;
  readonly nowMs?: number;
}

/** A file with what was seen of it. */
interface AuditedFile extends MappedFile {
  readonly input: Input;
  /** Of its bytes, from the first, samples are drawn. */
  readonly sizeBytes: number;
}

/** What `randomInt` can draw: 281 TB. */
const maxDrawBytes = 2 ** 48 - 1;
/** In so many files headers are looked for far and wide in vain: each may cost half a gigabyte. */
const maxVainSearches = 2;
const shortSearchBytes = 16 * 2 ** 20;
/** A recording is written to for some time after its slot, and clocks differ. */
const liveMs = 5 * 60_000;

export async function audit(
  place: string,
  inputs: Iterable<Input> | AsyncIterable<Input>,
  { count, trusted, progress, draw = randomInt, nowMs = Date.now() }: AuditOptions,
): Promise<Audit> {
  const trust = cameraTrust(trusted);
  const [files, problems, remarks]: [AuditedFile[], string[], string[]] = [[], [], []];
  const all = await unrepeated(inputs, remarks);
  let bytesRead = 0;
  let vainSearches = 0;
  for (const input of all) {
    const seen = await withAccess(input, async (name, access) => {
      const counted = new CountedAccess(access);
      const searchBytes = vainSearches < maxVainSearches ? maxSearchBytes : shortSearchBytes;
      const map = await mapFile(counted, sampleTrust(trust, trusted, counted), searchBytes);
      if (map.kind === 'unmapped' && counted.bytesRead > shortSearchBytes) vainSearches += 1;
      bytesRead += counted.bytesRead;
      progress.add(counted.bytesRead, input.recording?.startMs);
      return { input, name, map, sizeBytes: access.sizeBytes };
    });
    if (typeof seen === 'string') problems.push(seen);
    else files.push(seen);
  }
  const told = withoutLiveEnd(files, nowMs);
  remarks.push(...told.remarks);
  const links = linksBetween(told.files);
  problems.push(...told.problems, ...links.problems);
  const samples: (Sample & { file: string })[] = [];
  for (const { file, offsets } of drawn(told.files, count, draw)) {
    const { map, input, name } = file;
    if (map.kind === 'unmapped' || links.misplaced.has(name)) {
      // Nothing in it is in its place: there is nothing to read.
      const verdict: Sample['verdict'] = map.kind === 'unmapped' ? 'unsigned' : 'misplaced';
      samples.push(...offsets.map((offset) => ({ offset, verdict, bytesRead: 0, file: name })));
      continue;
    }
    const read = await withAccess(input, async (_, access) => {
      const sampler = new FileSampler(access, map.runs, sampleTrust(trust, trusted, access));
      for (const offset of offsets) {
        const sample = await sampler.sampleAt(offset);
        samples.push({ ...sample, file: name });
        bytesRead += sample.bytesRead;
        progress.add(sample.bytesRead, input.recording?.startMs);
      }
    });
    if (typeof read === 'string') problems.push(read);
  }
  const sizeBytes = told.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const hasForeign = files.some(({ map }) => map.kind === 'unmapped' && map.isForeign);
  return { ...{ place, files: all.length, sizeBytes, bytesRead, samples }, problems, remarks, hasForeign };
}

/** A place that nobody vouches for proves nothing: it may be the end that a power cut left, or noise. */
export function isAuditSound({ samples, problems }: Audit): boolean {
  return samples.length > 0 && problems.length === 0 && samples.every(({ verdict }) => verdict === 'intact');
}

/**
 * The share of bytes that may still not be in their place, if all of so many samples were.
 * @param confidence for example 0.95.
 */
export function undetectedShare(samples: number, confidence: number): number {
  return samples === 0 ? 1 : 1 - (1 - confidence) ** (1 / samples);
}

/** Copies beside a recording have the same bytes once more, and would count as repeated. By name they are looked at. */
async function unrepeated(
  inputs: Iterable<Input> | AsyncIterable<Input>,
  remarks: string[],
): Promise<readonly Input[]> {
  const all: Input[] = [];
  for await (const input of inputs) all.push(input);
  const wanted = all.length === 1 ? all : all.filter(({ recording }) => recording?.conflict === undefined);
  const left = all.length - wanted.length;
  if (left > 0)
    remarks.push(`${left} conflict ${left === 1 ? 'copy is' : 'copies are'} left out: check them by name`);
  return wanted;
}

/** What is being recorded has an end that nothing vouches for yet: it is left out. Any other newest one should have an end. */
function withoutLiveEnd(
  files: readonly AuditedFile[],
  nowMs: number,
): { readonly files: readonly AuditedFile[]; readonly remarks: string[]; readonly problems: string[] } {
  const newest = files.at(-1);
  const last = newest?.map.kind === 'mapped' ? newest.map.runs.at(-1)?.last : undefined;
  if (!newest || !last || last.isFinal) return { files, remarks: [], problems: [] };
  const { recording } = newest.input;
  const isNow =
    recording &&
    recording.startMs - liveMs < nowMs &&
    nowMs < recording.startMs + recording.lengthMs + liveMs;
  if (isNow) {
    const behind = newest.sizeBytes - last.place;
    const remark = `${newest.name} is being recorded: ${behind} bytes behind what was signed last are left out`;
    return {
      files: [...files.slice(0, -1), { ...newest, sizeBytes: last.place }],
      remarks: [remark],
      problems: [],
    };
  }
  const problem = `${newest.name} is without an end: the power was lost, or its end was cut off`;
  return { files, remarks: [], problems: [problem] };
}

/** Places among all bytes, each as likely as any other, by the files that they lie in. */
function drawn(
  files: readonly AuditedFile[],
  count: number,
  draw: (range: number) => number,
): { readonly file: AuditedFile; readonly offsets: readonly number[] }[] {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const places = files.map((file): { file: AuditedFile; offsets: number[] } => ({ file, offsets: [] }));
  for (let sample = 0; sample < count && sizeBytes > 0; sample++) {
    let offset = draw(Math.min(sizeBytes, maxDrawBytes));
    const chosen = places.find(({ file }) => {
      if (offset < file.sizeBytes) return true;
      offset -= file.sizeBytes;
      return false;
    });
    chosen?.offsets.push(offset);
  }
  return places
    .filter(({ offsets }) => offsets.length > 0)
    .map(({ file, offsets }) => ({ file, offsets: offsets.sort((one, other) => one - other) }));
}

/** Of a run that began while the camera was locked, the whole file may be read once: for the certificate behind it. */
function sampleTrust(trust: RunTrust, trusted: Key, access: RandomAccess): SampleTrust {
  return {
    async reachOf(header) {
      try {
        return (await trust.reachOf(header, access)).packets;
      } catch (error) {
        if (isEncroCamError(error, 'NOT_AUTHENTIC')) return 0;
        throw error;
      }
    },
    isForeign: (header) => header.cameraSignature !== undefined || !isNamed(header, trusted),
    isGenuine: async (header, certificate) => (await certifiedAt(header, certificate, trusted)) !== undefined,
  };
}

/**
 * One file open at a time: a drive may hold thousands.
 * @returns what is wrong, as text, where the file cannot be read: the others are looked at all the same.
 */
async function withAccess<T>(
  input: Input,
  work: (name: string, access: RandomAccess) => Promise<T>,
): Promise<T | string> {
  let source: Source | undefined;
  try {
    source = await input.open();
    if (!source.access) return `${source.name}: it is no file that can be read at random places`;
    return await work(source.name, source.access);
  } catch (error) {
    if (error instanceof EncroCamError && error.code === 'INPUT_UNREADABLE') return error.message;
    throw error;
  } finally {
    await source?.close();
  }
}
