import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readRecorderState, writeState } from '../../runtime/state/state.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { openRecording, Place, probe, testPicture } from './recorder-harness.ts';

const front = { name: 'front', input: testPicture, encoder: { name: 'libx264' } };

/** Slots of a week: no test comes across a slot's end. */
const oneFile = { recordings: { directory: 'recordings', keepFreeMegabytes: 0, hoursPerRecording: 168 } };

/** How much video a test records: an amount of time is what is tested. */
const recordMs = 3000;

function isGrowing(timestamps: readonly number[]): boolean {
  return timestamps.every((timestamp, index) => index === 0 || timestamp > (timestamps[index - 1] ?? 0));
}

async function makeVideo(file: string, seconds: number): Promise<void> {
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=15', '-t', String(seconds)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '15', '-pix_fmt', 'yuv420p', '-y', file],
  ]);
}

test('SIGTERM loses nothing that ffmpeg had delivered, and ffprobe accepts every frame', async (context) => {
  const place = await Place.make(context, [front]);
  const recorder = place.start();
  await recorder.line('video is coming');
  await delay(recordMs);
  assert.equal(await recorder.stop(), 0);
  const { video, essence, skips, keyPackets } = await place.recorded('front');
  assert.deepEqual(skips, []);
  assert.equal(keyPackets, (await place.files('front')).length);
  assert.ok(essence.equals(await place.delivered()), 'decrypted is what ffmpeg delivered');
  const { codec, frames } = await probe(context, video);
  assert.equal(codec, 'h264');
  assert.ok(frames >= 30, `${frames} frames in 3 s at 15 a second`);
  const state = await readRecorderState(place.recordings);
  assert.equal(state?.cameras[0]?.activity, 'stopped');
  assert.ok(state?.stoppedMs);
});

test('Ctrl-C ends it in order as well, and auto says which encoder it takes', async (context) => {
  const place = await Place.make(context, [{ ...front, encoder: { name: 'auto' } }]);
  const recorder = place.start();
  assert.ok((await recorder.line('encoding with')).message.length > 0);
  await recorder.line('video is coming');
  assert.equal(await recorder.stop('SIGINT'), 0);
  const { essence } = await place.recorded('front');
  assert.ok(essence.length > 0 && essence.equals(await place.delivered()));
});

test('an ffmpeg that is killed is started again, and all that each delivered is recorded', async (context) => {
  const place = await Place.make(context, [front], oneFile);
  const recorder = place.start();
  await recorder.line('video is coming');
  process.kill(await recorder.ffmpeg(), 'SIGKILL');
  const gap = await recorder.line('gap of', { level: 'warn' });
  assert.match(String(gap.cause), /SIGKILL/);
  assert.ok(Number(gap.lengthMs) >= 1000);
  assert.equal(await recorder.stop(), 0);
  const { video, essence, skips } = await place.recorded('front');
  assert.deepEqual(skips, []);
  assert.ok(essence.equals(await place.delivered()));
  assert.ok(isGrowing((await probe(context, video)).timestamps), 'a restart is no leap back');
});

test('an ffmpeg that hangs is replaced after the stall timeout', async (context) => {
  const place = await Place.make(context, [{ ...front, stallTimeoutSeconds: 4 }]);
  const recorder = place.start();
  await recorder.line('video is coming');
  const hanging = await recorder.ffmpeg();
  process.kill(hanging, 'SIGSTOP');
  const gap = await recorder.line('gap of', { level: 'warn' });
  assert.match(String(gap.cause), /no video for 4 s/);
  assert.notEqual(await recorder.ffmpeg(), hanging);
  assert.equal(await recorder.stop(), 0);
  assert.deepEqual((await place.recorded('front')).skips, []);
});

