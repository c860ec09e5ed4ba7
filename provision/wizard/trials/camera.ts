/**
 * Finds cameras, and records a few seconds with one: the same arguments for ffmpeg as the recorder's, the same
 * encoder. Nothing is written to disk.
 */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { CameraConfig } from '../../../runtime/config/types.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../../../runtime/errors.ts';
import { silentLogger } from '../../../runtime/log.ts';
import { EncoderChooser, hardwareProbe } from '../../../runtime/recorder/encoder.ts';
import { ffmpegArguments, withoutCredentials } from '../../../runtime/recorder/ffmpeg.ts';
import { findFont } from '../../../runtime/recorder/fonts.ts';
import type { System } from '../../system.ts';
import type { Work } from '../dialogue/dialogue.ts';
import type { DetectedCamera, PictureSize, TestRecording } from '../machine.ts';
import { fitPicture } from '../picture.ts';
import { captureName, parseModes } from './v4l2.ts';

/** Enough for a camera to find its exposure, and for a rate that means something. */
const recordingMs = 4000;
/** Some cameras and networks need their time before the first picture. */
const firstPictureTimeoutMs = 20_000;
const stopTimeoutMs = 5000;
const maxVideoBytes = 256 * 1024 * 1024;
const maxMessageCharacters = 400;
const decodeTimeoutMs = 60_000;

/** Everything that pictures can be captured from, in the order of the numbers. */
export async function listCameras(system: System): Promise<DetectedCamera[]> {
  const names = (await system.list('/sys/class/video4linux')).filter((name) => /^video\d+$/.test(name));
  if (names.length === 0) return [];
  if (!(await system.hasProgram('v4l2-ctl'))) {
    return names.map((name) => ({ device: `/dev/${name}`, name: 'camera', modes: [] }));
  }
  const cameras: DetectedCamera[] = [];
  for (const name of names.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)))) {
    const device = `/dev/${name}`;
    // A device that was unplugged in between, or is none of its driver's: not a camera to offer.
    const anyExit = { exitCodes: [0, 1, 255] };
    const info = await system.run('v4l2-ctl', ['--device', device, '--info'], anyExit);
    const title = info.exitCode === 0 ? captureName(info.output) : undefined;
    if (title === undefined) continue;
    const formats = await system.run('v4l2-ctl', ['--device', device, '--list-formats-ext'], anyExit);
    cameras.push({ device, name: title, modes: parseModes(formats.output) });
  }
  return cameras;
}

/** @throws {EncroCamError} `CAMERA_UNAVAILABLE`, `PROGRAM_MISSING` */
export async function testCamera(
  config: CameraConfig,
  room: PictureSize,
  { signal, progress }: Work,
): Promise<TestRecording> {
  progress('choosing an encoder');
  const encoder = await new EncoderChooser(hardwareProbe('ffmpeg'), silentLogger).choose(config.encoder.name);
  const camera = { ...config, localDirectory: '', driveDirectory: '' };
  const video = await record(
    ffmpegArguments(camera, {
      encoder,
      fontFile: config.burnInTime && encoder !== 'copy' ? findFont() : undefined,
      needsPacing: config.input.format === 'lavfi' || (await isFile(config.input.device)),
    }),
    { signal, progress },
  );
  progress('looking at the pictures');
  const size = await pictureSize(video.bytes, signal);
  const small = fitPicture(size, room.columns, room.rows);
  const frames = await run(
    'ffmpeg',
    [
      ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-f', 'mpegts', '-i', 'pipe:0'],
      ...['-vf', `scale=${small.width}:${small.height}:flags=area`, '-fps_mode', 'passthrough'],
      ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'],
    ],
    video.bytes,
    signal,
  );
  const frameBytes = 3 * small.width * small.height;
  const count = Math.floor(frames.length / frameBytes);
  if (count === 0) throw unavailable('it delivers no picture that can be decoded');
  return {
    ...size,
    bytes: video.bytes.length,
    seconds: video.seconds,
    frames: count,
    encoder,
    picture: { ...small, rgb: frames.subarray((count - 1) * frameBytes, count * frameBytes) },
  };
}

async function isFile(device: string): Promise<boolean> {
  try {
    return (await stat(device)).isFile();
  } catch {
    // An address, or nothing: ffmpeg will say what is wrong with it.
    return false;
  }
}

function record(
  args: readonly string[],
  { signal, progress }: Work,
): Promise<{ bytes: Buffer; seconds: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const parts: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    let firstMs: number | undefined;
    let lastMs = 0;
    let failure: EncroCamError | undefined;
    const stop = (): void => {
      child.kill('SIGTERM');
      killTimer ??= setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    };
    let killTimer: NodeJS.Timeout | undefined;
    const firstTimer = setTimeout(() => {
      failure = unavailable(`no picture within ${firstPictureTimeoutMs / 1000} s`);
      stop();
    }, firstPictureTimeoutMs);
    let endTimer: NodeJS.Timeout | undefined;
    signal.addEventListener('abort', stop, { once: true });
    progress('opening the camera');
    child.stdout.on('data', (part: Buffer) => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        clearTimeout(firstTimer);
        endTimer = setTimeout(stop, recordingMs);
        progress('recording');
      }
      lastMs = performance.now();
      bytes += part.length;
      if (bytes > maxVideoBytes) stop();
      else parts.push(part);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-maxMessageCharacters);
    });
    child.once('error', (error) => {
      failure =
        systemErrorCode(error) === 'ENOENT'
          ? new EncroCamError('PROGRAM_MISSING', 'ffmpeg is not installed.', {
              hint: 'Install it with: sudo apt install ffmpeg',
              cause: error,
            })
          : unavailable(messageOf(error));
    });
    child.once('close', () => {
      clearTimeout(firstTimer);
      clearTimeout(endTimer);
      clearTimeout(killTimer);
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(signal.reason);
      else if (failure) reject(failure);
      else if (firstMs === undefined) {
        reject(
          unavailable(withoutCredentials(errors.trim().split('\n').at(-1) ?? '') || 'it delivers nothing'),
        );
      } else resolve({ bytes: Buffer.concat(parts), seconds: Math.max(1, (lastMs - firstMs) / 1000) });
    });
  });
}

async function pictureSize(video: Buffer, signal: AbortSignal): Promise<{ width: number; height: number }> {
  const output = await run(
    'ffprobe',
    [
      ...['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=width,height'],
      ...['-of', 'csv=p=0', '-f', 'mpegts', '-i', 'pipe:0'],
    ],
    video,
    signal,
  );
  const match = /^(\d+),(\d+)/m.exec(output.toString('utf8'));
  if (!match) throw unavailable('it delivers no video');
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** Runs a program over the recording; its output, whatever its exit code: the end of a recording is cut. */
function run(program: string, args: readonly string[], input: Buffer, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      signal,
      timeout: decodeTimeoutMs,
      detached: true,
    });
    const parts: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => parts.push(part));
    // It may stop reading when it has seen enough.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', () => resolve(Buffer.concat(parts)));
  });
}

function unavailable(reason: string): EncroCamError {
  return new EncroCamError('CAMERA_UNAVAILABLE', `The camera cannot be used: ${reason.replace(/\.$/, '')}.`, {
    hint: 'Is it plugged in, and not in use by another program? Another resolution or format may work.',
  });
}
