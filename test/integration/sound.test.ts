/** Sound through the recorder's own arguments and real ffmpeg, with microphones that are well, absent, mute, and lost. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Camera } from '../../runtime/config/load.ts';
import type { MicrophoneConfig } from '../../runtime/config/types.ts';
import { ffmpegArguments } from '../../runtime/recorder/ffmpeg.ts';
import { ffmpegStarter, type VideoSource } from '../../runtime/recorder/ffmpeg-process.ts';
import { type SoundOutcome, SoundPolicy } from '../../runtime/recorder/sound.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'encrocam-sound-'));
after(() => rmSync(scratch, { recursive: true }));

const picture = 'testsrc2=size=320x180:rate=15';
const tone: MicrophoneConfig = {
  ...{ from: 'microphone', format: 'lavfi', device: 'sine=sample_rate=48000' },
  ...{ sampleRate: 48_000, channels: 1, bitRateKilobits: 64 },
};

function start(
  audio: Camera['audio'],
  input: Camera['input'],
  encoder: 'libx264' | 'copy' = 'libx264',
): VideoSource {
  const camera: Camera = {
    name: 'front',
    input,
    encoder: { name: encoder, preset: 'ultrafast', keyFrameIntervalSeconds: 1 },
    burnInTime: false,
    encryptIntervalMs: 125,
    stallTimeoutSeconds: 10,
    localDirectory: scratch,
    driveDirectory: 'front',
    ...(audio ? { audio } : {}),
  };
  const choices = { encoder, fontFile: undefined, needsPacing: true };
  return ffmpegStarter('ffmpeg')(ffmpegArguments(camera, choices));
}

const live: Camera['input'] = { format: 'lavfi', device: picture };
const forSeconds = (seconds: number): Camera['input'] => ({
  ...live,
  device: `${picture}:duration=${seconds}`,
});

/** Codec and packets of each stream. */
function streamsOf(video: Buffer): string[] {
  const file = path.join(scratch, 'recorded');
  writeFileSync(file, video);
  const shown = execFileSync('ffprobe', [
    ...['-loglevel', 'error', '-count_packets', '-of', 'csv=p=0'],
    ...['-show_entries', 'stream=codec_name,nb_read_packets', file],
  ]);
  return [...new Set(shown.toString().trim().split('\n'))].filter((line) => line !== '');
}

async function whole(source: VideoSource): Promise<{ video: Buffer; words: string; code: number | null }> {
  const [video, words, end] = await Promise.all([buffer(source.stdout), text(source.stderr), source.ended]);
  return { video, words, code: end.code };
}

/** When bytes came, in milliseconds since the call. */
function arrivalsOf({ stdout, stderr }: VideoSource): number[] {
  const arrivals: number[] = [];
  const startMs = performance.now();
  stderr.resume();
  stdout.on('data', () => arrivals.push(performance.now() - startMs));
  return arrivals;
}

test('sound is AAC beside the pictures', async () => {
  const { video, words } = await whole(
    start({ ...tone, device: `${tone.device}:duration=3` }, forSeconds(3)),
  );
  const streams = streamsOf(video);
  assert.equal(words, '');
  assert.deepEqual(streams.map((line) => line.split(',')[0]).sort(), ['aac', 'h264']);
  // 48000 samples a second in frames of 1024.
  const packets = Number(streams.find((line) => line.startsWith('aac'))?.split(',')[1]);
  assert.ok(packets > 130 && packets < 150, `${packets}`);
});

test("the sound of a camera's own stream goes with pictures that are copied, and may be missing", async () => {
  for (const sound of [['-f', 'lavfi', '-i', 'sine=duration=2', '-c:a', 'mp2'], []]) {
    const file = path.join(scratch, 'camera.ts');
    execFileSync('ffmpeg', [
      ...['-y', '-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', forSeconds(2).device, ...sound],
      ...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', file],
    ]);
    const audio: Camera['audio'] = { from: 'camera', channels: 1, bitRateKilobits: 64 };
    const { video, code } = await whole(start(audio, { format: 'mpegts', device: file }, 'copy'));
    assert.equal(code, 0);
    const names = streamsOf(video).map((line) => line.split(',')[0]);
    assert.deepEqual(names.sort(), sound.length === 0 ? ['h264'] : ['aac', 'h264']);
  }
});

test('a microphone that is absent is recognised by what ffmpeg really says', async () => {
  for (const absent of [
    { format: 'alsa', device: 'hw:9' },
    { format: 'pulse', device: 'nobody' },
    { format: 's16le', device: path.join(scratch, 'no-such-microphone') },
  ]) {
    const audio = { ...tone, ...absent };
    const { video, words, code } = await whole(start(audio, live));
    assert.notEqual(code, 0);
    const outcome: SoundOutcome = {
      ...{ withSound: true, deliveredBytes: video.length, end: 'exit' },
      lastWords: words.trim().split('\n').slice(-3).join(' | '),
    };
    assert.equal(new SoundPolicy(audio).ended(outcome), true, outcome.lastWords);
  }
});

test('a camera that is absent is not blamed on a microphone that is well', async () => {
  const { words } = await whole(start(tone, { format: 'v4l2', device: '/dev/video-none' }));
  const outcome: SoundOutcome = { withSound: true, deliveredBytes: 0, end: 'exit', lastWords: words };
  assert.equal(new SoundPolicy(tone).ended(outcome), false, words);
});

test('pictures go on without delay when the microphone is lost', async () => {
  const source = start({ ...tone, device: `${tone.device}:duration=2` }, live);
  const arrivals = arrivalsOf(source);
  await delay(6000);
  source.kill('SIGTERM');
  await source.ended;
  const late = arrivals.filter((timeMs) => timeMs > 3500);
  assert.ok(late.length > 15, `${late.length} arrivals after the sound had ended`);
});

test('a microphone that falls silent without saying so holds ffmpeg up: a stall is blamed on it', async () => {
  const fifo = path.join(scratch, 'microphone');
  execFileSync('mkfifo', [fifo]);
  const audio: MicrophoneConfig = { ...tone, format: 's16le', device: fifo };
  const source = start(audio, live);
  const writer = createWriteStream(fifo);
  writer.on('error', () => undefined);
  const arrivals = arrivalsOf(source);
  writer.write(Buffer.alloc(2 * 48_000));
  await delay(5000);
  source.kill('SIGKILL');
  await source.ended;
  writer.destroy();
  // If this fails, ffmpeg has learnt to go on: the policy can be milder then.
  assert.equal(arrivals.filter((timeMs) => timeMs > 4000).length, 0);
  const outcome = { withSound: true, deliveredBytes: 9, end: 'stall', lastWords: '' } as const;
  assert.equal(new SoundPolicy(audio).ended(outcome), true);
});
