import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { longRecording } from '../../test/support/long-recording.ts';
import { type ChainPacket, PacketReader, readHeader } from '../encrocrypt/v3/index.ts';
import { KnownRun, RecentRuns } from './known-runs.ts';

/** So many runs of two packets each, as a reader that may open them knows them. */
function runs(count: number): { known: KnownRun[]; packets: ChainPacket[] } {
  const long = longRecording({
    ...{ startMs: 0, durationMs: count * 2000, packetMs: 1000, runMs: 2000 },
    video: (packet) => Buffer.from([packet]),
  });
  const reader = new PacketReader();
  reader.push(Buffer.concat([...long.packets]));
  reader.end();
  const known: KnownRun[] = [];
  const packets: ChainPacket[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    const header = item.kind === 'header' ? readHeader(Buffer.from(item.body)) : undefined;
    if (header) known.push(new KnownRun(header, long.keysOf(header)));
    if (item.kind === 'data') packets.push({ ...item, bytes: Buffer.from(item.bytes) });
  }
  assert.deepEqual([known.length, packets.length], [count, 2 * count]);
  return { known, packets };
}

const at = <One>(all: readonly One[], index: number): One => {
  const one = all[index];
  assert.ok(one);
  return one;
};

describe('a run', () => {
  test('tells how many packets are missing, and takes none twice or out of order', () => {
    const run = at(runs(1).known, 0);
    // The first one that is seen may be anywhere in the run.
    assert.equal(run.follow(7, 100), 0);
    assert.equal(run.follow(8, 200), 0);
    assert.equal(run.follow(12, 300), 3);
    assert.equal(run.follow(12, 300), undefined);
    assert.equal(run.follow(9, 250), undefined);
    assert.equal(run.follow(13, 400), 0);
  });

  test('lets a note take its own place, and no other', () => {
    const run = at(runs(1).known, 0);
    run.follow(0, 0);
    run.note(1);
    assert.equal(run.follow(2, 100), 0);
    // A forged one that claims to be far ahead makes nothing that follows look old.
    run.note(900);
    assert.equal(run.follow(3, 200), 0);
  });
});

describe('the runs of a file', () => {
  test('a packet that is not of the current run is tried under those before it, which is current then', () => {
    const { known, packets } = runs(3);
    const recent = new RecentRuns();
    for (const run of known) recent.add(run);
    assert.equal(recent.current, at(known, 2));
    const found = recent.open(at(packets, 1));
    assert.equal(found?.run, at(known, 0));
    assert.deepEqual(found?.plaintext, Buffer.from([1]));
    assert.equal(recent.current, at(known, 0));
  });

  test('of many runs only the last four are tried, and those that nobody can open do not count', () => {
    const { known, packets } = runs(6);
    const recent = new RecentRuns();
    for (const run of known) {
      recent.add(run);
      recent.add(new KnownRun(run.header, undefined));
    }
    assert.equal(recent.open(at(packets, 0)), undefined);
    assert.equal(recent.open(at(packets, 2)), undefined);
    assert.equal(recent.open(at(packets, 4))?.run, at(known, 2));
  });

  test('a header that stands again makes its run current', () => {
    const { known } = runs(2);
    const recent = new RecentRuns();
    recent.add(at(known, 0));
    assert.equal(recent.resume(at(known, 1).header), false);
    recent.add(at(known, 1));
    assert.equal(recent.resume(at(known, 0).header), true);
    assert.equal(recent.current, at(known, 0));
  });
});
