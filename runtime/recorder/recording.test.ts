import assert from 'node:assert/strict';
import test from 'node:test';
import { recordingAt } from '../recordings/names.ts';
import { collected, FakeClock, FakeDisk, fakeKey, packetKinds, settle } from './fakes.ts';
import { DiskFullError } from './packet-file.ts';
import { Recording } from './recording.ts';

const file = '/r/rec-20270115T080000Z-3600s.encrocam';

async function open(disk: FakeDisk, clock: FakeClock): Promise<Recording> {
  return Recording.open({
    directory: '/r',
    name: recordingAt(clock.nowMs(), 3_600_000),
    key: fakeKey(),
    fileSystem: disk,
    clock,
    onWritten: () => undefined,
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
  });
}

test('a recording begins with a key packet, also where another one has written before', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  for (let run = 0; run < 2; run++) {
    const recording = await open(disk, clock);
    await recording.append(collected(clock, 'video'));
    await recording.close();
  }
  assert.equal(packetKinds(disk.files.get(file)), 'kvkv');
  assert.equal(disk.openFiles, 0);
});

test('what is written is flushed within two seconds, and once more before it is closed', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const recording = await open(disk, clock);
  await recording.append(collected(clock, 'video'));
  assert.equal(disk.flushes, 0);
  await clock.pass(2000);
  assert.equal(disk.flushes, 1);
  await clock.pass(10_000);
  assert.equal(disk.flushes, 1, 'nothing new, nothing to flush');
  await recording.append(collected(clock, 'video'));
  await recording.close();
  assert.equal(disk.flushes, 2);
});

test('a packet that a full disk cut short is finished when there is room, and nothing is ever cut off', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const recording = await open(disk, clock);
  await recording.append(collected(clock, 'one'));
  disk.roomBytes = 20;
  await assert.rejects(recording.append(collected(clock, 'two')), DiskFullError);
  assert.equal(packetKinds(disk.files.get(file)), 'kv?');
  await assert.rejects(recording.append(collected(clock, 'lost')), DiskFullError);
  disk.roomBytes = 1000;
  await recording.append(collected(clock, 'three'));
  await recording.close();
  assert.equal(packetKinds(disk.files.get(file)), 'kvvv');
});

test('packets that are appended at once stand one after the other', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const recording = await open(disk, clock);
  await Promise.all(['a', 'b', 'c'].map((video) => recording.append(collected(clock, video))));
  await recording.rekey(fakeKey());
  await recording.append(collected(clock, 'd'));
  await recording.close();
  assert.equal(packetKinds(disk.files.get(file)), 'kvvvkv');
});

test('a failure other than a full disk is told as it is, and the file is closed', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const recording = await open(disk, clock);
  disk.failure = Object.assign(new Error('input/output error'), { code: 'EIO' });
  await assert.rejects(recording.append(collected(clock, 'video')), { code: 'EIO' });
  disk.failure = undefined;
  await settle();
  await recording.close();
  assert.equal(disk.openFiles, 0);
});
