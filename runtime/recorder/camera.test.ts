import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import test from 'node:test';
import { decryptVideo, keyBytes, PacketReader } from '../encrocrypt/index.ts';
import { type Beginning, CameraRecorder } from './camera.ts';
import { EncroCrypt2Format } from './encrocrypt2-format.ts';
import { camera, first, second, slotMs, startMs } from './fake-camera.ts';
import { FakeClock, FakeDisk, FakeSource, fakeKey, LogBook, packetKinds, settle } from './fakes.ts';
import type { SealedKey } from './sealed-key.ts';

function setUp(makeKey: () => Promise<SealedKey> = async () => fakeKey(), beginning?: Beginning) {
  const clock = new FakeClock(startMs);
  const disk = new FakeDisk();
  const logger = new LogBook();
  const sources: FakeSource[] = [];
  const space = { blocked: false, met: async () => undefined, wrote: () => undefined };
  const recorder = new CameraRecorder({
    camera,
    encoder: 'libx264',
    device: { identity: async () => undefined, isThere: async () => true, isReady: async () => true },
    slotMs,
    format: new EncroCrypt2Format(slotMs, makeKey, clock, logger),
    start: () => {
      const source = new FakeSource();
      sources.push(source);
      return source;
    },
    space,
    fileSystem: disk,
    clock,
    logger,
  });
  const done = recorder.run(beginning);
  const latest = (): FakeSource => {
    const source = sources.at(-1);
    assert.ok(source, 'ffmpeg was started');
    return source;
  };
  return { clock, disk, logger, sources, space, recorder, done, latest };
}

/** Decrypts what `fakeKey` made. */
function videoOf(file: Buffer | undefined): string {
  const reader = new PacketReader();
  reader.push(file ?? Buffer.alloc(0));
  reader.end();
  let key = createSecretKey(Buffer.alloc(keyBytes));
  let video = '';
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'key') key = createSecretKey(item.message);
    else if (item.kind === 'video') video += decryptVideo(key, item.body);
    else assert.fail(`skip: ${item.reason}`);
  }
  return video;
}

test('what ffmpeg delivers within an interval becomes one packet', async () => {
  const { clock, disk, recorder, done, latest } = setUp();
  await settle();
  latest().deliver('a');
  await clock.pass(100);
  latest().deliver('b');
  await clock.pass(100);
  latest().deliver('c');
  await clock.pass(125);
  assert.equal(packetKinds(disk.files.get(first)), 'kvv');
  recorder.stop();
  await done;
  assert.equal(videoOf(disk.files.get(first)), 'abc');
});

test('when it is stopped, all that ffmpeg still delivers is written and flushed', async () => {
  const { clock, disk, recorder, done, latest } = setUp();
  await settle();
  latest().lastBytes = Buffer.from('the end');
  latest().deliver('begin ');
  await clock.pass(10);
  recorder.stop();
  await done;
  assert.deepEqual(latest().signals, ['SIGTERM']);
  assert.equal(videoOf(disk.files.get(first)), 'begin the end');
  assert.equal(disk.openFiles, 0);
  assert.ok(disk.flushes > 0);
  assert.equal(recorder.state().activity, 'stopped');
});

test('the gap since a run that was killed is told once video comes, and one set back in time is not', async () => {
  for (const [previous, cause] of [
    [{ lastWriteMs: startMs - 40_000, inOrder: false }, /killed/],
    [{ lastWriteMs: startMs - 40_000, inOrder: true }, /stopped/],
    [{ lastWriteMs: startMs + 40_000, inOrder: false }, undefined],
  ] as const) {
    const { clock, logger, recorder, done, latest } = setUp(undefined, { previous, afterPowerCut: false });
    await settle();
    assert.equal(recorder.state().lastWriteMs, previous.lastWriteMs);
    latest().deliver('video');
    await clock.pass(125);
    const told = logger.lines.filter(({ message }) => message.startsWith('gap of 40 s'));
    assert.equal(told.length, cause ? 1 : 0);
    if (cause) assert.match(String(told[0]?.fields.cause), cause);
    recorder.stop();
    await done;
  }
});

test('after a power cut the file of before is not touched, and the rest of the slot goes into a new one', async () => {
  const { clock, disk, recorder, done, latest } = setUp(undefined, { afterPowerCut: true });
  disk.files.set(first, Buffer.from('as the power cut left it'));
  await settle();
  latest().deliver('video');
  await clock.pass(125);
  recorder.stop();
  await done;
  assert.equal(disk.files.get(first)?.toString(), 'as the power cut left it');
  assert.equal(videoOf(disk.files.get('/r/front/rec-20270115T080001Z-59s.encrocam')), 'video');
});

