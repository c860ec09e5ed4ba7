/** Large packets are hashed in another thread while the next ones are written: nothing in the file may show it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { FileVerifier, hashBeside, sha256, type VerifiedRun } from '../encrocrypt/v3/index.ts';
import { recordingAt } from '../recordings/names.ts';
import { FakeClock, FakeDisk, fakeRun } from './fakes.ts';
import { RunRecording } from './run-recording.ts';
import type { RunPlan } from './sealed-run.ts';

const name = recordingAt(new FakeClock().nowMs(), 3_600_000);
const large = 40 * 1024;
const failed = new Error('no memory for a hash');

/** Hashes that are done when the test says so. */
class Hashes {
  readonly waiting: { readonly finish: () => void; readonly fail: () => void }[] = [];

  readonly hashBeside = (bytes: Buffer): Promise<Buffer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const hash = sha256(bytes);
    this.waiting.push({ finish: () => resolve(hash), fail: () => reject(failed) });
    return promise;
  };
}

interface Opened {
  readonly clock: FakeClock;
  readonly disk: FakeDisk;
  readonly recording: RunRecording;
  readonly failures: unknown[];
  readonly bytes: () => Buffer;
}

async function open(
  hashing: Pick<Hashes, 'hashBeside'> | { hashBeside: typeof hashBeside },
): Promise<Opened> {
  const [disk, clock] = [new FakeDisk(), new FakeClock()];
  const failures: unknown[] = [];
  const plan: RunPlan = {
    ...{ recording: name.fileName, startMs: clock.nowMs(), startedMs: clock.monotonicMs() },
    ...{ clock: { state: 'unknown' }, container: 'video/mp2t' },
  };
  const recording = await RunRecording.open({
    ...{
      directory: '/r',
      name,
      run: await fakeRun(plan, { ...hashing, nowMs: () => 0 }),
      fileSystem: disk,
      clock,
    },
    onWritten: () => undefined,
    onFlushed: () => undefined,
    onFlushFailed: assert.ifError,
    onCheckpointFailed: (error) => failures.push(error),
  });
  const bytes = (): Buffer => disk.files.get(`/r/${name.fileName}`) ?? Buffer.alloc(0);
  return { clock, disk, recording, failures, bytes };
}

function append({ clock, recording }: Opened, videoBytes = large): Promise<void> {
  const [timeMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
  return recording.append({ video: randomBytes(videoBytes), isKeyFrame: true, timeMs, monotonicMs });
}

/** As `intact 0-20000`. */
function verify(file: Buffer): { told: string[]; run: VerifiedRun | undefined } {
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
  verifier.push(file);
  verifier.end();
  return { told, run };
}

test('packets of all sizes that are hashed in another thread verify', async () => {
  const opened = await open({ hashBeside });
  const { clock, recording, bytes } = opened;
  for (let second = 0; second < 7; second++) {
    await Promise.all(
      [1, large, 100_000, 2 ** 20, large, 3 * 2 ** 20, 1].map((size) => append(opened, size)),
    );
    await clock.pass(1000);
  }
  await recording.close('stop');
  const { told, run } = verify(bytes());
  assert.deepEqual(told, ['intact 0-7000']);
  assert.equal(run?.final?.count, 7 * 7);
  assert.deepEqual(run?.link, recording.link);
});

test('a checkpoint waits for the hashes of its packets, and what comes meanwhile stands behind it', async () => {
  const hashes = new Hashes();
  const opened = await open(hashes);
  const { clock, recording, bytes } = opened;
  for (const size of [100, large, large, large]) await append(opened, size);
  assert.equal(hashes.waiting.length, 3);
  await clock.pass(5000);
  const before = bytes().length;
  const later = append(opened, 100);
  await clock.pass(1000);
  assert.equal(bytes().length, before);
  // Done in another order than they were begun.
  for (const { finish } of hashes.waiting.toReversed()) finish();
  await later;
  await recording.close('stop');
  const { told, run } = verify(bytes());
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /^intact 0-/);
  assert.equal(run?.final?.count, 5);
});

test('a recording that is closed waits for what is being hashed, and ends with a final', async () => {
  const hashes = new Hashes();
  const opened = await open(hashes);
  await append(opened, 100);
  await append(opened);
  let isClosed = false;
  const closing = opened.recording.close('stop').then(() => {
    isClosed = true;
  });
  await opened.clock.pass(1000);
  assert.equal(isClosed, false);
  assert.equal(verify(opened.bytes()).run?.final, undefined);
  for (const { finish } of hashes.waiting) finish();
  await closing;
  assert.equal(verify(opened.bytes()).run?.final?.reason, 'stop');
  assert.equal(opened.disk.openFiles, 0);
});

test('a packet that cannot be hashed breaks the run: it ends at the checkpoint before, without a final', async () => {
  const hashes = new Hashes();
  const opened = await open(hashes);
  const { clock, disk, recording, failures, bytes } = opened;
  await append(opened, 100);
  await clock.pass(5000);
  await append(opened);
  for (const { fail } of hashes.waiting) fail();
  await clock.pass(5000);
  assert.deepEqual(failures, [failed]);
  await assert.rejects(append(opened), { name: 'BrokenRunError' });
  await recording.close('stop');
  const { told, run } = verify(bytes());
  assert.deepEqual(told, ['intact 0-5000', 'unfinished 5000-5000']);
  assert.equal(run?.final, undefined);
  assert.deepEqual(run?.link, recording.link);
  assert.equal(disk.openFiles, 0);
});

test('closing a run whose last packet cannot be hashed tells it, and closes the file', async () => {
  const hashes = new Hashes();
  const opened = await open(hashes);
  await append(opened, 100);
  await append(opened);
  for (const { fail } of hashes.waiting) fail();
  await assert.rejects(opened.recording.close('stop'), failed);
  assert.equal(verify(opened.bytes()).run?.final, undefined);
  assert.equal(opened.disk.openFiles, 0);
});
