/**
 * Makes what `test/vectors/encrocrypt3` lacks: `node test/interop/make-vectors.ts`. What is there stays, byte for byte, with what
 * `expected.json` says of it. To make a set of them anew, remove its files: what is random in them is new then. Video and OpenPGP keys
 * are those of `encrocrypt2` beside it; keys of version 6 are in the directory itself.
 */
import { access, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { cameraKeys } from '../support/camera-recordings.ts';
import { digestOf, type MadeVector, vectors } from './vector-files.ts';

interface Described {
  readonly file: string;
}

interface Expected {
  readonly files: readonly Described[];
  readonly keyTree: object;
  readonly headers: readonly object[];
}

const expectedFile = path.join(vectors, 'expected.json');
const headersFile = 'headers.encrocam';
const before = JSON.parse(await readFile(expectedFile, 'utf8').catch(() => '{"files":[]}')) as Expected;

async function isThere(file: string): Promise<boolean> {
  return access(path.join(vectors, file)).then(
    () => true,
    () => false,
  );
}

/** What is said of these files, where all of them are there. */
async function kept(...files: readonly string[]): Promise<Described[] | undefined> {
  if (!(await Promise.all(files.map(isThere))).every(Boolean)) return undefined;
  return files.flatMap((file) => before.files.find((described) => described.file === file) ?? []);
}

async function write(made: readonly MadeVector[]): Promise<Described[]> {
  for (const { file, packets } of made)
    await writeFile(path.join(vectors, file), Buffer.concat([...packets]));
  return made.map(({ file, what, runs, plaintext, more }) => ({
    file,
    what,
    runs,
    ...digestOf(plaintext),
    ...more,
  }));
}

/** These come from one run: `keyTree` is that of `whole`. */
async function ofDamage(): Promise<Pick<Expected, 'files' | 'keyTree'>> {
  const names = [
    'whole',
    'two-runs',
    'changed',
    'left-out',
    'cut',
    'forked',
    'locked',
    'certified',
    'certified-in-part',
  ];
  const files = await kept(...names.map((name) => `${name}.encrocam`));
  if (files) return { files, keyTree: before.keyTree };
  const made = await import('./vectors-of-damage.ts');
  return { files: await write(made.files), keyTree: made.keyTree };
}

async function ofKinds(): Promise<readonly Described[]> {
  const names = [
    'mp4',
    'version-6',
    'wrapped',
    'index',
    'certified-later',
    'noise-behind-a-packet',
    'cut-in-a-marker',
  ];
  const files = await kept(...names.map((name) => `${name}.encrocam`));
  return files ?? write((await import('./vectors-of-kinds.ts')).files);
}

async function ofHeaders(): Promise<readonly object[]> {
  if (await isThere(headersFile)) return before.headers;
  const { headers } = await import('./vectors-of-headers.ts');
  await writeFile(path.join(vectors, headersFile), Buffer.concat(headers.map(({ packet }) => packet)));
  let offset = 0;
  return headers.map(({ what, isRefused, packet }) => {
    offset += packet.length;
    return { what, isRefused, offset: offset - packet.length, bytes: packet.length };
  });
}

const { files, keyTree } = await ofDamage();
const expected = {
  camera: fingerprintOf((await cameraKeys()).signer),
  files: [...files, ...(await ofKinds())],
  keyTree,
  headers: await ofHeaders(),
};
await writeFile(expectedFile, `${JSON.stringify(expected, undefined, 2)}\n`);
