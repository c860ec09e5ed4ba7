/** Which headers must be refused, and which must not: the reader in TypeScript and the one in Python agree, each by itself and all in one file. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { envelopeBytes, FileVerifier, readHeader } from '../../runtime/encrocrypt/v3/index.ts';
import { longHeaders } from './header-builder.ts';
import { vectors } from './vector-files.ts';

interface Listed {
  readonly what: string;
  readonly isRefused: boolean;
  readonly offset: number;
  readonly bytes: number;
}

const file = path.join(vectors, 'headers.encrocam');
const bytes = await readFile(file);
const { headers } = JSON.parse(await readFile(path.join(vectors, 'expected.json'), 'utf8')) as {
  headers: Listed[];
};
const helper = path.join(import.meta.dirname, 'encrocrypt3_from_text.py');
const reader = path.join(import.meta.dirname, '../../runtime/sharing/encrocrypt3.py');

/** What it prints, whatever its exit code. */
function python(args: readonly string[], input = ''): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = execFile('python3', [...args], (_, output, errors) =>
      output === '' ? reject(new Error(errors)) : resolve(JSON.parse(output)),
    );
    child.stdin?.end(input);
  });
}

async function refusedByPython(place: string, listed: readonly Listed[]): Promise<string[]> {
  const places = JSON.stringify(listed.map(({ offset, bytes: length }) => [offset, length]));
  const isTaken = (await python([helper, 'headers', place], places)) as boolean[];
  assert.equal(isTaken.length, listed.length);
  return listed.filter((_, at) => !isTaken[at]).map(({ what }) => what);
}

function refusedByOurs(content: Buffer, listed: readonly Listed[]): string[] {
  const bodyOf = ({ offset, bytes: length }: Listed): Buffer =>
    content.subarray(offset + envelopeBytes, offset + length);
  return listed.filter((header) => readHeader(bodyOf(header)) === undefined).map(({ what }) => what);
}

function refused(listed: readonly Listed[]): string[] {
  return listed.filter(({ isRefused }) => isRefused).map(({ what }) => what);
}

test('each header that breaks a rule is refused by both, and no other', async () => {
  const listed = refused(headers);
  assert.ok(listed.length > 60 && headers.length - listed.length >= 10);
  assert.deepEqual(refusedByOurs(bytes, headers), listed);
  assert.deepEqual(await refusedByPython(file, headers), listed);
});

test('in one file, a run begins at each that keeps the rules, and the others are bytes that belong to nothing', async () => {
  const runs: number[] = [];
  let skipped = 0;
  const verifier = new FileVerifier({
    onRun: (_, offset) => runs.push(offset),
    onStretch: () => assert.fail('there is nothing that took time'),
    onRunEnd: () => undefined,
    onSkip: ({ length }) => {
      skipped += length;
    },
  });
  verifier.push(bytes);
  verifier.end();
  const taken = headers.filter(({ isRefused }) => !isRefused);
  assert.deepEqual(
    runs,
    taken.map(({ offset }) => offset),
  );
  assert.equal(
    skipped,
    headers.filter(({ isRefused }) => isRefused).reduce((sum, header) => sum + header.bytes, 0),
  );
  const camera = path.join(vectors, '../encrocrypt2/camera.public.asc');
  const pythons = (await python([reader, 'verify', file, '--camera', camera])) as { camera: string }[];
  assert.deepEqual(
    pythons.map(({ camera: _, ...report }) => report),
    taken.map(() => ({ state: 'locked', ended: false, stretches: [] })),
  );
});

test('parts as long as they may be are taken by both, and one byte more by neither', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-headers-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const place = path.join(directory, 'long');
  const long = longHeaders();
  const content = Buffer.concat(long.map(({ packet }) => packet));
  await writeFile(place, content);
  let end = 0;
  const listed = long.map(({ what, isRefused, packet }) => {
    end += packet.length;
    return { what, isRefused, offset: end - packet.length, bytes: packet.length };
  });
  assert.deepEqual(refusedByOurs(content, listed), refused(listed));
  assert.deepEqual(await refusedByPython(place, listed), refused(listed));
});
