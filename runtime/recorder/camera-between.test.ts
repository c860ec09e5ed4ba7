/** What happens between two recordings, when none is open, stands at the beginning of the next one. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { AudioConfig } from '../config/types.ts';
import { notesOf, setUp } from './fake-camera.ts';
import { faultsOf } from './fake-runs.ts';
import { fragmentedMp4, inEachContainer } from './fake-streams.ts';
import { settle } from './fakes.ts';

const settings = { stallTimeoutSeconds: 100 };
const audio: AudioConfig = {
  ...{ from: 'microphone', format: 'alsa', device: 'plughw:1' },
  ...{ sampleRate: 48_000, channels: 1, bitRateKilobits: 64 },
};

inEachContainer(
  'a camera that is unplugged between two recordings is told as lost, and then as back',
  async (stream) => {
    let isPlugged = true;
    const device = {
      identity: async () => (isPlugged ? { name: 'a camera' } : undefined),
      isThere: async () => isPlugged,
      isReady: async () => isPlugged,
    };
    const { clock, film, latest, runs, sources, stop } = setUp({ stream, device, settings });
    await settle();
    await film('a'.repeat(60));
    await clock.pass(300);
    assert.equal(sources.length, 2);
    isPlugged = false;
    latest().end({ code: 1 });
    await clock.pass(30_000);
    isPlugged = true;
    while (sources.length === 2) await clock.pass(500);
    await film('abc');
    await stop();
    assert.equal(notesOf(runs(), 'camera-lost').length, 1);
    assert.equal(notesOf(runs(), 'ffmpeg-ended')[0]?.cause, 'ffmpeg ended with code 1');
    const states = runs().flatMap(({ events }) => events.map(({ state }) => state));
    assert.deepEqual(states, ['present', 'back']);
    assert.deepEqual(faultsOf(runs()), []);
  },
);

inEachContainer('a clock that is set between two recordings is told by the next', async (stream) => {
  const { clock, film, runs, sources, stop } = setUp({ stream, settings });
  await settle();
  await film('a'.repeat(60));
  await clock.pass(200);
  assert.equal(sources.length, 2);
  clock.step(20_000);
  await clock.pass(700);
  await film('abc');
  await stop();
  assert.deepEqual(notesOf(runs(), 'clock-step'), [{ what: 'clock-step', milliseconds: 20_000 }]);
  assert.deepEqual(faultsOf(runs()), []);
});

inEachContainer(
  'a microphone that fails at the start is told by the recording that is without it',
  async (stream) => {
    const { film, latest, runs, stop } = setUp({ stream, settings: { audio } });
    await settle();
    latest().stderr.write('[alsa @ 0x1] cannot open audio device plughw:1 (No such file or directory)\n');
    await settle();
    latest().end({ code: 1 });
    await settle();
    await film('ab');
    await stop();
    assert.equal(notesOf(runs(), 'sound-lost').length, 1);
  },
);

test('what happens while the disk is full is told when there is room', async () => {
  const { disk, clock, film, latest, logger, runs, sources, stop } = setUp({ stream: fragmentedMp4 });
  await settle();
  await film('ab');
  disk.roomBytes = 0;
  await film('X');
  latest().end({ code: 1 });
  await settle();
  while (sources.length === 1) await clock.pass(500);
  disk.roomBytes = Number.POSITIVE_INFINITY;
  await film('cd');
  await stop();
  assert.equal(notesOf(runs(), 'ffmpeg-ended').length, 1);
  assert.deepEqual(
    logger.about('the recording does not tell').map(({ fields }) => fields.what),
    ['storage-full'],
  );
  assert.deepEqual(faultsOf(runs()), []);
});
