/** The recorder's runs of EncroCrypt3, by the real program with a real ffmpeg: all that came is in them, and they verify. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { checkpointMs } from '../../runtime/recorder/sealed-run.ts';
import { openRecording, Place, probe, type Running, testPicture } from './recorder-harness.ts';

const front = { name: 'front', input: testPicture, encoder: { name: 'libx264', keyFrameIntervalSeconds: 1 } };
const hourMs = 3_600_000;
const shiftClock = path.join(import.meta.dirname, '../support/shift-clock.ts');

/** Slots of a week: no test comes across a slot's end. */
const recordings = (container: string, more: object = {}) => ({
  recordings: { directory: 'recordings', keepFreeMegabytes: 0, container, ...more },
});
const oneFile = { hoursPerRecording: 168 };

/** The clock of a program whose hour is over in so many milliseconds. */
function beforeHour(leftMs: number): Record<string, string> {
  // Backwards: nothing that was signed or made has a time to come.
  const shiftMs = -((Date.now() % hourMs) + leftMs);
  return {
    SHIFT_CLOCK_MS: String(shiftMs),
    NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${shiftClock}`,
  };
}

/**
 * What a recorder that is killed leaves without a checkpoint, at most: the time between two, and a packet's interval (0.125 s), as the
 * last packet may have come when the next checkpoint was due; a busy computer gets to that later. What is written is in the kernel: a power cut would cost its flush too.
 */
const longestTailMs = checkpointMs + 125 + 1000;

/** How much time is in this state, as `encrocam verify` has it. */
async function millisecondsOf(wanted: string, place: Place): Promise<number> {
  const { output } = await place.verify('front', '--json');
  const { places } = JSON.parse(output) as {
    places: { intervals: { state: string; from: string; to: string }[] }[];
  };
  return places
    .flatMap(({ intervals }) => intervals)
    .filter(({ state }) => state === wanted)
    .reduce((sum, { from, to }) => sum + Date.parse(to) - Date.parse(from), 0);
}

/** Process numbers of the children that seal. */
async function sealers(running: Running): Promise<number> {
  return (await running.children(/seal-key/)).length;
}

for (const container of ['mp4', 'mpegts']) {
  test(`${container}: across the end of a slot nothing that ffmpeg delivered is lost, and both recordings verify`, async (context) => {
    const place = await Place.make(context, [front], recordings(container));
    const recorder = place.start([], beforeHour(9000));
    await recorder.line('video is coming');
    await recorder.line('recording', {}, 2);
    const gap = await recorder.line('gap of', { cause: 'change to the next recording' });
    assert.ok(Number(gap.lengthMs) < 5000, `${gap.lengthMs} ms`);
    await delay(1500);
    assert.equal(await recorder.stop(), 0);
    const files = await place.files('front');
    assert.equal(files.length, 2);
    const { essence, keyPackets, skips } = await place.recorded('front');
    assert.deepEqual([keyPackets, skips], [2, []]);
    assert.ok(essence.equals(await place.delivered()), 'decrypted is what ffmpeg delivered');
    for (const file of files) {
      const { timestamps } = await probe(context, (await openRecording(await readFile(file))).video);
      assert.ok(timestamps.length > 10 && timestamps.every(Number.isFinite));
    }
    const { exitCode, output } = await place.verify('front');
    assert.equal(exitCode, 0, output);
  });

  test(`${container}: after kill -9 the next run names what was there, and verify tells the seconds that nobody vouches for`, async (context) => {
    const place = await Place.make(context, [front], recordings(container, oneFile));
    const first = place.start();
    await first.line('video is coming');
    // A checkpoint is there, and more behind it than a recorder that makes none in time may leave.
    await delay(longestTailMs + 2500);
    await first.kill();
    const second = place.start();
    await second.line('video is coming');
    await delay(1000);
    assert.equal(await second.stop(), 0);
    const { keyPackets, skips, video } = await place.recorded('front');
    assert.deepEqual([keyPackets, skips], [2, []]);
    const { exitCode, output } = await place.verify('front');
    // What was recorded last before the kill has no checkpoint; nothing is missing or tampered.
    assert.equal(exitCode, 2, output);
    assert.match(output, /unfinished/);
    assert.doesNotMatch(output, /missing|tampered|not the only one/);
    assert.match(output, /the power was lost, or the recorder was killed/);
    const tailMs = await millisecondsOf('unfinished', place);
    assert.ok(tailMs > 0 && tailMs <= longestTailMs, `nobody vouches for ${tailMs} ms`);
    const { timestamps } = await probe(context, video);
    assert.ok(
      timestamps.every((timestamp, index) => index === 0 || timestamp > (timestamps[index - 1] ?? 0)),
    );
  });

  test(`${container}: an ffmpeg that is killed leaves one run, whole but for the gap that it tells`, async (context) => {
    const place = await Place.make(context, [front], recordings(container, oneFile));
    const recorder = place.start();
    await recorder.line('video is coming');
    await delay(1500);
    process.kill(await recorder.ffmpeg(), 'SIGKILL');
    await recorder.line('gap of', { level: 'warn' });
    await delay(500);
    assert.equal(await recorder.stop(), 0);
    const { essence, keyPackets } = await place.recorded('front');
    assert.equal(keyPackets, 1);
    assert.ok(essence.equals(await place.delivered()));
    const { exitCode, output } = await place.verify('front');
    assert.equal(exitCode, 0, output);
    assert.match(output, /gap[^\n]*SIGKILL/);
  });
}

test('a camera that is frozen until the recorder is killed is a gap up to the last checkpoint, not intact', async (context) => {
  const place = await Place.make(context, [front], recordings('mp4', oneFile));
  const recorder = place.start();
  await recorder.line('video is coming');
  const ffmpeg = await recorder.ffmpeg();
  process.kill(ffmpeg, 'SIGSTOP');
  context.after(() => {
    try {
      process.kill(ffmpeg, 'SIGKILL');
    } catch {
      // It ended with the recorder.
    }
  });
  const frozenAt = performance.now();
  // Below the stall timeout of 10 s; a checkpoint is made meanwhile.
  await delay(9000);
  const frozenMs = performance.now() - frozenAt;
  await recorder.kill();
  const { output } = await place.verify('front');
  assert.match(output, /gap: nothing came from the camera/);
  const gapMs = await millisecondsOf('gap', place);
  assert.ok(gapMs >= frozenMs - longestTailMs, `only ${gapMs} ms of ${frozenMs}`);
});

test('two cameras at a time have their runs sealed by one child, which ends soon after', async (context) => {
  const place = await Place.make(context, [front, { ...front, name: 'back' }]);
  const recorder = place.start();
  let most = 0;
  const counting = (async () => {
    while (recorder.lines.filter(({ message }) => message === 'video is coming').length < 2) {
      most = Math.max(most, await sealers(recorder));
      await delay(20);
    }
  })();
  await recorder.line('video is coming', { camera: 'front' });
  await recorder.line('video is coming', { camera: 'back' });
  await counting;
  assert.equal(most, 1);
  for (let waited = 0; (await sealers(recorder)) > 0; waited++) {
    assert.ok(waited < 200, 'the child is still there');
    await delay(100);
  }
  assert.equal(await recorder.stop(), 0);
  for (const camera of ['front', 'back']) assert.equal((await place.verify(camera)).exitCode, 0);
});

test('motion and sound are in the recording, and a microphone that is not there keeps no picture out', async (context) => {
  const microphone = (device: string) => ({ from: 'microphone', format: 'lavfi', device });
  const place = await Place.make(
    context,
    [
      { ...front, motion: { sensitivity: 100 }, audio: microphone('sine') },
      { ...front, name: 'back', audio: microphone('no-such-source') },
    ],
    recordings('mp4', oneFile),
  );
  const recorder = place.start();
  await recorder.line('video is coming', { camera: 'front' });
  await recorder.line('video is coming', { camera: 'back' });
  await recorder.line('the microphone fails: going on without sound', { camera: 'back' });
  await delay(4000);
  assert.equal(await recorder.stop(), 0);
  const { events, video } = await place.recorded('front');
  assert.deepEqual(
    events.map(({ what, zone, milliseconds }) => [what, zone, typeof milliseconds]),
    [
      ['motion', 'picture', 'undefined'],
      ['motion', 'picture', 'number'],
    ],
  );
  assert.ok((await probe(context, video)).frames > 30);
  assert.match(video.toString('latin1', 0, 4000), /mp4a/);
  const silent = await place.recorded('back');
  assert.deepEqual([silent.keyPackets, silent.events], [1, []]);
  assert.doesNotMatch(silent.video.toString('latin1', 0, 4000), /mp4a/);
  for (const camera of ['front', 'back']) assert.equal((await place.verify(camera)).exitCode, 0);
});

test('EncroCrypt2 is still written where the settings say so', async (context) => {
  const place = await Place.make(context, [front], recordings('mp4', { ...oneFile, format: 'encrocrypt2' }));
  for (const turn of [1, 2]) {
    const recorder = place.start();
    await recorder.line('video is coming');
    await delay(1000);
    assert.equal(await recorder.stop(), 0);
    const [file = ''] = await place.files('front');
    const bytes = await readFile(file);
    assert.equal(bytes.toString('latin1', 0, 13), '__EncroCrypt2');
    const { essence, keyPackets, skips } = await openRecording(bytes);
    assert.deepEqual([keyPackets, skips], [turn, []]);
    assert.ok(essence.equals(await place.delivered()));
  }
});
