/** Writes an evidence bundle: what is needed to check a part of a camera's recordings offline, without EncroCam. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Key } from 'openpgp';
import {
  certifiedLine,
  type Header,
  PacketReader,
  RunOpener,
  readCertificate,
  signedLine,
} from '../encrocrypt/v3/index.ts';
import { EncroCamError } from '../errors.ts';
import { printable } from '../log.ts';
import { fingerprintOf } from '../pgp/keys.ts';
import { certifiedAt } from '../pgp/open-run.ts';
import { checkFile } from '../verifier/check-file.ts';
import type { ReadingProgress } from '../verifier/progress.ts';
import { openFileSource, type Source } from '../viewer/source.ts';
import { type Capability, encodeCapability, type SharedRun } from './capability.ts';
import { type AroundParts, reportOf, reportText } from './evidence-report.ts';
import { type Excerpt, ExcerptFinder, type Place } from './excerpt.ts';
import type { FoundRun } from './find-runs.ts';
import { judgePart, type PartVerdict } from './judge-part.ts';
import { shareLink } from './link.ts';
import { type DescribedPart, readmeOf } from './readme.ts';

export interface EvidencePart extends DescribedPart {
  readonly file: string;
  readonly shared: SharedRun;
  readonly verdict: PartVerdict;
}

/**
 * Copies the part of one run, and what it takes to check it, into the bundle.
 * @param name what its files are called, without an ending.
 * @throws {EncroCamError} `INPUT_UNREADABLE`
 */
export async function writePart(
  directory: string,
  name: string,
  run: FoundRun,
  shared: SharedRun,
  { trusted, progress }: { readonly trusted: Key; readonly progress: ReadingProgress },
): Promise<EvidencePart> {
  const file = path.join(directory, `${name}.encrocam`);
  const source = await run.input.open();
  let excerpt: Excerpt;
  try {
    excerpt =
      (await findFrom(source, run, shared, progress)) ??
      (await find(source.name, progress.read(source, run.input), run.header, shared));
    await copy(source, excerpt.places, file);
  } finally {
    await source.close();
  }
  const asked = { fromMs: excerpt.fromMs, toMs: shared.toMs };
  const nodes = shared.nodes.map(({ depth, index, key }) => ({ depth, index, key: key.toString('hex') }));
  await writePrivate(path.join(directory, `${name}.nodes.json`), `${JSON.stringify(nodes, undefined, 2)}\n`);
  const signed = await signedBy(run.header, file, trusted);
  if (signed) {
    await writePrivate(path.join(directory, `${name}.signed.txt`), signed.line);
    await writePrivate(path.join(directory, `${name}.signed.sig`), signed.signature);
  }
  const verdict = await judge(file, name, asked, trusted);
  return {
    ...{
      name,
      file,
      shared,
      verdict,
      header: run.header,
      sourceFile: path.basename(run.checked.file),
    },
    ...{ fromMs: asked.fromMs, toMs: verdict.toMs },
    video: { fromMs: excerpt.videoFromMs, toMs: shared.toMs },
    ...{ isSigned: signed !== undefined, isSound: verdict.isSound },
    isCertified: signed !== undefined && run.header.cameraSignature === undefined,
  };
}

/** The video of a part, as `encrocrypt3.py decrypt --from --to` gives it. */
export async function* videoOf(part: EvidencePart): AsyncGenerator<Buffer> {
  const { initialisation } = part.header.statement;
  if (initialisation) yield initialisation;
  yield* packetsOf(part);
}

/** Whether there is anything to see: of what was destroyed, the evidence is worth having all the same. */
export async function hasVideo(part: EvidencePart): Promise<boolean> {
  const packets = packetsOf(part);
  try {
    return (await packets.next()).done !== true;
  } finally {
    await packets.return(undefined);
  }
}

async function* packetsOf({ file, shared, video: { fromMs, toMs } }: EvidencePart): AsyncGenerator<Buffer> {
  const reader = new PacketReader();
  const opener = new RunOpener(shared);
  const source = await openFileSource(file);
  const drained = function* (): Generator<Buffer> {
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind !== 'data' || item.timeMs < fromMs || item.timeMs >= toMs) continue;
      const opened = opener.open(item);
      if (!opened) reader.reject();
      else if (opener.isNext(item)) yield opened;
    }
  };
  try {
    for await (const chunk of source.stream(0)) {
      reader.push(chunk);
      yield* drained();
    }
    reader.end();
    yield* drained();
  } finally {
    await source.close();
  }
}

export interface Bundle {
  readonly capability: Capability;
  readonly parts: readonly EvidencePart[];
  /** Where the videos are, and what they will be called. */
  readonly videos: readonly { readonly file: string; readonly name: string }[];
  readonly around: AroundParts;
  readonly trusted: Key;
}