test('a camera that vanishes and comes back makes a gap, and its neighbour none', async (context) => {
  const place = await Place.make(context, []);
  const device = path.join(place.directory, 'device');
  const elsewhere = path.join(place.directory, 'unplugged');
  await makeVideo(`${device}.mp4`, 4);
  await rename(`${device}.mp4`, device);
  await place.configure([
    { ...front, name: 'yard', input: { format: 'mov', device } },
    { ...front, name: 'door' },
  ]);
  const recorder = place.start();
  await recorder.line('video is coming', { camera: 'yard' });
  await recorder.line('video is coming', { camera: 'door' });
  await rename(device, elsewhere);
  // The file ends; while it is away ffmpeg cannot open it.
  await recorder.line('starting again', { camera: 'yard' }, 2);
  assert.equal((await readRecorderState(place.recordings))?.cameras[0]?.name, 'yard');
  await rename(elsewhere, device);
  const gap = await recorder.line('gap of', { camera: 'yard', level: 'warn' });
  assert.match(String(gap.cause), /No such file or directory/);
  assert.equal(await recorder.stop(), 0);
  assert.deepEqual(
    recorder.lines.filter(({ camera, level }) => camera === 'door' && level !== 'info' && level !== 'debug'),
    [],
  );
  const { video } = await place.recorded('door');
  assert.ok((await probe(context, video)).frames > 15);
});

test('a recorder that is killed goes on in the same file with a new run', async (context) => {
  const place = await Place.make(context, [front], oneFile);
  const first = place.start();
  await first.line('video is coming');
  await delay(500);
  await first.kill();
  // As a power cut would leave it.
  const [file] = await place.files('front');
  assert.ok(file);
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, bytes.length - 100));
  const second = place.start();
  await second.line('video is coming');
  assert.equal(await second.stop(), 0);
  assert.deepEqual(await place.files('front'), [file]);
  const { keyPackets, skips, video } = await openRecording(await readFile(file));
  assert.equal(keyPackets, 2);
  assert.deepEqual(
    skips.map(({ reason }) => reason),
    ['cut'],
  );
  assert.ok(video.length > 0);
});

test("a camera's own H.264 is copied as it is, and that no time is drawn is said", async (context) => {
  const place = await Place.make(context, []);
  const device = path.join(place.directory, 'camera.mpegts');
  await makeVideo(`${device}.ts`, 8);
  await rename(`${device}.ts`, device);
  await place.configure([{ name: 'front', input: { format: 'mpegts', device }, encoder: { name: 'copy' } }]);
  const recorder = place.start();
  await recorder.line('the video of this camera is copied', { level: 'warn' });
  await recorder.line('video is coming', { encoder: 'copy' });
  await delay(recordMs);
  assert.equal(await recorder.stop(), 0);
  const { video, essence } = await place.recorded('front');
  assert.ok(essence.equals(await place.delivered()));
  const { codec, frames } = await probe(context, video);
  assert.equal(codec, 'h264');
  assert.ok(frames > 15 && frames < 8 * 15, `${frames} frames: at the pace of a camera`);
});

test('on a disk that is really full nothing is lost but the newest video, and it goes on when there is room', async (context) => {
  const place = await Place.make(context, [front]);
  await mkdir(place.recordings);
  const disk = await SmallDisk.mount(place.recordings, 3 * 2 ** 20);
  try {
    const blocker = path.join(place.recordings, 'blocker');
    await writeFile(blocker, Buffer.alloc(2_900_000));
    const recorder = place.start();
    await recorder.line('disk full, and no recording is left', { level: 'error' });
    await rm(blocker);
    await recorder.line('there is room');
    const gap = await recorder.line('gap of', { cause: 'disk full' });
    assert.equal(gap.level, 'warn');
    const [file = ''] = await place.files('front');
    const { video, skips } = await openRecording(await readFile(file));
    assert.deepEqual(
      skips.filter(({ reason }) => reason !== 'cut'),
      [],
      'at most the packet that is being written is not whole',
    );
    assert.ok(video.length > 0);
    assert.equal(await recorder.stop(), 0);
  } finally {
    await disk.unmount();
  }
});

