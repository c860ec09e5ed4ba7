import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Card } from './card.ts';
import { cardAfterCut, readWriteLog, survivors } from './write-log.ts';

const sector = 512;
let directory = '';
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-write-log-'));
});
after(() => rm(directory, { recursive: true, force: true }));

function entry(sectorNumber: number, flags: number, data: Buffer): Buffer {
  const head = Buffer.alloc(sector);
  head.writeBigUInt64LE(BigInt(sectorNumber), 0);
  head.writeBigUInt64LE(BigInt(data.length / sector), 8);
  head.writeBigUInt64LE(BigInt(flags), 16);
  return Buffer.concat([head, data]);
}

/** A log: write a to 0, flush, write b to 1, forced write c to 2, write d to 0. */
async function makeLog(): Promise<string> {
  const header = Buffer.alloc(sector);
  header.writeBigUInt64LE(0x6a736677736872n, 0);
  header.writeBigUInt64LE(1n, 8);
  header.writeUInt32LE(sector, 24);
  const file = path.join(directory, 'log');
  await writeFile(
    file,
    Buffer.concat([
      header,
      entry(0, 0, Buffer.alloc(sector, 'a')),
      entry(0, 1, Buffer.alloc(0)),
      entry(1, 0, Buffer.alloc(sector, 'b')),
      entry(2, 2, Buffer.alloc(sector, 'c')),
      entry(0, 0, Buffer.alloc(sector, 'd')),
      Buffer.alloc(sector),
    ]),
  );
  return file;
}

test('a cut loses what was not flushed and keeps what was, or was forced', async () => {
  const log = await makeLog();
  const requests = readWriteLog(log);
  assert.deepEqual(
    requests.map(({ kind }) => kind),
    ['write', 'flush', 'write', 'write', 'write'],
  );
  const original = path.join(directory, 'original');
  await writeFile(original, Buffer.alloc(3 * sector, '-'));
  const content = async (before: number, keeps: boolean): Promise<string> => {
    const cut = { before, keeps: () => keeps };
    const card = await cardAfterCut(new Card(original), log, requests, cut, path.join(directory, 'cut'));
    const bytes = await readFile(card.file, 'latin1');
    return [0, 1, 2].map((index) => bytes[index * sector]).join('');
  };
  assert.equal(await content(1, false), '---');
  assert.equal(await content(1, true), 'a--');
  assert.equal(await content(2, false), 'a--');
  assert.equal(await content(5, false), 'a-c');
  assert.equal(await content(5, true), 'dbc');
});

test('any choice among the writes since the last flush can be asked for', async () => {
  const requests = readWriteLog(await makeLog());
  const kept = survivors(requests, { before: 5, keeps: (_, index) => index === 4 });
  assert.deepEqual(
    kept.map(({ startByte }) => startByte / sector),
    [0, 2, 0],
  );
});
