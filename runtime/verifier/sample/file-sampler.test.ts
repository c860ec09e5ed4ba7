import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { previousOf, type SyntheticRun, syntheticRun } from '../../../test/support/synthetic-run.ts';
import type { RandomAccess } from '../../viewer/source.ts';
import { undetectedShare } from './audit.ts';
import { mapFile, type SampleTrust } from './file-map.ts';
import { FileSampler } from './file-sampler.ts';

interface Recorded {
  readonly run: SyntheticRun;
  readonly bytes: Buffer;
  /** Where each packet begins. */
  readonly starts: readonly number[];
}

/** 100 s, a packet a second, the header again at 50 s. */
function record(fill: number, before?: Recorded): Recorded {
  const video = (index: number): Buffer => Buffer.alloc(2000, index);
  const run = syntheticRun({
    ...{ fill, seconds: 100, packetsPerSecond: 1, headerAgainAt: 50, video },
    statement: before ? { previous: previousOf(before.run) } : {},
  });
  return { run, bytes: run.bytes, starts: startsOf(run.packets) };
}

function startsOf(packets: readonly Buffer[]): number[] {
  let position = 0;
  return packets.map((packet) => {
    position += packet.length;
    return position - packet.length;
  });
}

function accessTo(bytes: Buffer): RandomAccess {
  return {
    sizeBytes: bytes.length,
    probeBytes: 4096,
    read: async (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
  };
}

function trusting(reach: number): SampleTrust {
  return { reachOf: async () => reach, isForeign: () => false, isGenuine: async () => false };
}

type Look = (offset: number) => Promise<string>;

/** What is said of places in a file; of one that is no recording from its beginning on, that. */
async function looking(access: RandomAccess, reach = Number.POSITIVE_INFINITY): Promise<Look> {
  const map = await mapFile(access, trusting(reach));
  if (map.kind === 'unmapped') return async () => 'unmapped';
  const sampler = new FileSampler(access, map.runs, trusting(reach));
  return async (offset) => (await sampler.sampleAt(offset)).verdict;
}

async function sample(bytes: Buffer, offset: number, reach?: number): Promise<string> {
  return (await looking(accessTo(bytes), reach))(offset);
}

const one = record(1);
const two = record(2, one);
const both = Buffer.concat([one.bytes, two.bytes]);

test('every place of an intact file is intact, from its first byte to its last', async () => {
  const look = await looking(accessTo(both));
  for (let offset = 0; offset < both.length; offset += 3001) {
    assert.equal(await look(offset), 'intact', String(offset));
  }
  for (const offset of [one.bytes.length - 1, one.bytes.length, both.length - 1]) {
    assert.equal(await look(offset), 'intact', String(offset));
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
    const look = await looking(accessTo(damaged));
    for (let place = from; place < to; place += 2999) {
      assert.notEqual(await look(place), 'intact', `${place} in ${from} to ${to}`);
    }
  }
  const longer = Buffer.concat([one.bytes, Buffer.alloc(5000)]);
  assert.notEqual(await sample(longer, one.bytes.length + 100), 'intact');
});

test('what nobody signed between the packets of an interval is not intact with it', async () => {
  const certificate = Buffer.concat([Buffer.from('4543330403e8', 'hex'), Buffer.alloc(1001, 7)]);
  certificate.writeUIntBE(1000, 4, 3);
  for (const added of [Buffer.alloc(1500, 0x55), certificate, one.run.packets[0] ?? Buffer.alloc(0)]) {
    const twice = Buffer.concat([added, added]);
    const file = Buffer.concat([one.bytes.subarray(0, at(14)), twice, one.bytes.subarray(at(14))]);
    for (const place of [at(14) + 100, at(14) + twice.length - 100]) {
      assert.equal(await sample(file, place), 'damaged');
    }
    assert.equal(await sample(file, at(40)), 'intact');
  }
});

test('a block that is repeated is in its place once, wherever it is looked at', async () => {
  // From the checkpoint at 10 s to that at 60 s, three times: 12 is the first, 63 the last of them, and the header stands at 56 again.
  const block = one.bytes.subarray(at(12), at(64));
  const file = Buffer.concat([
    one.bytes.subarray(0, at(12)),
    block,
    block,
    block,
    one.bytes.subarray(at(64)),
  ]);
  const look = await looking(accessTo(file));
  let intact = 0;
  for (let place = 0; place < file.length; place += 2100)
    if ((await look(place)) === 'intact') intact += 2100;
  assert.ok(intact <= one.bytes.length, `${intact} of ${one.bytes.length}`);
});

test('however intervals are put together, those in their place are in order, each once', async () => {
  // Of a run of its own: a packet a second, and a checkpoint behind each fifth.
  const { packets } = syntheticRun({
    seconds: 60,
    packetsPerSecond: 1,
    video: (index) => Buffer.alloc(50, index),
  });
  const slice = fc.tuple(fc.nat(packets.length - 1), fc.integer({ min: 1, max: 20 }));
  await fc.assert(
    fc.asyncProperty(fc.array(slice, { minLength: 1, maxLength: 6 }), async (slices) => {
      const order = [
        0,
        ...slices.flatMap(([from, count]) => packets.map((_, index) => index).slice(from, from + count)),
      ];
      const parts = order.map((index) => packets[index] ?? Buffer.alloc(0));
      const look = await looking(accessTo(Buffer.concat(parts)));
      const inPlace: number[] = [];
      for (const [index, start] of startsOf(parts).entries()) {
        if ((await look(start + 10)) === 'intact') inPlace.push(order[index] ?? 0);
      }
      // The header may stand again.
      const signed = inPlace.filter((index) => index > 0);
      assert.deepEqual(
        signed,
        [...new Set(signed)].sort((a, b) => a - b),
        `${order.join(' ')}: ${signed.join(' ')}`,
      );
    }),
    { seed: 20_270_115, numRuns: 30 },
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
  const look = await looking(counted);
  assert.notEqual(await look(file.length - 1000), 'intact');
  assert.ok(bytesRead < 10 * file.length, `${bytesRead} of ${file.length}`);
});

test('of a file of noise nothing but its beginning is read', async () => {
  let bytesRead = 0;
  const noise: RandomAccess = {
    sizeBytes: 3e9,
    probeBytes: 4096,
    read: async (_, length) => {
      bytesRead += length;
      return Buffer.alloc(length);
    },
  };
  assert.equal(await (await looking(noise))(1e9), 'unmapped');
  assert.ok(bytesRead < 1e6, `${bytesRead} bytes`);
});

test('headers that the camera did not sign vouch for nothing', async () => {
  assert.equal(await sample(one.bytes, 0, 0), 'unmapped');
  assert.equal(await sample(Buffer.alloc(100_000), 50_000), 'unmapped');
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
