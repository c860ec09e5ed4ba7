import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { pairingCodes, pairingOwner, pictureOfCode } from '../../test/support/pairing.ts';
import type { CameraMode } from '../wizard/machine.ts';
import { cameraInput, chooseMode, grayPictures, pictureSize } from './frames.ts';
import { createCodeReader } from './reader.ts';

const mode = (pixelFormat: string, width: number, height: number, ...frameRates: number[]): CameraMode => ({
  ...{ pixelFormat, width, height, frameRates },
});

test('a camera is asked for raw pictures of the size that is looked at, and for few of them', () => {
  const modes = [
    mode('mjpeg', 640, 480, 30),
    mode('mjpeg', 1920, 1080, 30),
    mode('yuyv422', 320, 240, 30),
    mode('yuyv422', 640, 480, 30, 15, 5, 1),
    mode('yuyv422', 1280, 720, 10),
  ];
  assert.deepEqual(chooseMode(modes), modes[3]);
  assert.deepEqual(cameraInput('/dev/video0', modes), [
    ...['-f', 'v4l2', '-input_format', 'yuyv422', '-video_size', '640x480', '-framerate', '5'],
    ...['-i', '/dev/video0'],
  ]);
  assert.deepEqual(chooseMode([mode('h264', 640, 480), mode('mjpeg', 1280, 720)])?.pixelFormat, 'mjpeg');
  assert.deepEqual(chooseMode([mode('yuyv422', 160, 120), mode('mjpeg', 640, 480)])?.pixelFormat, 'mjpeg');
  assert.deepEqual(cameraInput('/dev/video0', []), ['-f', 'v4l2', '-i', '/dev/video0']);
});

async function rawVideo(context: TestContext, pictures: readonly Uint8Array[]): Promise<string[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-frames-'));
  context.after(() => rm(directory, { recursive: true }));
  const file = path.join(directory, 'raw.gray');
  await writeFile(file, Buffer.concat(pictures));
  const { width, height } = pictureSize;
  return [
    ...['-f', 'rawvideo', '-pixel_format', 'gray', '-video_size', `${width}x${height}`],
    ...['-framerate', '2', '-i', file],
  ];
}

test('codes go through ffmpeg and are read in order; the end of the pictures is told', async (context) => {
  const codes = await pairingCodes(pairingOwner(), 100);
  assert.ok(codes.length > 2);
  const pictures = await Promise.all(codes.map((text) => pictureOfCode(text, pictureSize)));
  const input = await rawVideo(
    context,
    pictures.map(({ pixels }) => pixels),
  );
  const read = await createCodeReader();
  const seen: string[] = [];
  const watch = async (): Promise<void> => {
    const { signal } = new AbortController();
    for await (const picture of grayPictures({ input, signal })) seen.push(...(await read(picture)));
  };
  await assert.rejects(watch(), (error) => isEncroCamError(error, 'CAMERA_UNAVAILABLE'));
  assert.deepEqual(seen, codes);
});

test('whoever has seen enough ends ffmpeg', async () => {
  const input = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=20'];
  const ends = new AbortController();
  let count = 0;
  for await (const { pixels } of grayPictures({ input, signal: ends.signal })) {
    assert.equal(pixels.length, pictureSize.width * pictureSize.height);
    if (++count === 2) break;
  }
  for await (const _ of grayPictures({ input, signal: ends.signal })) if (++count === 4) ends.abort();
  assert.equal(count, 4);
});

test('a camera that is not there, gives nothing, or has no ffmpeg, is told as such', async (context) => {
  const { signal } = new AbortController();
  const first = async (options: Parameters<typeof grayPictures>[0]): Promise<void> => {
    for await (const _ of grayPictures(options)) return;
  };
  await assert.rejects(
    first({ input: cameraInput('/dev/video-none', []), signal }),
    (error) => isEncroCamError(error, 'CAMERA_UNAVAILABLE') && /video-none/.test(error.message),
  );
  const silent = await mkdtemp(path.join(tmpdir(), 'encrocam-silent-'));
  context.after(() => rm(silent, { recursive: true }));
  await writeFile(path.join(silent, 'ffmpeg'), '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
  await assert.rejects(
    first({ input: [], signal, ffmpeg: path.join(silent, 'ffmpeg'), pictureTimeoutMs: 200 }),
    /gives no picture/,
  );
  await assert.rejects(first({ input: [], signal, ffmpeg: '/no/such/ffmpeg' }), (error) =>
    isEncroCamError(error, 'PROGRAM_MISSING'),
  );
});