test('a recorder that is started on a disk without a free block records over the oldest recordings', async (context) => {
  const place = await Place.make(context, [front]);
  await mkdir(place.recordings);
  const disk = await SmallDisk.mount(place.recordings, 4 * 2 ** 20);
  try {
    const camera = path.join(place.recordings, 'front');
    await mkdir(camera);
    await mkdir(path.join(place.recordings, '.state'));
    const old = ['rec-20260101T000000Z-3600s.encrocam', 'rec-20260101T010000Z-3600s.encrocam'];
    for (const name of old) await writeFile(path.join(camera, name), Buffer.alloc(1_500_000));
    const filler = path.join(place.recordings, 'filler');
    assert.throws(() => {
      for (;;) appendFileSync(filler, Buffer.alloc(4096));
    }, /ENOSPC/);
    const recorder = place.start();
    await recorder.line('video is coming');
    assert.equal(await recorder.stop(), 0);
    const left = await readdir(camera);
    assert.ok(!left.includes(old[0] ?? ''), left.join());
    assert.ok(
      left.some((name) => name.startsWith('rec-') && !old.includes(name)),
      left.join(),
    );
  } finally {
    await disk.unmount();
  }
});

test('a budget that is used up costs the oldest recordings that the drive holds, and only those', async (context) => {
  const place = await Place.make(context, [front], {
    recordings: { directory: 'recordings', keepFreeMegabytes: 0, diskBudgetGigabytes: 0.0035 },
    storage: { driver: 'directory', directory: '/nonexistent' },
  });
  const camera = path.join(place.recordings, 'front');
  await mkdir(camera, { recursive: true });
  const [held, partly] = ['rec-20260101T000000Z-3600s.encrocam', 'rec-20260101T010000Z-3600s.encrocam'];
  for (const name of [held, partly]) await writeFile(path.join(camera, name), Buffer.alloc(2_000_000));
  const recorder = place.start();
  await recorder.line('disk full, and no recording is left', { level: 'error' });
  await writeState(place.recordings, {
    service: 'sync',
    pid: 1,
    startedMs: 0,
    updatedMs: 0,
    location: '/nonexistent',
    cameras: [
      {
        name: 'front',
        activity: 'following',
        backlogBytes: 0,
        backlogFiles: 0,
        bytesUploaded: 0,
        confirmedBytes: { [held]: 2_000_000, [partly]: 1_999_999 },
      },
    ],
  });
  const removed = await recorder.line('disk full: removed');
  assert.equal(path.basename(String(removed.file)), held);
  await recorder.line('gap of', { cause: 'disk full' });
  assert.equal(await recorder.stop(), 0);
  const left = await readdir(camera);
  assert.ok(left.includes(partly) && !left.includes(held));
});

test('two recorders do not write the same recordings', async (context) => {
  const place = await Place.make(context, [front]);
  const first = place.start();
  await first.line('recorder started');
  const second = place.start();
  assert.equal(await second.ended(), 1);
  assert.match(second.text, /ALREADY_RUNNING/);
  assert.equal(await first.stop(), 0);
});

test('keys that do not work are told before anything is recorded', async (context) => {
  const place = await Place.make(context, [front], { owner: { keys: ['missing.asc'] } });
  const recorder = place.start();
  assert.equal(await recorder.ended(), 1);
  assert.match(recorder.text, /KEY_UNREADABLE/);
});

test('a missing ffmpeg and an unknown camera are told at once', async (context) => {
  const place = await Place.make(context, [front]);
  const without = place.start([], { ENCROCAM_FFMPEG: '/nowhere/ffmpeg' });
  assert.equal(await without.ended(), 1);
  assert.match(without.text, /PROGRAM_MISSING/);
  const unknown = place.start(['--camera', 'back']);
  assert.equal(await unknown.ended(), 1);
  assert.match(unknown.text, /USAGE/);
});
