import assert from 'node:assert/strict';
import test from 'node:test';
import type { Camera } from '../config/load.ts';
import { type FfmpegChoices, ffmpegArguments, withoutCredentials } from './ffmpeg.ts';

function camera(input: Partial<Camera['input']> = {}, more: Partial<Camera> = {}): Camera {
  return {
    name: 'front',
    input: { format: 'v4l2', device: '/dev/video0', ...input },
    encoder: { name: 'auto', preset: 'veryfast', keyFrameIntervalSeconds: 2 },
    burnInTime: true,
    encryptIntervalMs: 125,
    stallTimeoutSeconds: 10,
    localDirectory: '/tmp/front',
    driveDirectory: 'front',
    ...more,
  };
}

const software: FfmpegChoices = { encoder: 'libx264', fontFile: '/fonts/a.ttf', needsPacing: false };

/** The value of an option, or `undefined` if it is not there. */
function argumentOf(args: readonly string[], option: string): string | undefined {
  const index = args.indexOf(option);
  return index === -1 ? undefined : args[index + 1];
}

test('a v4l2 camera is asked for its frame rate, size and pixel format before the input', () => {
  const args = ffmpegArguments(
    camera({ frameRate: 10, resolution: '1280x720', pixelFormat: 'mjpeg' }),
    software,
  );
  const input = args.slice(args.indexOf('-f'), args.indexOf('-i') + 2);
  assert.deepEqual(input, [
    ...['-f', 'v4l2', '-framerate', '10', '-video_size', '1280x720', '-input_format', 'mjpeg'],
    ...['-i', '/dev/video0'],
  ]);
  assert.ok(!args.includes('-re'));
});

test('a test picture is paced and gets frame rate and size from filters, for lavfi has no such options', () => {
  const args = ffmpegArguments(
    camera({ format: 'lavfi', device: 'testsrc2', frameRate: 5, resolution: '320x180' }),
    { ...software, needsPacing: true },
  );
  assert.ok(args.indexOf('-re') < args.indexOf('-i') && args.includes('-re'));
  assert.ok(!args.includes('-framerate') && !args.includes('-video_size'));
  assert.match(argumentOf(args, '-vf') ?? '', /^scale=320:180,fps=5,drawtext=/);
});

test('the burnt-in time is the wall clock with its offset from UTC', () => {
  const filter = argumentOf(ffmpegArguments(camera(), software), '-vf') ?? '';
  assert.match(filter, /drawtext=fontfile=\/fonts\/a\.ttf:text='%\{localtime\\:%F %T %z\}'/);
});

test('no time is drawn where it is not wanted', () => {
  const args = ffmpegArguments(camera({}, { burnInTime: false }), software);
  assert.equal(argumentOf(args, '-vf'), 'format=yuv420p');
});

test('key frames come by time, and libx264 encodes without delay at the chosen preset', () => {
  const args = ffmpegArguments(camera(), software);
  assert.equal(argumentOf(args, '-force_key_frames'), 'expr:gte(t,n_forced*2)');
  assert.equal(argumentOf(args, '-preset'), 'veryfast');
  assert.equal(argumentOf(args, '-tune'), 'zerolatency');
  assert.equal(argumentOf(args, '-b:v'), undefined);
});

test('a bit rate bounds the peaks as well', () => {
  const args = ffmpegArguments(
    camera(
      {},
      {
        encoder: { name: 'libx264', preset: 'fast', keyFrameIntervalSeconds: 2, bitRateKilobits: 900 },
      },
    ),
    software,
  );
  assert.deepEqual(
    ['-b:v', '-maxrate', '-bufsize'].map((option) => argumentOf(args, option)),
    ['900k', '900k', '1800k'],
  );
});

test('the hardware encoder gets a key-frame interval in frames where the frame rate is known', () => {
  const hardware = { ...software, encoder: 'h264_v4l2m2m' } as const;
  assert.equal(argumentOf(ffmpegArguments(camera({ frameRate: 15 }), hardware), '-g'), '30');
  assert.equal(argumentOf(ffmpegArguments(camera(), hardware), '-g'), undefined);
});

test('a copied stream is neither filtered nor encoded', () => {
  const args = ffmpegArguments(camera({ pixelFormat: 'h264' }), { ...software, encoder: 'copy' });
  assert.equal(argumentOf(args, '-c:v'), 'copy');
  assert.ok(!args.includes('-vf') && !args.includes('-force_key_frames'));
});

const motion: NonNullable<Camera['motion']> = {
  ...{ sensitivity: 50, holdSeconds: 5, cooldownSeconds: 60, commandTimeoutSeconds: 30 },
};

test('motion is looked for in pictures without the burnt-in time', () => {
  const args = ffmpegArguments(camera({}, { motion }), software);
  const [split, drawn, watched] = argumentOf(args, '-filter_complex')?.split(';') ?? [];
  assert.equal(split, '[0:v:0]split[drawn][watched]');
  assert.match(drawn ?? '', /^\[drawn\]drawtext=.*\[video\]$/);
  assert.match(watched ?? '', /^\[watched\]select=/);
  assert.doesNotMatch(watched ?? '', /drawtext/);
  assert.ok(!args.includes('-vf') && argumentOf(args, '-map') === '[video]');
});

test('a copied stream is watched in an output of its own that writes nothing', () => {
  const args = ffmpegArguments(camera({}, { motion }), { ...software, encoder: 'copy' });
  assert.equal(argumentOf(args, '-map'), '0:v:0');
  assert.deepEqual(args.slice(args.indexOf('pipe:1')), [
    'pipe:1',
    ...['-map', '[watched]', '-f', 'null', '-'],
  ]);
});

test('MPEG-TS leaves on standard output, each packet at once, and the terminal is left alone', () => {
  const args = ffmpegArguments(camera(), software);
  assert.equal(args.at(-1), 'pipe:1');
  assert.ok(args.includes('-nostdin'));
  assert.equal(argumentOf(args, '-flush_packets'), '1');
  assert.equal(argumentOf(args, '-muxdelay'), '0');
});

test('credentials in an address do not reach a log', () => {
  for (const [said, shown] of [
    ['rtsp://me:secret@cam/1: refused', 'rtsp://…@cam/…: refused'],
    ['rtsp://me:a/b@cam/1', 'rtsp://…@cam/…'],
    ['http://cam/video?user=me&password=word failed', 'http://cam/… failed'],
    ['rtsp://cam:7447/TOKEN', 'rtsp://cam/…'],
    ['no address: refused', 'no address: refused'],
  ] as const) {
    assert.equal(withoutCredentials(said), shown);
  }
});

test('timestamps begin where the recording is, and again where MPEG-TS has no more', () => {
  const offset = (beginsAtMs: number): string | undefined =>
    argumentOf(ffmpegArguments(camera(), { ...software, beginsAtMs }), '-output_ts_offset');
  assert.equal(offset(1_234_567), '1234.567');
  assert.equal(offset(95_443_717 + 1000), '1.000');
  assert.equal(argumentOf(ffmpegArguments(camera(), software), '-output_ts_offset'), '0.000');
});
