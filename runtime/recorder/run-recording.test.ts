import assert from 'node:assert/strict';
import test from 'node:test';
import {
  commitmentOf,
  encodeHeader,
  encodeSignedPart,
  FileVerifier,
  makeRunKey,
  RunWriter,
  type VerifiedRun,
} from '../encrocrypt/v3/index.ts';
import { recordingAt } from '../recordings/names.ts';
import { FakeClock, FakeDisk } from './fakes.ts';
import { DiskFullError } from './packet-file.ts';
import { headerIntervalMs, RunRecording, type SealedRun } from './run-recording.ts';

const checkpointMs = 5000;
const name = recordingAt(new FakeClock().nowMs(), 3_600_000);
const file = `/r/${name.fileName}`;

/** A run as the child seals it, without OpenPGP. */
function sealedRun(startedMs: number): SealedRun {
  const runKey = makeRunKey();
  const [runId, secret] = [Buffer.alloc(16, 1), Buffer.alloc(32, 2)];
  const part = encodeSignedPart(
    {
      ...{
        camera: Buffer.alloc(20, 1),
        runId,
        recording: name.fileName,
        startMs: 0,
        clock: { state: 'unknown' },
      },
      ...{ container: 'video/mp2t', segmentMs: 60_000, checkpointMs },
      recipients: [{ type: 'openpgp', id: Buffer.alloc(20, 5) }],
      ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
    },
    { wrapped: [] },
  );
  const writer = new RunWriter({
    ...{ runId, secret, runPrivateKey: runKey.privateKey, headerHash: part.hash, segmentMs: 60_000 },
  });
  return { header: encodeHeader(part, undefined, runKey.privateKey), writer, startedMs, checkpointMs };
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
    ...{ directory: '/r', name, run: sealedRun(clock.monotonicMs()), fileSystem: disk, clock },
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
    await recording.append(Buffer.from(`second ${second}`), clock.monotonicMs(), second % 2 === 0);
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

test('a full disk loses video and breaks no chain', async () => {
  const { clock, disk, recording, failures } = await open();
  await record(recording, clock, 7);
  for (const roomBytes of [0, 20]) {
    disk.roomBytes = roomBytes;
    for (let second = 0; second < 8; second++) {
      await assert.rejects(recording.append(Buffer.from('lost'), clock.monotonicMs(), true), DiskFullError);
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

test('a file whose header could not be written is closed, and the reason told', async () => {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  disk.roomBytes = 10;
  const opening = RunRecording.open({
    ...{ directory: '/r', name, run: sealedRun(0), fileSystem: disk, clock },
    onWritten: () => undefined,
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
    onCheckpointFailed: assert.ifError,
  });
  await assert.rejects(opening, DiskFullError);
  assert.equal(disk.openFiles, 0);
});

test('a run says when it is over', async () => {
  const { recording } = await open();
  assert.equal(recording.isOver(4 * 3_600_000), false);
  assert.equal(recording.isOver(5 * 3_600_000), true);
});
