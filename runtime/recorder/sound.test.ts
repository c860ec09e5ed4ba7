import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Camera } from '../config/load.ts';
import type { MicrophoneConfig } from '../config/types.ts';
import { ffmpegArguments } from './ffmpeg.ts';
import { type SoundOutcome, SoundPolicy } from './sound.ts';

const microphone: MicrophoneConfig = {
  ...{ from: 'microphone', format: 'alsa', device: 'plughw:CARD=Device' },
  ...{ sampleRate: 48_000, channels: 1, bitRateKilobits: 64 },
};

function camera(audio: Camera['audio'], input: Partial<Camera['input']> = {}): Camera {
  return {
    name: 'front',
    input: { format: 'v4l2', device: '/dev/video0', ...input },
    encoder: { name: 'auto', preset: 'veryfast', keyFrameIntervalSeconds: 2 },
    burnInTime: false,
    encryptIntervalMs: 125,
    stallTimeoutSeconds: 10,
    localDirectory: '/tmp/front',
    driveDirectory: 'front',
    ...(audio ? { audio } : {}),
  };
}

function argumentsOf(
  audio: Camera['audio'],
  withoutSound = false,
  input: Partial<Camera['input']> = {},
): string {
  return ffmpegArguments(camera(audio, input), {
    ...{ encoder: 'copy', fontFile: undefined, needsPacing: false, withoutSound },
  }).join(' ');
}

test('a microphone is a second input, on the same clock as the camera', () => {
  const args = argumentsOf(microphone);
  assert.match(args, /-timestamps abs .*-f v4l2 -i \/dev\/video0 /);
  assert.match(args, / -isync 0 -f alsa -sample_rate 48000 -channels 1 -i plughw:CARD=Device /);
  assert.match(args, / -map 0:v:0 .*-map 1:a:0 -c:a aac -b:a 64k -ac 1 -ar 48000 /);
});

test('clocks that cannot be compared are not', () => {
  assert.doesNotMatch(
    argumentsOf({ ...microphone, format: 'lavfi', device: 'sine' }),
    /isync|timestamps|channels/,
  );
  assert.doesNotMatch(
    argumentsOf(microphone, false, { format: 'rtsp', device: 'rtsp://a/' }),
    /isync|timestamps/,
  );
});

test("the sound of the camera's own stream is taken if there is one", () => {
  const args = argumentsOf({ from: 'camera', channels: 2, bitRateKilobits: 96 });
  assert.equal(args.match(/ -i /g)?.length, 1);
  assert.match(args, / -map 0:a:0\? -c:a aac -b:a 96k -ac 2 -af /);
});

test('nothing of the sound is left where none is configured, or where it is left out', () => {
  assert.equal(argumentsOf(microphone, true), argumentsOf(undefined));
  assert.doesNotMatch(argumentsOf(undefined), /-c:a|1:a|isync|thread_queue/);
});

const run: SoundOutcome = { withSound: true, deliveredBytes: 0, end: 'exit', lastWords: '' };
/** What ffmpeg 5.1 and 7.0 say. */
const complaints = {
  5: '[alsa @ 0x55] cannot open audio device plughw:CARD=Device (No such file or directory) | plughw:CARD=Device: Input/output error',
  7: '[in#1 @ 0x29] Error opening input: Input/output error | Error opening input file plughw:CARD=Device. | Error opening input files: Input/output error',
};

test('a microphone that cannot be opened is left out, until the next recording', () => {
  for (const lastWords of Object.values(complaints)) {
    const policy = new SoundPolicy(microphone);
    assert.equal(policy.withSound, true);
    assert.equal(policy.ended({ ...run, lastWords }), true);
    assert.equal(policy.withSound, false);
    policy.newRecording();
    assert.equal(policy.withSound, true);
  }
});

test('a run without sound says nothing of the microphone, and brings it back to none', () => {
  const policy = new SoundPolicy(microphone);
  policy.ended({ ...run, lastWords: complaints[5] });
  assert.equal(policy.ended({ ...run, withSound: false, lastWords: 'front: gone' }), false);
  assert.equal(policy.withSound, false);
});

test('a camera that cannot be opened is not blamed on the microphone', () => {
  const policy = new SoundPolicy(microphone);
  for (const lastWords of [
    '[video4linux2,v4l2 @ 0x5] Cannot open video device /dev/video0 | /dev/video0: No such file or directory',
    '[in#0 @ 0x5] Error opening input: No such file or directory | Error opening input file /dev/video0.',
    '',
  ]) {
    assert.equal(policy.ended({ ...run, lastWords }), false);
    assert.equal(policy.withSound, true);
  }
});

test('once pictures came, what ends ffmpeg is not the microphone', () => {
  const policy = new SoundPolicy(microphone);
  assert.equal(policy.ended({ ...run, deliveredBytes: 9, lastWords: complaints[5] }), false);
});

test('a stall is blamed on the microphone first, and without it on the camera', () => {
  const policy = new SoundPolicy(microphone);
  assert.equal(policy.ended({ ...run, end: 'stall', deliveredBytes: 9 }), true);
  assert.equal(policy.ended({ ...run, end: 'stall', withSound: policy.withSound }), false);
});

test('an end that was asked for says nothing', () => {
  assert.equal(new SoundPolicy(microphone).ended({ ...run, end: 'asked', lastWords: complaints[7] }), false);
});

test('credentials in its address do not keep it from being recognised', () => {
  const device = 'rtsp://me:secret@mic/1';
  const policy = new SoundPolicy({ ...microphone, format: 'rtsp', device });
  assert.equal(policy.ended({ ...run, lastWords: 'rtsp://…@mic/…: Connection refused' }), true);
});

test('where sound comes with the pictures, or not at all, it is never to blame', () => {
  assert.equal(new SoundPolicy(undefined).withSound, false);
  const policy = new SoundPolicy({ from: 'camera', channels: 1, bitRateKilobits: 64 });
  assert.equal(policy.withSound, true);
  assert.equal(policy.ended({ ...run, end: 'stall' }), false);
});
