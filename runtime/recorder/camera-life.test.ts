/** A camera whose ffmpeg hangs, in each container: it never holds up more than the stall timeout, and three times that at its start. */
import assert from 'node:assert/strict';
import type { AudioConfig } from '../config/types.ts';
import { endsOf, first, notesOf, second, setUp, slotMs, videoOf } from './fake-camera.ts';
import { faultsOf } from './fake-runs.ts';
import { inEachContainer as test } from './fake-streams.ts';
import { settle } from './fakes.ts';

const audio: AudioConfig = {
  ...{ from: 'microphone', format: 'alsa', device: 'plughw:1' },
  ...{ sampleRate: 48_000, channels: 1, bitRateKilobits: 64 },
};

test('an ffmpeg that delivers nothing from its start is ended, and another one is started', async (stream) => {
  const { clock, film, latest, logger, recorder, sources, stop, runs } = setUp({ stream });
  await settle();
  latest().lastBytes = undefined;
  await clock.pass(29_500);
  assert.deepEqual(latest().signals, []);
  await clock.pass(3000);
  assert.deepEqual(sources[0]?.signals, ['SIGTERM', 'SIGKILL']);
  assert.equal(sources.length, 2);
  assert.equal(recorder.state().activity, 'gap');
  assert.match(recorder.state().lastProblem ?? '', /no video for 30 s/);
  await film('abc');
  assert.match(String(logger.about('gap of')[0]?.fields.cause), /no video for 30 s/);
  await stop();
  assert.equal(videoOf(runs()), 'abc');
  assert.deepEqual(faultsOf(runs()), []);
});

test('an ffmpeg that delivers nothing from its start, in the slot that begins, is ended and replaced', async (stream) => {
  const { clock, film, logger, sources, stop, runs } = setUp({ stream });
  await settle();
  await film('a'.repeat(60));
  assert.equal(sources.length, 2);
  await clock.pass(32_000);
  assert.equal(sources.length, 3);
  await film('bb');
  await stop();
  assert.equal(videoOf(runs(first)), 'a'.repeat(60));
  assert.equal(videoOf(runs(second)), 'bb');
  assert.match(String(logger.about('gap of')[0]?.fields.cause), /no video for 30 s/);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a slot that ends before the first picture puts what comes then into the next recording', async (stream) => {
  const { clock, film, sources, stop, runs } = setUp({ stream, settings: { stallTimeoutSeconds: 120 } });
  await settle();
  await film('a'.repeat(60));
  await clock.pass(2 * slotMs);
  assert.equal(sources.length, 4);
  await film('bb');
  await stop();
  assert.equal(videoOf(runs(first)), 'a'.repeat(60));
  assert.equal(videoOf(runs('/r/front/rec-20270115T080300Z-60s.encrocam')), 'bb');
  assert.deepEqual(faultsOf(runs()), []);
});

test('a microphone that makes ffmpeg wait from its start costs three times the stall timeout, and then only the sound', async (stream) => {
  const { clock, film, logger, recorder, sounds, stop, runs } = setUp({ stream, settings: { audio } });
  await clock.pass(30_000);
  assert.deepEqual(sounds, [true, false]);
  // Started again at once, without a pause.
  assert.equal(recorder.state().restarts, 0);
  assert.equal(logger.about('the microphone fails').length, 1);
  await film('abc');
  await stop();
  assert.equal(videoOf(runs()), 'abc');
  assert.deepEqual(faultsOf(runs()), []);
});

test('a microphone that hangs while it is recorded costs the stall timeout, and then only the sound, until the next recording', async (stream) => {
  const { clock, film, sounds, stop, runs } = setUp({ stream, settings: { audio } });
  await settle();
  await film('ab');
  await clock.pass(10_000);
  assert.deepEqual(sounds, [true, false]);
  await film('c'.repeat(48));
  assert.deepEqual(sounds, [true, false, true]);
  await film('d');
  await stop();
  assert.equal(notesOf(runs(first), 'sound-lost').length, 1);
  assert.equal(videoOf(runs(first)), `ab${'c'.repeat(48)}`);
  assert.equal(videoOf(runs(second)), 'd');
  assert.deepEqual(faultsOf(runs()), []);
});

test('an ffmpeg that ended while its run is being sealed is not taken for one that hangs', async (stream) => {
  const sealing = Promise.withResolvers<void>();
  const { clock, film, latest, recorder, stop, runs } = setUp({ stream, sealing: [sealing.promise] });
  await settle();
  await film('ab');
  latest().end({ code: 1 });
  await clock.pass(30_000);
  sealing.resolve();
  await settle();
  assert.match(recorder.state().lastProblem ?? '', /ffmpeg ended with code 1/);
  await clock.pass(1000);
  await film('cd');
  await stop();
  assert.equal(videoOf(runs()), 'abcd');
  assert.deepEqual(endsOf(runs()), ['stop']);
  assert.deepEqual(faultsOf(runs()), []);
});
