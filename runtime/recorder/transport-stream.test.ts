import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Camera } from '../config/load.ts';
import { ffmpegArguments } from './ffmpeg.ts';
import type { MediaPiece } from './stream.ts';
import { TransportStreamCutter } from './transport-stream.ts';

const run = promisify(execFile);

const camera: Camera = {
  name: 'front',
  input: { format: 'lavfi', device: 'testsrc2=size=320x180:rate=15:duration=6' },
  encoder: { name: 'libx264', preset: 'ultrafast', keyFrameIntervalSeconds: 2 },
  burnInTime: false,
  encryptIntervalMs: 125,
  stallTimeoutSeconds: 10,
  localDirectory: '/r/front',
  driveDirectory: 'front',
};

/** Six seconds, a key frame every two, as the recorder asks for them. */
let recording: Buffer;
before(async () => {
  const args = ffmpegArguments(camera, { encoder: 'libx264', fontFile: undefined, needsPacing: false });
  recording = (await run('ffmpeg', args, { encoding: 'buffer', maxBuffer: 20_000_000 })).stdout;
});

function cut(bytes: Buffer, chunkBytes: number): MediaPiece[] {
  const cutter = new TransportStreamCutter();
  const pieces: MediaPiece[] = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    pieces.push(...cutter.push(bytes.subarray(start, start + chunkBytes)));
  }
  return [...pieces, ...cutter.end()];
}

test('each key frame is told, and what begins there is played by itself', async () => {
  const pieces = cut(recording, recording.length);
  assert.deepEqual(
    pieces.map(({ isKeyFrame }) => isKeyFrame),
    [true, true, true],
  );
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-ts-'));
  try {
    for (const { bytes } of pieces) {
      const file = path.join(directory, 'part.ts');
      await writeFile(file, bytes);
      const shown = ['-v', 'error', '-show_entries', 'frame=pict_type', '-of', 'csv=p=0', file];
      const { stdout, stderr } = await run('ffprobe', shown);
      assert.equal(stderr, '');
      assert.match(stdout, /^I/);
      assert.equal(stdout.match(/[IP]/g)?.length, 30);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('nothing is lost or moved, and key frames are the same, however the bytes come', () => {
  const keyFrames = (pieces: readonly MediaPiece[]): number[] => {
    let position = 0;
    return pieces.flatMap(({ bytes, isKeyFrame }) => {
      position += bytes.length;
      return isKeyFrame ? [position - bytes.length] : [];
    });
  };
  const expected = keyFrames(cut(recording, recording.length));
  for (const chunkBytes of [1, 187, 188, 1000, 65_536]) {
    const pieces = cut(recording, chunkBytes);
    assert.deepEqual(Buffer.concat(pieces.map(({ bytes }) => bytes)), recording);
    assert.deepEqual(keyFrames(pieces), expected);
  }
});

test('video does not wait for more than the tables before a picture', () => {
  const cutter = new TransportStreamCutter();
  let given = 0;
  for (let start = 0; start < recording.length; start += 188) {
    for (const { bytes } of cutter.push(recording.subarray(start, start + 188))) given += bytes.length;
    assert.ok(start + 188 - given <= 5 * 188, `${start + 188 - given} bytes wait`);
  }
});

test('bytes that are no MPEG-TS go through as they are', () => {
  const noise = Buffer.from('no stream at all'.repeat(100));
  const pieces = cut(noise, 333);
  assert.deepEqual(Buffer.concat(pieces.map(({ bytes }) => bytes)), noise);
  assert.ok(pieces.every(({ isKeyFrame }) => !isKeyFrame));
});