test('an ffmpeg that does not end when it is asked to is killed after 5 s', async () => {
  const { clock, recorder, done, latest } = setUp();
  await settle();
  latest().lastBytes = undefined;
  recorder.stop();
  await clock.pass(4999);
  assert.deepEqual(latest().signals, ['SIGTERM']);
  await clock.pass(1);
  assert.deepEqual(latest().signals, ['SIGTERM', 'SIGKILL']);
  await done;
});

test('at the end of a slot the next recording begins without a pause, and what the last ffmpeg delivers is kept', async () => {
  const { clock, disk, logger, sources, recorder, done, latest } = setUp();
  await settle();
  latest().lastBytes = Buffer.from('last');
  for (let second = 0; second < 60; second++) {
    latest().deliver('x');
    await clock.pass(1000);
  }
  assert.equal(sources.length, 2);
  latest().deliver('y');
  await clock.pass(200);
  const [gap] = logger.about('gap of');
  assert.equal(gap?.level, 'info');
  assert.equal(gap?.fields.cause, 'change to the next recording');
  recorder.stop();
  await done;
  assert.equal(videoOf(disk.files.get(first)), `${'x'.repeat(60)}last`);
  assert.equal(videoOf(disk.files.get(second)), 'y');
  assert.equal(recorder.state().restarts, 0);
});

test('ffmpeg is started again after 1 s, then 2 s, 4 s, up to 30 s, while it keeps failing', async () => {
  const { clock, sources, recorder, done, latest } = setUp();
  await settle();
  const pauses: number[] = [];
  for (let attempt = 1; attempt <= 7; attempt++) {
    latest().stderr.write('/dev/video0: No such file or directory\n');
    await settle();
    latest().end({ code: 1 });
    await settle();
    let waitedMs = 0;
    while (sources.length === attempt) {
      await clock.pass(1000);
      waitedMs += 1000;
    }
    pauses.push(waitedMs / 1000);
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 30, 30]);
  const state = recorder.state();
  assert.equal(state.activity, 'gap');
  assert.equal(state.restarts, 7);
  assert.match(state.lastProblem ?? '', /code 1 \(.*No such file/);
  recorder.stop();
  await done;
});

test('one line tells a gap with cause and length when it ends, and long ones are mentioned before', async () => {
  const { clock, logger, recorder, done, latest } = setUp();
  await settle();
  latest().deliver('a');
  await clock.pass(200);
  latest().end({ code: 1 });
  await clock.pass(34_000);
  assert.ok(logger.about('still no video').length > 0);
  latest().deliver('b');
  await clock.pass(200);
  const gaps = logger.about('gap of');
  assert.equal(gaps.length, 1);
  assert.equal(gaps[0]?.level, 'warn');
  assert.match(String(gaps[0]?.fields.cause), /ffmpeg ended with code 1; no video for 30 s/);
  assert.equal(gaps[0]?.fields.lengthMs, 34_200);
  recorder.stop();
  await done;
});

test('after a healthy minute the pauses begin with 1 s again', async () => {
  const { clock, sources, recorder, done, latest } = setUp();
  await settle();
  latest().end({ code: 1 });
  await clock.pass(1000);
  latest().end({ code: 1 });
  await clock.pass(2000);
  for (let second = 0; second < 61; second++) {
    latest().deliver('x');
    await clock.pass(1000);
  }
  const before = sources.length;
  latest().end({ code: 1 });
  await clock.pass(1000);
  assert.equal(sources.length, before + 1);
  recorder.stop();
  await done;
});

test('an ffmpeg that delivers nothing for the stall timeout is ended, hard if need be', async () => {
  const { clock, logger, sources, recorder, done, latest } = setUp();
  await settle();
  latest().deliver('a');
  latest().lastBytes = undefined;
  await clock.pass(9_500);
  assert.deepEqual(latest().signals, []);
  await clock.pass(3000);
  assert.deepEqual(sources[0]?.signals, ['SIGTERM', 'SIGKILL']);
  assert.equal(sources.length, 2);
  latest().deliver('b');
  await clock.pass(200);
  assert.match(String(logger.about('gap of')[0]?.fields.cause), /no video for 10 s/);
  recorder.stop();
  await done;
});

