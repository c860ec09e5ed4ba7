import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { MemoryDrive } from '../../test/support/memory-storage.ts';
import { isEncroCamError } from '../errors.ts';
import { drivePath } from '../storage/storage.ts';
import { type Comparison, compareCopy, comparedTailBytes } from './compare.ts';

const key = drivePath('/', 'file');
const local = randomBytes(300_000);

async function compare(
  context: TestContext,
  held: Uint8Array,
  driveBytes = held.length,
  drive = new MemoryDrive(),
  andNoMore = true,
): Promise<Comparison> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-compare-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'file');
  await writeFile(file, local);
  drive.add(key, held);
  const storage = drive.session();
  await storage.connect();
  return compareCopy(storage, key, driveBytes, file, andNoMore);
}

function altered(length: number, at: number): Buffer {
  const bytes = Buffer.from(local.subarray(0, length));
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

for (const length of [0, 1, 64, comparedTailBytes, comparedTailBytes + 1, 200_000, local.length]) {
  test(`the first ${length} bytes of the local file are the same`, async (context) => {
    const comparison = await compare(context, local.subarray(0, length));
    assert.equal(comparison.kind, 'same');
  });
}

for (const [what, held] of [
  ['the last byte', altered(200_000, 199_999)],
  ['the first of the last 64 KiB', altered(200_000, 200_000 - comparedTailBytes)],
  ['the first byte', altered(200_000, 0)],
  ['the only byte', altered(1, 0)],
] as const) {
  test(`a copy of which ${what} differs is different`, async (context) => {
    assert.equal((await compare(context, held)).kind, 'different');
  });
}

test('a copy longer than the local file is different', async (context) => {
  assert.equal((await compare(context, Buffer.concat([local, Buffer.from('x')]))).kind, 'different');
});

test('a copy that holds more is the same as far as the local file goes, if only that is asked', async (context) => {
  const more = Buffer.concat([local, Buffer.from('lost in a power cut')]);
  assert.equal((await compare(context, more, local.length, new MemoryDrive(), false)).kind, 'same');
  more[local.length - 1] = (more[local.length - 1] ?? 0) ^ 1;
  assert.equal((await compare(context, more, local.length, new MemoryDrive(), false)).kind, 'different');
});

test('a copy that is longer than the drive tells is different', async (context) => {
  assert.equal((await compare(context, local.subarray(0, 5000), 4000)).kind, 'different');
});

test('a copy that is shorter than the drive tells is different', async (context) => {
  assert.equal((await compare(context, local.subarray(0, 5000), 6000)).kind, 'different');
});

test('a copy that may not be read is different: it cannot be known what it holds', async (context) => {
  const drive = new MemoryDrive();
  drive.fault = (operation) =>
    operation === 'read' ? { kind: 'refuse', code: 'STORAGE_REFUSED' } : undefined;
  assert.equal((await compare(context, local.subarray(0, 5000), 5000, drive)).kind, 'different');
});

test('a connection that breaks while comparing says nothing about the copy', async (context) => {
  const drive = new MemoryDrive();
  drive.fault = (operation) => (operation === 'read' ? { kind: 'disconnect' } : undefined);
  await assert.rejects(compare(context, local.subarray(0, 5000), 5000, drive), (error) =>
    isEncroCamError(error, 'STORAGE_UNREACHABLE'),
  );
});

test('a local file that is gone is told apart from a copy that differs', async () => {
  const storage = new MemoryDrive().session();
  assert.deepEqual(await compareCopy(storage, key, 5, '/nonexistent/file'), { kind: 'gone' });
});
