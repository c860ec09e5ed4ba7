/** Recording while a camera is locked: by the public half of its settings, and on, without a pause, once it is unlocked. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import test from 'node:test';
import { auditPlace, type Interval, lockedPlace, verifyPlace } from './locked-place.ts';

const secondMs = 1000;
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

  const intervals = await verifyPlace(place);
  const locked = intervals.findIndex(({ cause }) => cause?.startsWith('recorded while locked, certified'));
  const [before, after] = [intervals[locked], intervals[locked + 1]];
  assert.ok(before && after, JSON.stringify(intervals));
  assert.ok(lengthMs(before) >= 5 * secondMs, JSON.stringify(before));
  assert.equal(after.state, 'intact', JSON.stringify(intervals));
  assert.ok(Date.parse(after.from) - Date.parse(before.to) < 100, 'time is missing at the unlocking');
  assert.ok(lengthMs(after) >= 2 * secondMs);
  assert.deepEqual([...new Set(intervals.map(({ state }) => state))].sort(), ['intact', 'not recorded']);
  assert.match(await auditPlace(place), /all samples are in their place/);
});

test('a public half that is damaged is refused with what to do', async (context) => {
  const { publicFile, start } = await lockedPlace(context);
  await writeFile(publicFile, '{');
  const running = start();
  assert.equal(await running.ended(), 1);
  assert.match(running.text, /Cannot read .*public\.json[\s\S]*Unlock the camera/);
});

test('an owner who does not want it any more has a camera that waits, and no recorder that fails', async (context) => {
  const { publicFile, start } = await lockedPlace(context);
  await writeFile(publicFile, '');
  const running = start();
  assert.equal(await running.ended(), 1);
  assert.match(running.text, /unlock it first|Cannot read the configuration/);
});
