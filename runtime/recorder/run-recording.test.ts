import assert from 'node:assert/strict';
import test from 'node:test';
import {
  envelopeBytes,
  FileVerifier,
  HeaderIndex,
  noteContent,
  PacketReader,
  readHeader,
  readHeaderIndex,
  type VerifiedRun,
} from '../encrocrypt/v3/index.ts';
import { recordingAt } from '../recordings/names.ts';
import { collected, FakeClock, FakeDisk, fakeSealRun } from './fakes.ts';
import { DiskFullError } from './packet-file.ts';
import { headerIntervalMs, RunRecording } from './run-recording.ts';
import type { RunPlan } from './sealed-run.ts';

const name = recordingAt(new FakeClock().nowMs(), 3_600_000);
const file = `/r/${name.fileName}`;

function planAt(clock: FakeClock): RunPlan {
  return {
    ...{ recording: name.fileName, startMs: clock.nowMs(), startedMs: clock.monotonicMs() },
    ...{ clock: { state: 'unknown' }, container: 'video/mp2t' },
  };
}

async function open(): Promise<{
  clock: FakeClock;
  disk: FakeDisk;
  recording: RunRecording;
  failures: unknown[];
}> {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const failures: unknown[] = [];
  const recording = await RunRecording.open({
    ...{ directory: '/r', name, run: await fakeSealRun(planAt(clock)), fileSystem: disk, clock },
    onWritten: () => undefined,
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
    onCheckpointFailed: (error) => failures.push(error),
  });
  return { clock, disk, recording, failures };
}

/** As `intact 0-20000`, and how the run ended. */
function verify(bytes: Buffer | undefined): {
  told: string[];
  run: VerifiedRun | undefined;
  headers: number;
} {
  const told: string[] = [];
  let run: VerifiedRun | undefined;
  const verifier = new FileVerifier({
    onRun: () => undefined,
    onStretch: (_, { verdict, fromMs, toMs }) => told.push(`${verdict} ${fromMs}-${toMs}`),
    onRunEnd: (ended) => {
      run = ended;
    },
    onSkip: ({ length }) => told.push(`${length} bytes of no packet`),
  });
  const whole = bytes ?? Buffer.alloc(0);
  verifier.push(whole);
  verifier.end();
  return { told, run, headers: whole.toString('latin1').split('__EncroCrypt3').length - 1 };
}

async function record(recording: RunRecording, clock: FakeClock, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await recording.append(collected(clock, `second ${second}`, second % 2 === 0));
    await clock.pass(1000);
  }
}

test('what is recorded verifies from its beginning to its end', async () => {
  const { clock, disk, recording } = await open();
  await record(recording, clock, 17);
  await recording.note({ what: 'gap', milliseconds: 3000 }, clock.monotonicMs());
  await recording.event({ what: 'motion', zone: 'door' }, clock.monotonicMs());
  await recording.close('stop');
  const { told, run } = verify(disk.files.get(file));
  assert.deepEqual(told, ['intact 0-17000']);
  assert.equal(run?.final?.reason, 'stop');
  assert.equal(run?.final?.count, 19);
  assert.deepEqual(run?.link, recording.link);
  assert.equal(disk.openFiles, 0);
});

test('a power cut leaves at most the time since the last checkpoint unfinished', async () => {
  const { clock, disk, recording } = await open();
  await record(recording, clock, 23);
  const { told, run } = verify(disk.files.get(file));
  assert.deepEqual(told, ['intact 0-20000', 'unfinished 20000-22000']);
  assert.equal(run?.final, undefined);
});

test('a checkpoint is flushed at once: a power cut right after it does not take it away', async () => {
  const { clock, disk, recording } = await open();
  await record(recording, clock, 4);
  await clock.pass(900);
  await recording.append(collected(clock, 'video'));
  await clock.pass(100);
  assert.deepEqual(verify(disk.flushed.get(file)).told, ['intact 0-5000']);
  await recording.close('stop');
});

test('a camera that delivers nothing is vouched for all the same', async () => {
  const { clock, disk, recording } = await open();
  await clock.pass(12_000);
  await recording.close('time');
  assert.deepEqual(verify(disk.files.get(file)).told, ['intact 0-10000']);
  assert.equal(verify(disk.files.get(file)).run?.final?.timeMs, 12_000);
});

test('the header stands again every ten minutes', async () => {
  const { clock, disk, recording } = await open();
  await record(recording, clock, (2 * headerIntervalMs) / 1000 + 60);
  await recording.close('time');
  const { told, headers } = verify(disk.files.get(file));
  assert.equal(headers, 3);
  assert.equal(told.length, 1);
});

/** Where headers stand in a file, and what its notes of `index` say of that, in the order of the file. */
function indexesIn(bytes: Buffer | undefined) {
  const reader = new PacketReader();
  reader.push(bytes ?? Buffer.alloc(0));
  reader.end();
  const headers: { offset: number; startMs: number }[] = [];
  const indexes: { offset: number; places: ReturnType<typeof readHeaderIndex> }[] = [];
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'header') {
      headers.push({ offset: item.offset, startMs: readHeader(item.body)?.statement.startMs ?? Number.NaN });
    }
    if (item.kind === 'note')
      indexes.push({ offset: item.offset, places: readHeaderIndex(noteContent(item)) });
  }
  return { headers, indexes };
}