/** Adds what is about all parts: keys, reports, the reader, the text, and the sums of everything. */
export async function completeBundle(directory: string, bundle: Bundle): Promise<void> {
  const { capability, parts, around, trusted } = bundle;
  const videos: { name: string; sha256: string }[] = [];
  for (const { file, name } of bundle.videos) videos.push({ name, sha256: await sha256Of(file) });
  const { fromMs, toMs } = capability;
  const camera = fingerprintOf(trusted);
  const files: Readonly<Record<string, string>> = {
    'camera.public.asc': trusted.toPublic().armor(),
    'share.txt': `${shareLink(encodeCapability(capability))}\n`,
    'encrocrypt3.py': await readFile(new URL('./encrocrypt3.py', import.meta.url), 'utf8'),
    'report.txt': reportText(parts, around, camera),
    'report.json': `${JSON.stringify(reportOf(parts, around, camera), undefined, 2)}\n`,
    'README.txt': readmeOf({ fromMs, toMs, camera, parts, around, videos }),
  };
  for (const [name, text] of Object.entries(files)) await writePrivate(path.join(directory, name), text);
  const sums: string[] = [];
  for (const name of (await readdir(directory)).sort()) {
    sums.push(`${await sha256Of(path.join(directory, name))}  ${name}\n`);
  }
  await writePrivate(path.join(directory, 'SHA256SUMS'), sums.join(''));
}

/**
 * Begins at a place that was found before.
 * @returns undefined where that is not known, or nothing there leads to the part.
 */
async function findFrom(
  source: Source,
  { header, input, readFrom }: FoundRun,
  shared: SharedRun,
  progress: ReadingProgress,
): Promise<Excerpt | undefined> {
  if (!readFrom || !source.access) return undefined;
  const { headerOffset, headerEnd, offset } = readFrom;
  const [headerBytes, begin] = [
    headerEnd - headerOffset,
    await source.access.read(headerOffset, headerEnd - headerOffset),
  ];
  const finder = new ExcerptFinder(header, shared);
  finder.push(begin);
  for await (const chunk of source.stream(offset)) {
    progress.add(chunk.length, input.recording?.startMs);
    finder.push(chunk);
    if (finder.isComplete) break;
  }
  const found = finder.end();
  if (!found || begin.length !== headerBytes) return undefined;
  // What lies between was not read, so nothing of the part may reach across.
  const isTorn =
    offset > headerEnd &&
    found.places.some((place) => place.offset < headerBytes && place.offset + place.length > headerBytes);
  if (isTorn) return undefined;
  const inFile = (at: number): number => (at < headerBytes ? headerOffset + at : offset + at - headerBytes);
  return { ...found, places: found.places.map((place) => ({ ...place, offset: inFile(place.offset) })) };
}

async function find(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  header: Header,
  shared: SharedRun,
): Promise<Excerpt> {
  const finder = new ExcerptFinder(header, shared);
  for await (const chunk of chunks) {
    finder.push(chunk);
    if (finder.isComplete) break;
  }
  const excerpt = finder.end();
  if (excerpt) return excerpt;
  throw new EncroCamError('INPUT_UNREADABLE', `${printable(name)} is not what it was a moment ago.`, {
    hint: 'Something writes to it. Copy it elsewhere, and export from there.',
  });
}

async function copy(source: Source, places: readonly Place[], file: string): Promise<void> {
  const target = await open(file, 'wx', 0o600);
  try {
    for (const { offset, length } of places) {
      let left = length;
      if (left === 0) continue;
      for await (const chunk of source.stream(offset)) {
        const wanted = chunk.subarray(0, left);
        await target.writeFile(wanted);
        left -= wanted.length;
        if (left === 0) break;
      }
    }
  } finally {
    await target.close();
  }
}

/** What the camera signed for this run: the line of its header or, if it was locked then, of its certificate. */
async function signedBy(
  header: Header,
  file: string,
  trusted: Key,
): Promise<{ readonly line: string; readonly signature: Buffer } | undefined> {
  const { cameraSignature } = header;
  if (cameraSignature) return { line: signedLine(header.hash), signature: cameraSignature };
  const source = await openFileSource(file);
  const reader = new PacketReader({ hasKeys: false });
  try {
    for await (const chunk of source.stream(0)) {
      reader.push(chunk);
      for (let item = reader.next(); item; item = reader.next()) {
        const certificate = item.kind === 'certificate' && readCertificate(item.body);
        if (certificate && (await certifiedAt(header, certificate, trusted))) {
          return { line: certifiedLine(certificate), signature: certificate.cameraSignature };
        }
      }
    }
  } finally {
    await source.close();
  }
  return undefined;
}

async function judge(
  file: string,
  name: string,
  part: { readonly fromMs: number; readonly toMs: number },
  trusted: Key,
): Promise<PartVerdict> {
  const source = await openFileSource(file);
  try {
    const { runs, repeatedRuns } = await checkFile(name, source.stream(0), trusted);
    const [run] = runs;
    if (!run) return { isSound: false, stretches: [], toMs: part.toMs };
    const verdict = judgePart(run, part);
    // Nothing but this run, in one piece, belongs into the file of its part.
    return { ...verdict, isSound: verdict.isSound && runs.length === 1 && repeatedRuns === 0 };
  } finally {
    await source.close();
  }
}

/** The keys are in it: for nobody's eyes but the owner's until they pass it on. */
async function writePrivate(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(file, content, { flag: 'wx', mode: 0o600 });
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
