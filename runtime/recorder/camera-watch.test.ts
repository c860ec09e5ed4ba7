/** What a camera's recordings tell beside the video, and recording with sound or without. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { AudioConfig, MotionConfig } from '../config/types.ts';
import type { CameraIdentity } from './camera-identity.ts';
import { notesOf, setUp, videoOf } from './fake-camera.ts';
import { faultsOf, type RunTold } from './fake-runs.ts';
import { inEachContainer as test } from './fake-streams.ts';
import { settle } from './fakes.ts';
import { settlingMs } from './motion.ts';

const motion: MotionConfig = {
  sensitivity: 50,
  holdSeconds: 2,
  cooldownSeconds: 60,
  commandTimeoutSeconds: 30,
};
const audio: AudioConfig = {
  ...{ from: 'microphone', format: 'alsa', device: 'plughw:1' },
  ...{ sampleRate: 48_000, channels: 1, bitRateKilobits: 64 },
};
const eventsOf = (runs: readonly RunTold[]) => runs.flatMap(({ events }) => events);

/** As ffmpeg's filter prints it: percent of the picture that changed. */
function printed(percent: number): string {
  return `encrocam.zone=0\nlavfi.signalstats.YAVG=${(percent * 255) / 100}\n`;
}

test('motion is an event when it begins, and one with its length when it ends', async (stream) => {
  const { clock, film, latest, stop, runs } = setUp({ stream, settings: { motion } });
  await settle();
  latest().motion.write(printed(0));
  await clock.pass(settlingMs);
  await film('a');
  for (const percent of [30, 40, 20]) {
    latest().motion.write(printed(percent));
    await clock.pass(250);
  }
  for (let second = 0; second < 3; second++) {
    latest().motion.write(printed(0));
    await film('b');
  }
  await stop();
  assert.deepEqual(eventsOf(runs()), [
    { what: 'motion', zone: 'picture', score: 40 },
    { what: 'motion', zone: 'picture', score: 40, milliseconds: 250 },
  ]);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a camera that was locked calls when something moves, once it is unlocked', async (stream) => {
  const { clock, film, latest, stop, recorder, logger } = setUp({ stream, settings: { motion } });
  await settle();
  latest().motion.write(printed(0));
  await clock.pass(settlingMs);
  await film('a');
  recorder.unlocked({ ...motion, command: ['/nowhere/alarm'] });
  latest().motion.write(printed(30));
  latest().motion.write(printed(30));
  const called = () => logger.lines.some(({ message }) => message.includes('motion.command'));
  for (let waits = 0; waits < 200 && !called(); waits++) await delay(20);
  assert.ok(called(), 'nothing was called');
  await stop();
});

test('motion while the next recording is being sealed stands in it, and what goes on at the end is ended', async (stream) => {
  const sealing = Promise.withResolvers<void>();
  const { clock, film, latest, stop, runs } = setUp({
    stream,
    settings: { motion },
    sealing: [sealing.promise],
  });
  await settle();
  latest().motion.write(printed(0));
  await clock.pass(settlingMs);
  latest().motion.write(printed(30));
  latest().motion.write(printed(30));
  await film('a');
  sealing.resolve();
  await film('b');
  await stop();
  assert.deepEqual(
    eventsOf(runs()).map(({ milliseconds }) => milliseconds),
    [undefined, 0],
  );
  assert.deepEqual(faultsOf(runs()), []);
});

test('each recording says which camera it is of; one that is unplugged and comes back, or is another one, is told', async (stream) => {
  let identity: CameraIdentity | undefined = { name: 'a camera' };
  const isThere = async (): Promise<boolean> => identity !== undefined;
  const device = { identity: async () => identity, isThere, isReady: async () => true };
  const { clock, film, latest, stop, runs, sources } = setUp({ stream, device });
  await settle();
  const unplugUntil = async (next: CameraIdentity): Promise<void> => {
    identity = undefined;
    const before = sources.length;
    for (let attempt = 1; attempt <= 2; attempt++) {
      latest().end({ code: 1 });
      while (sources.length < before + attempt) await clock.pass(500);
    }
    identity = next;
  };
  await film('a'.repeat(60));
  await film('b');
  latest().end({ code: 1 });
  await clock.pass(1000);
  await film('c');
  await unplugUntil({ name: 'a camera' });
  await film('d');
  await unplugUntil({ name: 'another camera' });
  await film('e');
  await stop();
  assert.deepEqual(
    runs().map(({ events }) => events.map(({ identity: told, state }) => [told, state])),
    [
      [[{ name: 'a camera' }, 'present']],
      [
        [{ name: 'a camera' }, 'present'],
        [{ name: 'a camera' }, 'back'],
        [{ name: 'another camera' }, 'present'],
      ],
    ],
  );
  assert.equal(notesOf(runs(), 'camera-lost').length, 2);
  assert.deepEqual(faultsOf(runs()), []);
});

test('without a microphone that fails recording goes on at once, and the next recording tries it again', async (stream) => {
  const { clock, film, latest, sounds, stop, runs, recorder } = setUp({
    stream,
    settings: { audio },
  });
  await settle();
  latest().stderr.write('[alsa @ 0x1] cannot open audio device plughw:1 (No such file or directory)\n');
  await settle();
  latest().end({ code: 1 });
  await settle();
  assert.deepEqual(sounds, [true, false]);
  assert.equal(recorder.state().restarts, 0);
  await film('ab');
  latest().end({ code: 1 });
  await clock.pass(1000);
  assert.deepEqual(sounds, [true, false, false]);
  await film('c'.repeat(57));
  latest().deliver(stream.keyFrame('d'));
  await clock.pass(200);
  assert.deepEqual(sounds, [true, false, false, true]);
  await stop();
  assert.equal(notesOf(runs(), 'sound-lost').length, 1);
  assert.equal(videoOf(runs()), `ab${'c'.repeat(57)}d`);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a camera without sound or motion is started without, and without events', async (stream) => {
  const { film, sounds, stop, runs } = setUp({ stream });
  await settle();
  await film('abc');
  await stop();
  assert.deepEqual(sounds, [false]);
  assert.deepEqual(eventsOf(runs()), []);
});

test('ffmpeg waits for a device that udev has not given away yet, and says itself what is wrong after a while', async (stream) => {
  let isReady = false;
  const device = { identity: async () => undefined, isThere: async () => true, isReady: async () => isReady };
  const { clock, film, sources, stop, runs } = setUp({ stream, device });
  await clock.pass(3000);
  assert.equal(sources.length, 0);
  isReady = true;
  await clock.pass(300);
  assert.equal(sources.length, 1);
  await film('a');
  isReady = false;
  sources[0]?.end({ code: 1 });
  await clock.pass(10_000);
  assert.equal(sources.length, 1);
  await clock.pass(7000);
  assert.equal(sources.length, 2);
  await stop();
  assert.deepEqual(faultsOf(runs()), []);
});