test('behind each repetition of the header, and before the final, stands where all headers are', async () => {
  const { clock, disk, recording } = await open();
  const startMs = clock.nowMs();
  await record(recording, clock, (2 * headerIntervalMs) / 1000 + 60);
  await recording.close('time');
  const { headers, indexes } = indexesIn(disk.files.get(file));
  const places = headers.map(({ offset }, index) => ({ offset, wallMs: startMs + index * headerIntervalMs }));
  assert.deepEqual(
    indexes.map((index) => index.places),
    [places, places],
  );
  const bytes = disk.files.get(file) ?? Buffer.alloc(0);
  const [{ offset: header } = { offset: 0 }] = headers.slice(-1);
  assert.equal(indexes[0]?.offset, header + envelopeBytes + bytes.readUIntBE(header + 4, 3));
});

test('a run that is appended to a file goes on with its index, or begins one where nobody knows the file', async () => {
  for (const isKnown of [true, false]) {
    const [disk, clock, index] = [new FakeDisk(), new FakeClock(), new HeaderIndex()];
    for (let run = 0; run < 2; run++) {
      const recording = await RunRecording.open({
        ...{ directory: '/r', name, run: await fakeSealRun(planAt(clock)), fileSystem: disk, clock },
        ...{ index: isKnown ? index : new HeaderIndex() },
        onWritten: () => undefined,
        onFlushed: () => undefined,
        onFlushFailed: assert.ifError,
        onCheckpointFailed: assert.ifError,
      });
      await record(recording, clock, (2 * headerIntervalMs) / 1000 + 1);
      await recording.close('stop');
    }
    const { headers, indexes } = indexesIn(disk.files.get(file));
    assert.equal(headers.length, 6);
    const told = indexes.at(-1)?.places?.map(({ offset }) => offset);
    assert.deepEqual(
      told,
      headers.slice(isKnown ? 0 : 3).map(({ offset }) => offset),
    );
  }
});

test('the last of 24 hours of 285 MB, in six runs, is made 0.3 % larger at most', async () => {
  const hourMs = 3_600_000;
  const [packetMs, hourBytes] = [125, 285e6];
  const [clock, index] = [new FakeClock(), new HeaderIndex()];
  const firstMs = clock.nowMs() - 23 * hourMs;
  for (let number = 0; number < 23 * 6 + 6; number++) {
    // A recorder meets the time by a few milliseconds; a run begins in between now and then.
    const wallMs = firstMs + (number * 23 * hourMs) / 144 + (number % 7);
    index.add({ wallMs, offset: Math.floor((number * 23 * hourBytes) / 144) });
  }
  let written = 0;
  const plan = { ...planAt(clock) };
  const run = await fakeSealRun(plan);
  // As large as those that OpenPGP has sealed and signed for two owners.
  const header = Buffer.concat([run.header, Buffer.alloc(1500)]);
  const recording = await RunRecording.open({
    ...{ directory: '/r', name, run: { ...run, header }, clock, index },
    fileSystem: {
      list: async () => [],
      openAppend: async () => ({
        sizeBytes: 23 * hourBytes,
        write: async ({ length }) => length,
        flush: async () => undefined,
        close: async () => undefined,
      }),
    },
    onWritten: (bytes) => {
      written += bytes;
    },
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
    onCheckpointFailed: assert.ifError,
  });
  // What is added does not depend on how much video there is.
  const video = Buffer.alloc(100);
  const packets = hourMs / packetMs;
  for (let packet = 0; packet < packets; packet++) {
    const { timeMs, monotonicMs } = collected(clock, '');
    await recording.append({ video, isKeyFrame: packet % 16 === 0, timeMs, monotonicMs });
    if (packet % 8 === 7) await clock.pass(8 * packetMs);
  }
  await recording.close('time');
  const share = (written - packets * video.length) / hourBytes;
  assert.ok(share > 0.0028 && share < 0.003, `${share * 100} %`);
});

test('a full disk loses video and breaks no chain', async () => {
  const { clock, disk, recording, failures } = await open();
  await record(recording, clock, 7);
  for (const roomBytes of [0, 20]) {
    disk.roomBytes = roomBytes;
    for (let second = 0; second < 8; second++) {
      await assert.rejects(recording.append(collected(clock, 'lost', true)), DiskFullError);
      await clock.pass(1000);
    }
    assert.ok(failures.length > 0);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    await record(recording, clock, 7);
  }
  await recording.close('stop');
  const { told, run } = verify(disk.files.get(file));
  assert.deepEqual(told, ['intact 0-37000']);
  assert.ok(run?.final);
});

test('a run that is closed on a full disk has no final, and its file is closed', async () => {
  const { clock, disk, recording } = await open();
  await record(recording, clock, 6);
  disk.roomBytes = 0;
  await recording.close('stop');
  assert.equal(disk.openFiles, 0);
  assert.deepEqual(verify(disk.files.get(file)).told, ['intact 0-5000', 'unfinished 5000-5000']);
});

