import assert from 'node:assert/strict';
import test from 'node:test';
import { EncoderChooser, hardwareProbe } from './encoder.ts';
import { LogBook } from './fakes.ts';

test('auto takes the hardware where it works, and tries it once for all cameras', async () => {
  let probes = 0;
  const chooser = new EncoderChooser(async () => {
    probes += 1;
    return undefined;
  }, new LogBook());
  assert.deepEqual(await Promise.all([chooser.choose('auto'), chooser.choose('auto')]), [
    'h264_v4l2m2m',
    'h264_v4l2m2m',
  ]);
  assert.equal(probes, 1);
});

test('auto takes libx264 where the hardware does not work, and says why', async () => {
  const logger = new LogBook();
  const chooser = new EncoderChooser(async () => 'no valid device', logger);
  assert.equal(await chooser.choose('auto'), 'libx264');
  assert.equal(logger.lines[0]?.fields.reason, 'no valid device');
});

test('an encoder that is named is taken without a trial', async () => {
  const chooser = new EncoderChooser(() => assert.fail('not asked'), new LogBook());
  assert.equal(await chooser.choose('copy'), 'copy');
  assert.equal(await chooser.choose('libx264'), 'libx264');
});

test('a program that is no ffmpeg has no hardware encoder', async () => {
  assert.ok(await hardwareProbe('false')());
  assert.ok(await hardwareProbe('/nowhere/ffmpeg')());
});
