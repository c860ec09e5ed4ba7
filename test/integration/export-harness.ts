/** What the tests of `encrocam export` have in common: recordings of real video, and an expert who has the bundle alone. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { cameraFile, cameraKeys, firstMs } from '../support/camera-recordings.ts';
import type { FragmentedVideo } from '../support/fragmented-video.ts';
import { previousOf, type SyntheticRun, signedRun } from '../support/synthetic-run.ts';
import { encrocam } from './recorder-harness.ts';

export const vectors = path.join(import.meta.dirname, '../vectors/encrocrypt2');
export const ownerSecret = path.join(vectors, 'owner.secret.asc');
export const seconds = 20;
export const [packetsPerSecond, framesPerPacket] = [8, 2];

/** Recordings of 20 s, one right behind the other. */
export async function recordInRow(folder: string, ...videos: FragmentedVideo[]): Promise<SyntheticRun[]> {
  const keys = await cameraKeys();
  const runs: SyntheticRun[] = [];
  for (const [number, { initialisation, fragments }] of videos.entries()) {
    const startMs = firstMs + number * seconds * 1000;
    const before = runs.at(-1);
    const run = await signedRun(keys, {
      ...{
        fill: number + 1,
        seconds,
        packetsPerSecond,
        video: (index) => fragments[index] ?? Buffer.alloc(0),
      },
      statement: {
        ...{ startMs, recording: recordingAt(startMs, 20_000).fileName },
        ...{ container: 'video/mp4', initialisation, clock: { state: 'synchronised', errorMs: 12 } },
        ...(before ? { previous: previousOf(before) } : {}),
      },
    });
    await writeFile(path.join(folder, recordingAt(startMs, 20_000).fileName), run.bytes);
    runs.push(run);
  }
  return runs;
}

export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly messages: string;
}

export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) {
  return new Promise<Outcome>((resolve) => {
    execFile(program, args, { maxBuffer: 50_000_000, ...options }, (error, output, messages) =>
      resolve({ code: error ? Number(error.code) : 0, output, messages }),
    );
  });
}

const at = (second: number): string => new Date(firstMs + second * 1000).toISOString();

/** The program and its arguments. */
export function argumentsOf(from: number, to: number, out: string, input: string): string[] {
  const keys = ['--signed-by', cameraFile, '--key', ownerSecret];
  return [encrocam, 'export', input, '--from', at(from), '--to', at(to), '--out', out, ...keys];
}

export function exported(
  from: number,
  to: number,
  out: string,
  input: string,
  env: NodeJS.ProcessEnv = {},
  more: readonly string[] = [],
): Promise<Outcome> {
  const [program = '', ...args] = argumentsOf(from, to, out, input);
  return run(program, [...args, ...more], { env: { ...process.env, TZ: 'UTC', ...env } });
}

export function sharedWithLink(from: number, to: number, input: string): Promise<Outcome> {
  const keys = ['--signed-by', cameraFile, '--key', ownerSecret, '--link'];
  const args = ['share', input, '--from', at(from), '--to', at(to), ...keys];
  return run(encrocam, args, { env: { ...process.env, TZ: 'UTC' } });
}

/** The commands of step 2 and 3 of the README, as they stand there. */
export async function commandsIn(bundle: string, what: 'verify' | 'decrypt'): Promise<string[]> {
  const text = await readFile(path.join(bundle, 'README.txt'), 'utf8');
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`python3 encrocrypt3.py ${what}`));
}

/** Root may leave the network by itself; everybody else as root of a name space. */
const withoutNetwork = ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];

/** In a copy of the bundle, without network, with nothing of ours in the environment. */
export async function byHand(
  bundle: string,
  change: (copy: string) => Promise<void> = async () => undefined,
) {
  const copy = await mkdtemp(path.join(path.dirname(bundle), 'expert-'));
  await cp(bundle, copy, { recursive: true });
  await change(copy);
  const env = { PATH: '/usr/bin:/bin', HOME: copy };
  const shell = (command: string): Promise<Outcome> =>
    run('unshare', [...withoutNetwork, 'sh', '-c', command], { cwd: copy, env });
  return { copy, shell };
}

/** A checksum of each frame of a video, decoded. */
export async function framesOf(file: string): Promise<string[]> {
  const args = ['-v', 'error', '-i', file, '-map', '0:v', '-fps_mode', 'passthrough', '-f', 'framemd5', '-'];
  const { code, output, messages } = await run('ffmpeg', args);
  assert.equal(code, 0, messages);
  return output
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}
