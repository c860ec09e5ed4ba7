/** Gray pictures from a camera, two a second, by ffmpeg. It ends when the camera does; who reads decides what then. */
import { spawn } from 'node:child_process';
import { EncroCamError, messageOf, systemErrorCode } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import type { CameraMode } from '../wizard/machine.ts';
import type { GrayPicture } from './reader.ts';

/** Two are enough for codes that are shown for half a second, over and over. */
export const picturesPerSecond = 2;
export const pictureSize = { width: 640, height: 480 } as const;

/** The first one may take long: cameras find their exposure, emulated ones their feet. */
const pictureTimeoutMs = 30_000;
const killAfterMs = 3_000;
const maxLastWords = 400;
/** A slow camera takes longer pictures, which nobody holds a code still enough for. */
const leastFrameRate = 5;

export interface FrameOptions {
  /** What comes before and with `-i`, as {@link cameraInput} has it. */
  readonly input: readonly string[];
  readonly signal: AbortSignal;
  readonly ffmpeg?: string;
  readonly pictureTimeoutMs?: number;
}

/**
 * Pictures until the signal comes. One is held at a time: while it is looked at, ffmpeg waits, and the camera's driver
 * drops what nobody takes. The pixels are good until the next one is asked for.
 * @throws {EncroCamError} `CAMERA_UNAVAILABLE` when the camera ends, or gives nothing; `PROGRAM_MISSING`
 */
export async function* grayPictures(options: FrameOptions): AsyncGenerator<GrayPicture> {
  const { input, signal, ffmpeg = 'ffmpeg' } = options;
  if (signal.aborted) return;
  const child = spawn(ffmpeg, [...ffmpegWords(input)], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-maxLastWords);
  });
  let startFailure: unknown;
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      startFailure = error;
      resolve();
    });
    child.once('close', () => resolve());
  });
  let isStalled = false;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    // A driver that hangs holds its program, too.
    killTimer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    child.stdout.destroy();
  };
  const stalled = setTimeout(() => {
    isStalled = true;
    stop();
  }, options.pictureTimeoutMs ?? pictureTimeoutMs);
  signal.addEventListener('abort', stop, { once: true });
  try {
    const { width, height } = pictureSize;
    const pixels = new Uint8Array(width * height);
    let filled = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + pixels.length - filled);
        pixels.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < pixels.length) continue;
        filled = 0;
        yield { width, height, pixels };
        stalled.refresh();
      }
    }
  } catch (error) {
    // Destroyed by us: what happened is told below.
    if (!signal.aborted && !isStalled) throw error;
  } finally {
    clearTimeout(stalled);
    signal.removeEventListener('abort', stop);
    stop();
    await ended;
    clearTimeout(killTimer);
  }
  if (signal.aborted) return;
  if (startFailure !== undefined) throw cannotStart(startFailure);
  const said = printable(lastWords.trim().split('\n').at(-1) ?? '');
  throw unavailable(isStalled ? 'it gives no picture' : said || 'it ended');
}

/** How ffmpeg is to open a camera. */
export function cameraInput(device: string, modes: readonly CameraMode[]): string[] {
  const mode = chooseMode(modes);
  if (!mode) return ['-f', 'v4l2', '-i', device];
  const rate = lowestRate(mode.frameRates);
  return [
    ...['-f', 'v4l2', '-input_format', mode.pixelFormat, '-video_size', `${mode.width}x${mode.height}`],
    ...(rate === undefined ? [] : ['-framerate', String(rate)]),
    ...['-i', device],
  ];
}

/** What costs least: no decoding where the camera has raw pictures, and a size near what is looked at. */
export function chooseMode(modes: readonly CameraMode[]): CameraMode | undefined {
  const cost = ({ pixelFormat, width, height }: CameraMode): number => {
    const isTooSmall = width < pictureSize.width || height < pictureSize.height;
    const decoding = pixelFormat === 'h264' ? 6 : pixelFormat === 'mjpeg' ? 2 : 0;
    const pixels = (width * height) / (pictureSize.width * pictureSize.height);
    return decoding + (isTooSmall ? 8 + 1 / pixels : pixels);
  };
  return [...modes].sort((one, other) => cost(one) - cost(other))[0];
}

function lowestRate(rates: readonly number[]): number | undefined {
  const enough = rates.filter((rate) => rate >= leastFrameRate);
  return enough.length === 0 ? undefined : Math.min(...enough);
}

/** Gray pictures of one size on standard output, from any input. */
export function ffmpegWords(input: readonly string[]): string[] {
  const { width, height } = pictureSize;
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-threads', '1', ...input, '-an'],
    ...[
      '-vf',
      [
        `fps=${picturesPerSecond}`,
        `scale=${width}:${height}:force_original_aspect_ratio=decrease:flags=area`,
        'format=gray',
        `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2`,
      ].join(),
    ],
    ...['-pix_fmt', 'gray', '-f', 'rawvideo', 'pipe:1'],
  ];
}

function cannotStart(error: unknown): EncroCamError {
  if (systemErrorCode(error) !== 'ENOENT') return unavailable(messageOf(error));
  return new EncroCamError('PROGRAM_MISSING', 'ffmpeg is not installed.', {
    hint: 'Install it with: sudo apt install ffmpeg',
    cause: error,
  });
}

function unavailable(reason: string): EncroCamError {
  return new EncroCamError('CAMERA_UNAVAILABLE', `The camera cannot be watched: ${reason}.`, {
    hint: 'Is it plugged in, and not in use by another program?',
  });
}
