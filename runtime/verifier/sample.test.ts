import assert from 'node:assert/strict';
import test from 'node:test';
import { syntheticRun } from '../../test/support/synthetic-run.ts';
import type { RandomAccess } from '../viewer/source.ts';
import { FileSampler, undetectedShare } from './sample.ts';

/** 100 s, a packet a second, the header again at 50 s. Where each packet begins is told. */
function record(fill: number): { bytes: Buffer; starts: number[] } {
  const video = (index: number): Buffer => Buffer.alloc(2000, index);
  const { bytes, packets } = syntheticRun({
    ...{ fill, seconds: 100, packetsPerSecond: 1, headerAgainAt: 50, video },
  });
  const starts: number[] = [];
  let position = 0;
  for (const packet of packets) {
    starts.push(position);
    position += packet.length;
  }
  return { bytes, starts };
}

function accessTo(bytes: Buffer): RandomAccess {
  return {
    sizeBytes: bytes.length,
    probeBytes: 4096,
    read: async (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
  };
}

async function sample(bytes: Buffer, offset: number, reach = Number.POSITIVE_INFINITY): Promise<string> {
  return (await new FileSampler(accessTo(bytes), async () => reach).sampleAt(offset)).verdict;
}

const one = record(1);
const two = record(2);
const both = Buffer.concat([one.bytes, two.bytes]);

test('every place of an intact file is intact, from its first byte to its last', async () => {
  const sampler = new FileSampler(accessTo(both), async () => Number.POSITIVE_INFINITY);
  for (let offset = 0; offset < both.length; offset += 3001) {
    assert.equal((await sampler.sampleAt(offset)).verdict, 'intact', String(offset));
  }
  for (const offset of [one.bytes.length - 1, one.bytes.length, both.length - 1]) {
    assert.equal((await sampler.sampleAt(offset)).verdict, 'intact', String(offset));
  }
});

const at = (index: number): number => one.starts[index] ?? 0;

test('what was changed, left out or exchanged between two checkpoints is found there, and nowhere else', async () => {
  // Packets 13 to 17 are those between the checkpoints at 10 and 15 s.
  const changed = Buffer.from(one.bytes);
  changed[at(14) + 100] = (changed[at(14) + 100] ?? 0) ^ 1;
  const without = Buffer.concat([one.bytes.subarray(0, at(14)), one.bytes.subarray(at(15))]);
  const swapped = Buffer.concat([
    one.bytes.subarray(0, at(14)),
    one.bytes.subarray(at(15), at(16)),
    one.bytes.subarray(at(14), at(15)),
    one.bytes.subarray(at(16)),
  ]);
  for (const damaged of [changed, without, swapped]) {
    for (const place of [at(13), at(14) + 50, at(16)]) assert.equal(await sample(damaged, place), 'damaged');
    for (const place of [0, at(11), at(19)]) assert.equal(await sample(damaged, place), 'intact');
  }
});

test('a checkpoint that was left out is found on both its sides', async () => {
  // The one at 10 s stands at 12.
  const without = Buffer.concat([one.bytes.subarray(0, at(12)), one.bytes.subarray(at(13))]);
  for (const place of [at(8), at(14)]) assert.equal(await sample(without, place), 'damaged');
});

test('a stretch of noise, however long, is never taken for the intact time behind it', async () => {
  for (const [from, to] of [
    [at(30), at(70)],
    [at(30), one.bytes.length],
    [0, at(70)],
  ] as const) {
    const damaged = Buffer.from(one.bytes).fill(0x55, from, to);
    for (let place = from; place < to; place += 2999) {
      assert.notEqual(await sample(damaged, place), 'intact', `${place} in ${from} to ${to}`);
    }
  }
  assert.notEqual(
    await sample(Buffer.concat([one.bytes, Buffer.alloc(5000)]), one.bytes.length + 100),
    'intact',
  );
});

test('forged checkpoints do not make it read the file over and over', async () => {
  const forged = Buffer.alloc(149);
  forged.set(Buffer.from('4543330200008e', 'hex'));
  const file = Buffer.concat([one.bytes, ...Array.from({ length: 2000 }, () => forged)]);
  let bytesRead = 0;
  const access = accessTo(file);
  const counted: RandomAccess = {
    ...access,
    read: async (offset, length) => {
      const bytes = await access.read(offset, length);
      bytesRead += bytes.length;
      return bytes;
    },
  };
  assert.notEqual(
    (await new FileSampler(counted, async () => Number.POSITIVE_INFINITY).sampleAt(file.length - 1000))
      .verdict,
    'intact',
  );
  assert.ok(bytesRead < 10 * file.length, `${bytesRead} of ${file.length}`);
});

test('headers that the camera did not sign vouch for nothing', async () => {
  assert.equal(await sample(one.bytes, 0, 0), 'unsigned');
  assert.equal(await sample(Buffer.alloc(100_000), 50_000), 'unsigned');
});

test('three hundred samples say that less than one percent is damaged', () => {
  assert.ok(undetectedShare(300, 0.95) < 0.01);
  assert.ok(undetectedShare(299, 0.95) > 0.0099);
  assert.equal(undetectedShare(0, 0.95), 1);
});

test('a certificate that ends before the run does vouches for what is before it', async () => {
  for (const [place, verdict] of [
    [at(13), 'intact'],
    [at(40), 'unsigned'],
  ] as const) {
    assert.equal(await sample(one.bytes, place, 20), verdict);
  }
});
