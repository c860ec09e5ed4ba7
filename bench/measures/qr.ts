/**
 * Looking for pairing codes: processor time for a picture of 640x480, without a code and with the largest one that a
 * message may have, and for the whole watch, ffmpeg included, as a share of a core at two pictures a second.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { ffmpegWords, pictureSize, picturesPerSecond } from '../../provision/pairing/frames.ts';
import { createCodeReader } from '../../provision/pairing/reader.ts';
import { pictureOfCode, wall } from '../../test/support/pairing.ts';
import type { Figure } from '../report.ts';

const run = promisify(execFile);
const pictures = 100;
const { width, height } = pictureSize;
const cameraFrameRate = 30;
const videoSeconds = 20;
/** Asked for on a Raspberry Pi 4, whose cores take some four to six times as long as a server's. */
const shareAsked = 0.15;

export async function measureQr(directory: string): Promise<Figure[]> {
  const read = await createCodeReader();
  const text = `ENCROCAM1/0123ABCD/30/32/${randomBytes(600).toString('base64url')}`;
  const code = await pictureOfCode(text, pictureSize);
  // What comes first compiles the decoder.
  const texts = await read(code);
  if (texts[0] !== text) throw new Error('the code was not read');
  const scene = wall(width, height);
  const empty = await millisecondsEach(() => read(scene), 0);
  const withCode = await millisecondsEach(() => read(code), 1);
  const ffmpeg = await ffmpegShare(directory);
  return [
    { name: 'QR decode time per frame, 640x480, no code', value: empty, unit: 'ms' },
    { name: 'QR decode time per frame, 640x480, a code of 600 bytes', value: withCode, unit: 'ms' },
    { name: 'ffmpeg, 640x480 raw at 30 pictures a second, share of a core', value: ffmpeg, unit: '' },
    {
      name: 'watching for codes, share of a core',
      value: ffmpeg + (empty / 1000) * picturesPerSecond,
      unit: '',
      target: { atMost: shareAsked },
    },
  ];
}

async function millisecondsEach(look: () => Promise<string[]>, codes: number): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < pictures; count++) {
    if ((await look()).length !== codes) throw new Error('a picture was not read as it is');
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / pictures;
}

/** Processor time of ffmpeg for a second of a camera's raw pictures. */
async function ffmpegShare(directory: string): Promise<number> {
  const file = path.join(directory, 'raw.yuv');
  const bytes = 2 * width * height * cameraFrameRate;
  await writeFile(file, randomBytes(bytes));
  const input = [
    ...['-f', 'rawvideo', '-pixel_format', 'yuyv422', '-video_size', `${width}x${height}`],
    ...['-framerate', String(cameraFrameRate), '-stream_loop', String(videoSeconds - 1), '-i', file],
  ];
  const words = ffmpegWords(input).map((word) => (word === 'error' ? 'info' : word));
  const { stderr } = await run('ffmpeg', ['-benchmark', ...words], {
    encoding: 'buffer',
    maxBuffer: 2 * videoSeconds * picturesPerSecond * width * height,
  });
  const [, user, system] = /bench: utime=([\d.]+)s stime=([\d.]+)s/.exec(stderr.toString()) ?? [];
  return (Number(user) + Number(system)) / videoSeconds;
}
