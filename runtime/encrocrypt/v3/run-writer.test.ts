import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { FormatError, hashBytes, runIdBytes, secretBytes } from './format.ts';
import { hashBeside, leafHash, leafRoom } from './merkle.ts';
import { makeRunKey } from './run-key.ts';
import { type PacketParts, RunWriter, type RunWriterOptions } from './run-writer.ts';

const options = {
  runId: randomBytes(runIdBytes),
  runPrivateKey: makeRunKey().privateKey,
  headerHash: randomBytes(hashBytes),
  segmentMs: 60_000,
  // All packets come at once.
  nowMs: () => 0,
};
const secret = randomBytes(secretBytes);

function newWriter(hashing: Pick<RunWriterOptions, 'hashBeside'>): RunWriter {
  return new RunWriter({ ...options, ...hashing, secret: Buffer.from(secret) });
}

const sizes = [1, 33_000, 70_000, 40_000, 5, 1_000_000, 33_000, 33_000, 3_000_000, 2000];
const videos = sizes.map((size) => randomBytes(size));

async function written(hashing: Pick<RunWriterOptions, 'hashBeside'>): Promise<Buffer> {
  const writer = newWriter(hashing);
  const packets: Buffer[] = [];
  // At once, because the writer may use its room again.
  const keep = (parts: PacketParts): number => packets.push(Buffer.concat(parts));
  for (const round of [0, 1]) {
    for (const [index, video] of videos.entries()) keep(writer.data(video, round * 5000 + index, true));
    keep(writer.note({ what: 'storage-full' }, round * 5000 + 100));
    await writer.hashed();
    keep([writer.checkpoint(round * 5000 + 200)]);
  }
  keep(writer.data(videos[1] ?? Buffer.alloc(0), 10_000, true));
  await writer.hashed();
  keep(writer.final(11_000, 'stop'));
  return Buffer.concat(packets);
}

test('a run is the same byte for byte, wherever its packets are hashed and whichever hash is done first', async () => {
  const atOnce = await written({});
  assert.deepEqual(await written({ hashBeside }), atOnce);
  const began: (() => void)[] = [];
  const backwards = async (bytes: Buffer<ArrayBuffer>): Promise<Buffer> => {
    const hash = hashBeside(bytes);
    const turn = new Promise<void>((resolve) => began.unshift(resolve));
    setImmediate(() => began.shift()?.());
    await turn;
    return hash;
  };
  assert.deepEqual(await written({ hashBeside: backwards }), atOnce);
});

test('what is hashed in another thread may be overwritten at once', async () => {
  const bytes = randomBytes(100_000);
  const expected = leafHash(bytes);
  const { whole, packet } = leafRoom(bytes.length);
  packet.set(bytes);
  const hash = hashBeside(whole);
  whole.fill(0);
  assert.deepEqual(await hash, expected);
});

test('neither checkpoint nor final is made while hashes are missing', async () => {
  const writer = newWriter({ hashBeside });
  writer.data(randomBytes(10), 0, true);
  writer.data(randomBytes(40_000), 0, true);
  assert.equal(writer.uncovered, 2);
  assert.throws(() => writer.checkpoint(1), FormatError);
  assert.throws(() => writer.final(1, 'stop'), FormatError);
  await writer.hashed();
  assert.equal(writer.uncovered, 2);
  writer.checkpoint(1);
  assert.equal(writer.uncovered, 0);
});

test('small packets are hashed at once, and large ones too where others wait already', async () => {
  const beside: number[] = [];
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const writer = newWriter({
    hashBeside: (bytes) => {
      beside.push(bytes.length);
      return promise;
    },
  });
  for (const size of [100, 40_000, 20_000, 50_000, 3_000_000, 60_000, 70_000, 80_000]) {
    writer.data(randomBytes(size), 0, true);
  }
  // The byte of a leaf, and 25 of a packet.
  assert.deepEqual(beside, [40_026, 50_026, 60_026]);
  resolve(Buffer.alloc(hashBytes));
  await writer.hashed();
  writer.data(randomBytes(40_000), 0, true);
  assert.equal(beside.length, 4);
});

test('nothing is signed any more after a packet that could not be hashed', async () => {
  const failed = new Error('no memory');
  const writer = newWriter({ hashBeside: () => Promise.reject(failed) });
  writer.data(randomBytes(10), 0, true);
  writer.data(randomBytes(40_000), 0, true);
  for (let attempt = 0; attempt < 2; attempt++) {
    await assert.rejects(writer.hashed(), failed);
    assert.throws(() => writer.checkpoint(1), FormatError);
  }
});

test('at the rate of a camera all is hashed at once: another thread would only cost', () => {
  let [nowMs, beside] = [0, 0];
  const writer = new RunWriter({
    ...options,
    secret: Buffer.from(secret),
    nowMs: () => nowMs,
    hashBeside: (bytes) => {
      beside += 1;
      return hashBeside(bytes);
    },
  });
  for (; nowMs < 2000; nowMs += 125) writer.data(randomBytes(80_000), nowMs, true);
  assert.equal(beside, 0);
  writer.data(randomBytes(80_000), nowMs, true);
  writer.data(randomBytes(80_000), nowMs, true);
  assert.equal(beside, 1);
});
