import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { type Phase, writeAndCheck } from './write.ts';

let directory = '';
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-flash-'));
});
after(async () => {
  await rm(directory, { recursive: true });
});

const image = randomBytes((9 << 20) + 4321);
/** In pieces of an odd size, as a pipe delivers them. */
function pieces(bytes: Buffer): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 65_521) yield bytes.subarray(at, at + 65_521);
    })(),
  );
}

async function card(name: string, bytes: number, fill: number): Promise<string> {
  const file = path.join(directory, name);
  await writeFile(file, Buffer.alloc(bytes, fill));
  return file;
}

test('the image is on the card byte for byte, zeros included, and the rest of the card is untouched', async () => {
  const target = await card('card', image.length + 1000, 0xee);
  const zeroed = Buffer.from(image);
  zeroed.fill(0, 100_000, 6_000_000);
  const written = await writeAndCheck(pieces(zeroed), target, {
    onProgress: () => {},
    dropCache: async () => {},
  });
  const found = await readFile(target);
  assert.equal(found.subarray(0, zeroed.length).equals(zeroed), true);
  assert.equal(found.subarray(zeroed.length).equals(Buffer.alloc(1000, 0xee)), true);
  assert.deepEqual(written, {
    bytes: zeroed.length,
    sha256: createHash('sha256').update(zeroed).digest('hex'),
  });
});

test('progress is told for writing, then for reading back, up to the last byte', async () => {
  const target = await card('progress', image.length, 0);
  const seen: [Phase, number][] = [];
  await writeAndCheck(pieces(image), target, {
    onProgress: (phase, bytes) => seen.push([phase, bytes]),
    dropCache: async () => {},
  });
  const writing = seen.filter(([phase]) => phase === 'writing').map(([, bytes]) => bytes);
  const checking = seen.filter(([phase]) => phase === 'checking').map(([, bytes]) => bytes);
  assert.equal(writing.at(-1), image.length);
  assert.equal(checking.at(-1), image.length);
  assert.deepEqual(
    writing,
    writing.toSorted((a, b) => a - b),
  );
  assert.equal(
    seen.findIndex(([phase]) => phase === 'checking'),
    writing.length,
  );
});

test('a card that loses a bit is found out', async () => {
  const target = await card('broken', image.length, 0);
  const lose = async (): Promise<void> => {
    const handle = await open(target, 'r+');
    await handle.write(Buffer.from([(image[5_000_000] ?? 0) ^ 1]), 0, 1, 5_000_000);
    await handle.close();
  };
  await assert.rejects(writeAndCheck(pieces(image), target, { onProgress: () => {}, dropCache: lose }), {
    code: 'DEVICE_FAILED',
  });
});

test('an image whose source breaks off is a failure, not a short image', async () => {
  const target = await card('cut', image.length, 0);
  const source = Readable.from(
    (function* () {
      yield image.subarray(0, 5_000_000);
      throw new Error('xz failed');
    })(),
  );
  await assert.rejects(writeAndCheck(source, target, { onProgress: () => {}, dropCache: async () => {} }), {
    code: 'DEVICE_FAILED',
  });
});

test('a device that does not exist is not created', async () => {
  const target = path.join(directory, 'missing');
  await assert.rejects(
    writeAndCheck(pieces(image), target, { onProgress: () => {}, dropCache: async () => {} }),
    {
      code: 'DEVICE_FAILED',
    },
  );
  await assert.rejects(readFile(target), { code: 'ENOENT' });
});
