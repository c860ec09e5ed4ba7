/** Recording while a camera is locked: by the public half of its settings, and on, without a pause, once it is unlocked. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { encrocam, Place, type Running, testPicture } from './recorder-harness.ts';

const cameraPublicKey = path.join(import.meta.dirname, '../vectors/encrocrypt2/camera.public.asc');
const camera = { name: 'front', input: testPicture, encoder: { name: 'libx264', preset: 'ultrafast' } };
const more = {
  recordings: { directory: 'recordings', keepFreeMegabytes: 0, format: 'encrocrypt3' },
};
const secondMs = 1000;

interface Interval {
  readonly state: string;
  readonly cause?: string;
  readonly from: string;
  readonly to: string;
}

/** A camera that was unlocked once, so that there is a public half; it is locked again. */
async function lockedPlace(context: TestContext) {
  const place = await Place.make(context, [camera], more);
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

async function verify(place: Place): Promise<Interval[]> {
  const args = ['verify', path.join(place.recordings, 'front'), '--json', '--signed-by', cameraPublicKey];
  const { stdout } = await promisify(execFile)(encrocam, args).catch((error: { stdout: string }) => error);
  const { places } = JSON.parse(stdout) as { places: { intervals: Interval[]; problems: string[] }[] };
  assert.deepEqual(places[0]?.problems, []);
  return places[0]?.intervals ?? [];
}

const lengthMs = ({ from, to }: Interval): number => Date.parse(to) - Date.parse(from);

test('a locked camera records, and when it is unlocked no time is missing and all of it is vouched for', async (context) => {
  const { place, start, unlock } = await lockedPlace(context);
  const running = start();
  await running.line('recorder started; the camera is locked');
  await running.line('video is coming');
  const ffmpeg = await running.ffmpeg();
  await new Promise((resolve) => setTimeout(resolve, 6 * secondMs));
  await unlock();
  await running.line('unlocked: the camera signs from here on');
  await running.line('what was recorded while locked is certified');
  await running.line('recording', {}, 2);
  assert.equal(await running.ffmpeg(), ffmpeg, 'ffmpeg was started again');
  await new Promise((resolve) => setTimeout(resolve, 3 * secondMs));
  assert.equal(await running.stop(), 0);

  const intervals = await verify(place);
  const locked = intervals.findIndex(({ cause }) => cause?.startsWith('recorded while locked, certified'));
  const [before, after] = [intervals[locked], intervals[locked + 1]];
  assert.ok(before && after, JSON.stringify(intervals));
  assert.ok(lengthMs(before) >= 5 * secondMs, JSON.stringify(before));
  assert.equal(after.state, 'intact', JSON.stringify(intervals));
  assert.ok(Date.parse(after.from) - Date.parse(before.to) < 100, 'time is missing at the unlocking');
  assert.ok(lengthMs(after) >= 2 * secondMs);
  assert.deepEqual([...new Set(intervals.map(({ state }) => state))].sort(), ['intact', 'not recorded']);
});

test('settings that somebody changed while it was locked are told aloud, and nothing is certified', async (context) => {
  const { place, publicFile, start, unlock } = await lockedPlace(context);
  const text = await readFile(publicFile, 'utf8');
  await writeFile(publicFile, text.replace('"hasDrive": false', '"hasDrive": true'));
  assert.notEqual(await readFile(publicFile, 'utf8'), text);
  const running = start();
  await running.line('video is coming');
  await new Promise((resolve) => setTimeout(resolve, 2 * secondMs));
  await unlock();
  await running.line('SOMEBODY CHANGED THE PUBLIC SETTINGS', { level: 'error' });
  // It ends in order, to be started again with the owner's settings.
  assert.equal(await running.ended(), 0);
  assert.equal(await readFile(publicFile, 'utf8'), text);
  const intervals = await verify(place);
  assert.ok(
    intervals.some(({ state, cause }) => state === 'locked' && /has not certified/.test(cause ?? '')),
    JSON.stringify(intervals),
  );
});

test('a public half that is damaged is refused with what to do', async (context) => {
  const { publicFile, start } = await lockedPlace(context);
  await writeFile(publicFile, '{');
  const running = start();
  assert.equal(await running.ended(), 1);
  assert.match(running.text, /Cannot read .*public\.json[\s\S]*Unlock the camera/);
});