test('the next run names the last link that is in the file, whether the checkpoint on a full disk gets there or not', async () => {
  for (const isRoomAtLast of [false, true]) {
    const { clock, disk, recording } = await open();
    await record(recording, clock, 9);
    disk.roomBytes = 0;
    await clock.pass(1000);
    disk.roomBytes = isRoomAtLast ? 500 : 0;
    await recording.close('stop');
    const { run } = verify(disk.files.get(file));
    assert.equal(run?.final?.reason, isRoomAtLast ? 'stop' : undefined);
    assert.deepEqual(recording.link, run?.link);
  }
});

/** A run that begins on a disk that takes so much of its header, or nothing. */
async function openOnFullDisk(roomBytes: number) {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const before = { disk, clock, links: [] as (Buffer | undefined)[] };
  disk.roomBytes = roomBytes;
  const recording = await RunRecording.open({
    ...{ directory: '/r', name, run: await fakeSealRun(planAt(clock)), fileSystem: disk, clock },
    onWritten: () => undefined,
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
    onCheckpointFailed: () => undefined,
    onClosed: async (link) => void before.links.push(link),
  });
  return { ...before, recording };
}

test('a header that a full disk cut is finished when there is room, and stands once', async () => {
  for (const roomBytes of [0, 1, 10]) {
    const { clock, disk, links, recording } = await openOnFullDisk(roomBytes);
    await assert.rejects(recording.append(collected(clock, 'lost', true)), DiskFullError);
    recording.endSoon('clock', clock.monotonicMs());
    await clock.pass(7000);
    // It has nothing yet that could end.
    assert.equal(recording.endBefore(collected(clock, 'video', true)), undefined);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    await recording.append(collected(clock, 'video', true));
    assert.equal(recording.endBefore(collected(clock, 'video', true)), 'clock');
    await recording.close('clock');
    const { told, run, headers } = verify(disk.files.get(file));
    assert.deepEqual(told, ['intact 0-7000']);
    assert.equal(headers, 1);
    assert.deepEqual(links, [run?.link]);
  }
});

test('a run whose header never was in its file has no link that the next one could name', async () => {
  for (const roomBytes of [0, 10]) {
    const { disk, links, recording } = await openOnFullDisk(roomBytes);
    await recording.close('time');
    assert.equal(disk.openFiles, 0);
    assert.deepEqual(links, [undefined]);
  }
});

test('a file that cannot be written to is closed, and the reason told', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const failure = Object.assign(new Error('input/output error'), { code: 'EIO' });
  const opening = RunRecording.open({
    ...{ directory: '/r', name, run: await fakeSealRun(planAt(clock)), fileSystem: disk, clock },
    onWritten: () => {
      throw failure;
    },
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
    onCheckpointFailed: assert.ifError,
  });
  await assert.rejects(opening, failure);
  assert.equal(disk.openFiles, 0);
});

test('a run ends when it is as long as one may be, if possible at a key frame', async () => {
  const { clock, recording } = await open();
  const at = (monotonicMs: number, isKeyFrame: boolean) =>
    recording.endBefore({ ...collected(clock, 'video', isKeyFrame), monotonicMs });
  assert.equal(at(4 * 3_600_000, true), undefined);
  assert.equal(at(2 ** 24 - 60_000, false), undefined);
  assert.equal(at(2 ** 24 - 60_000, true), 'length');
  assert.equal(at(5 * 3_600_000, false), 'length');
});

test('a run that is to end soon ends at the next key frame', async () => {
  const { clock, disk, recording } = await open();
  await record(recording, clock, 3);
  const early = collected(clock, 'video', true);
  await clock.pass(1);
  recording.endSoon('clock', clock.monotonicMs());
  assert.equal(recording.endBefore(early), undefined);
  assert.equal(recording.endBefore(collected(clock, 'video')), undefined);
  assert.equal(recording.endBefore(collected(clock, 'video', true)), 'clock');
  await recording.close('clock');
  const { told, run } = verify(disk.files.get(file));
  assert.deepEqual(told, ['intact 0-3001']);
  assert.equal(run?.final?.reason, 'clock');
});

test('whoever waits for the end of a run hears its last link, also when it could not be ended in order', async () => {
  for (const failure of [undefined, Object.assign(new Error('input/output error'), { code: 'EIO' })]) {
    const [disk, clock] = [new FakeDisk(), new FakeClock()];
    const links: Buffer[] = [];
    const recording = await RunRecording.open({
      ...{ directory: '/r', name, run: await fakeSealRun(planAt(clock)), fileSystem: disk, clock },
      onWritten: () => undefined,
      onFlushed: () => undefined,
      onFlushFailed: () => undefined,
      onCheckpointFailed: assert.ifError,
      onClosed: async (link) => void links.push(link ?? assert.fail()),
    });
    disk.failure = failure;
    await recording.close('stop').catch((error: unknown) => assert.equal(error, failure));
    assert.deepEqual(links, [recording.link]);
  }
});
