/** A camera that is locked, without a card: its configuration is away, and comes back when it is unlocked. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { encrocam, Place, type Running, testPicture } from './recorder-harness.ts';

const cameraPublicKey = path.join(import.meta.dirname, '../vectors/encrocrypt2/camera.public.asc');
const camera = { name: 'front', input: testPicture, encoder: { name: 'libx264', preset: 'ultrafast' } };
const more = {
  recordings: { directory: 'recordings', keepFreeMegabytes: 0, format: 'encrocrypt3' },
};

export interface Interval {
  readonly state: string;
  readonly cause?: string;
  readonly from: string;
  readonly to: string;
}

/**
 * A camera that was unlocked once, so that there is a public half; it is locked again.
 * @param settings beside, or instead of, the ordinary ones.
 */
export async function lockedPlace(context: TestContext, settings: object = {}) {
  const place = await Place.make(context, [camera], { ...more, ...settings });
  const config = path.join(place.directory, 'config.json');
  const volume = path.join(place.directory, 'volume');
  await mkdir(volume);
  const mounted = path.join(volume, 'config.json');
  const publicFile = path.join(place.directory, 'locked/public.json');
  const start = (): Running => place.start(['--config', mounted, '--locked', publicFile]);
  const unlock = async (): Promise<void> => {
    const settings = JSON.parse(await readFile(config, 'utf8')) as { recordings: { directory: string } };
    // It is relative to where the configuration lies.
    settings.recordings.directory = place.recordings;
    await writeFile(`${mounted}.new`, JSON.stringify(settings));
    await rename(`${mounted}.new`, mounted);
  };
  await unlock();
  const first = start();
  await first.line('video is coming');
  await until(() => readFile(publicFile));
  assert.equal(await first.stop(), 0);
  await rename(mounted, `${mounted}.away`);
  return { place, publicFile, start, unlock };
}

async function until<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

export async function verifyPlace(place: Place): Promise<Interval[]> {
  const args = ['verify', path.join(place.recordings, 'front'), '--json', '--signed-by', cameraPublicKey];
  const { stdout } = await promisify(execFile)(encrocam, args).catch((error: { stdout: string }) => error);
  const { places } = JSON.parse(stdout) as { places: { intervals: Interval[]; problems: string[] }[] };
  assert.deepEqual(places[0]?.problems, []);
  return places[0]?.intervals ?? [];
}

/** What an audit of random places says; throws if it is not content. */
export async function auditPlace(place: Place): Promise<string> {
  const args = [
    'verify',
    path.join(place.recordings, 'front'),
    '--sample',
    '40',
    '--signed-by',
    cameraPublicKey,
  ];
  return (await promisify(execFile)(encrocam, args)).stdout;
}
