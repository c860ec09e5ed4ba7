import assert from 'node:assert/strict';
import test from 'node:test';
import { previousOf, type SyntheticRunOptions, syntheticRun } from '../../../test/support/synthetic-run.ts';
import { mapFile, type SampleTrust } from './file-map.ts';
import { CountedAccess } from './packets.ts';

const trust: SampleTrust = {
  reachOf: async () => Number.POSITIVE_INFINITY,
  isForeign: () => false,
  isGenuine: async () => false,
};

function accessTo(bytes: Buffer): CountedAccess {
  return new CountedAccess({
    sizeBytes: bytes.length,
    probeBytes: 4096,
    read: async (offset, length) => Buffer.from(bytes.subarray(offset, offset + length)),
  });
}

/** 20 MB, and the header again in the middle. */
const large: SyntheticRunOptions = {
  ...{ seconds: 100, packetsPerSecond: 1, headerAgainAt: 50 },
  // The last one is small: what stands before it is within the end that is read.
  video: (index) => Buffer.alloc(index === 99 ? 1000 : 200_000, index),
};

test('of a file of one run its beginning and its end are read', async () => {
  const { bytes, link } = syntheticRun(large);
  const access = accessTo(bytes);
  const map = await mapFile(access, trust);
  assert.ok(map.kind === 'mapped');
  const [run] = map.runs;
  assert.deepEqual(
    [map.runs.length, run.last.isFinal, run.last.isBroken, run.last.place],
    [1, true, false, bytes.length],
  );
  assert.ok(run.last.link.equals(link));
  assert.ok(access.bytesRead < 300_000, `${access.bytesRead} bytes`);
});

test('the runs of a file are told apart by the note of where headers stand, without reading it', async () => {
  const one = syntheticRun(large);
  const offsetOf = (packets: readonly Buffer[], index: number): number =>
    packets.slice(0, index).reduce((sum, packet) => sum + packet.length, 0);
  // Behind 50 seconds: the header, so many packets of video, and ten checkpoints.
  const again = offsetOf(one.packets, 61);
  const offsets = [0, again, one.bytes.length - again];
  const two = syntheticRun({
    ...{ ...large, fill: 2, statement: { previous: previousOf(one), startMs: 100_000 } },
    before: (index, run, timeMs) =>
      index === 99 ? [run.note({ what: 'index', times: [0, 50_000, 50_000], offsets }, timeMs)] : [],
  });
  const access = accessTo(Buffer.concat([one.bytes, two.bytes]));
  const map = await mapFile(access, trust);
  assert.ok(map.kind === 'mapped', JSON.stringify(map));
  assert.deepEqual(
    map.runs.map((run) => [run.offset, run.end, run.last.isFinal]),
    [
      [0, one.bytes.length, true],
      [one.bytes.length, one.bytes.length + two.bytes.length, true],
    ],
  );
  assert.ok(access.bytesRead < 1_000_000, `${access.bytesRead} bytes`);
});

test('what a final does not name, and what stands behind it, breaks an end', async () => {
  const { packets, bytes } = syntheticRun();
  const checkpoint = packets.length - 2;
  for (const file of [
    Buffer.concat([bytes, Buffer.alloc(500)]),
    Buffer.concat([bytes, packets[1] ?? Buffer.alloc(0)]),
    Buffer.concat(packets.toSpliced(checkpoint, 1)),
  ]) {
    const map = await mapFile(accessTo(file), trust);
    assert.ok(map.kind === 'mapped');
    assert.equal(map.runs[0].last.isBroken, true);
  }
});

test('a file with another run at its end than at its beginning, and none between that leads there, is not mapped', async () => {
  const [one, two, three] = [1, 2, 3].map((fill) => syntheticRun({ fill }));
  assert.ok(one && two && three);
  for (const parts of [
    [one, two],
    [one, three],
  ]) {
    const map = await mapFile(accessTo(Buffer.concat(parts.map(({ bytes }) => bytes))), trust);
    assert.equal(map.kind, 'unmapped');
  }
});