test('a clock that is set back goes on in the recording of that time, under a new key packet', async () => {
  const { clock, disk, logger, sources, recorder, done, latest } = setUp();
  await settle();
  clock.step(slotMs);
  await clock.pass(600);
  assert.equal(sources.length, 2);
  latest().deliver('later');
  await clock.pass(200);
  clock.step(-slotMs);
  await clock.pass(600);
  assert.equal(sources.length, 3);
  latest().deliver('again');
  await clock.pass(200);
  recorder.stop();
  await done;
  assert.deepEqual([...disk.files.keys()].sort(), [first, second]);
  assert.equal(packetKinds(disk.files.get(first)), 'kkv');
  assert.equal(videoOf(disk.files.get(second)), 'later');
  assert.deepEqual(
    logger.about('the clock was set').map(({ fields }) => fields.bySeconds),
    [60, -60],
  );
});

test('while the disk is full video is dropped, ffmpeg runs on, and the gap has that cause', async () => {
  const { clock, disk, logger, space, sources, recorder, done, latest } = setUp();
  await settle();
  latest().deliver('a');
  await clock.pass(200);
  space.blocked = true;
  latest().deliver('lost');
  await clock.pass(200);
  assert.equal(recorder.state().activity, 'gap');
  assert.equal(recorder.state().lastProblem, 'disk full');
  space.blocked = false;
  latest().deliver('b');
  await clock.pass(200);
  recorder.stop();
  await done;
  assert.equal(sources.length, 1);
  assert.equal(videoOf(disk.files.get(first)), 'ab');
  assert.equal(logger.about('gap of')[0]?.fields.cause, 'disk full');
});

test('a disk that fills up in the middle of a packet loses later packets only', async () => {
  const { clock, disk, recorder, done, latest } = setUp();
  await settle();
  disk.roomBytes = 30;
  latest().deliver('one ');
  await clock.pass(200);
  latest().deliver('lost');
  await clock.pass(200);
  disk.roomBytes = 10_000;
  latest().deliver('two');
  await clock.pass(200);
  recorder.stop();
  await done;
  assert.equal(videoOf(disk.files.get(first)), 'one two');
});

test('a failing disk makes a gap, and the file is opened anew under a new key packet', async () => {
  const { clock, disk, sources, recorder, done, latest } = setUp();
  await settle();
  disk.failure = Object.assign(new Error('input/output error'), { code: 'EIO' });
  latest().deliver('lost');
  await clock.pass(200);
  assert.match(recorder.state().lastProblem ?? '', /^cannot write: input\/output error/);
  disk.failure = undefined;
  await clock.pass(5000);
  assert.equal(sources.length, 2);
  latest().deliver('video');
  await clock.pass(200);
  recorder.stop();
  await done;
  assert.equal(packetKinds(disk.files.get(first)), 'kkv');
});

test('without a new key the next recording repeats the previous one, and changes as soon as there is one', async () => {
  let attempts = 0;
  const { clock, disk, logger, recorder, done, latest } = setUp(async () => {
    attempts += 1;
    if (attempts > 1 && attempts < 6) throw new Error('no memory');
    return fakeKey();
  });
  await settle();
  for (let second = 0; second < 120; second++) {
    latest().deliver('x');
    await clock.pass(1000);
  }
  recorder.stop();
  await done;
  assert.ok(logger.about('no new key could be sealed').length >= 3);
  assert.equal(logger.about('no new key yet').length, 1);
  const kinds = packetKinds(disk.files.get(second));
  assert.match(kinds, /^kv+kv+$/);
  assert.equal(videoOf(disk.files.get(second)), 'x'.repeat(60));
  const keyOf = (file: string): string => disk.files.get(file)?.subarray(18, 34).toString('hex') ?? '';
  assert.equal(keyOf(first), keyOf(second));
});

test('ffmpeg starts while the first key is being sealed, and what it delivers early is recorded', async () => {
  const sealing = Promise.withResolvers<SealedKey>();
  const { clock, disk, recorder, done, latest } = setUp(() => sealing.promise);
  await settle();
  latest().deliver('early ');
  await clock.pass(3000);
  assert.equal(disk.files.size, 0);
  sealing.resolve(fakeKey());
  await settle();
  latest().deliver('late');
  await clock.pass(200);
  recorder.stop();
  await done;
  assert.equal(videoOf(disk.files.get(first)), 'early late');
});

test('an ffmpeg that got no recording is ended, and started again for the next attempt', async () => {
  let attempts = 0;
  const { clock, disk, sources, recorder, done, latest } = setUp(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error('no memory');
    return fakeKey();
  });
  await settle();
  assert.deepEqual(sources[0]?.signals, ['SIGTERM']);
  assert.match(recorder.state().lastProblem ?? '', /^cannot write: no memory/);
  await clock.pass(1500);
  assert.equal(sources.length, 2);
  latest().deliver('video');
  await clock.pass(200);
  recorder.stop();
  await done;
  assert.equal(videoOf(disk.files.get(first)), 'video');
});
