/**
 * A thief has the card for a while and changes what the camera records by while it is locked, to have it record for his own
 * eyes too; then he puts it back.
 */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import test from 'node:test';
import { lockedPlace, verifyPlace } from '../integration/locked-place.ts';

test('settings that somebody changed while it was locked are told aloud, and nothing is certified', async (context) => {
  const { place, publicFile, start, unlock } = await lockedPlace(context);
  const text = await readFile(publicFile, 'utf8');
  await writeFile(publicFile, text.replace('"hasDrive": false', '"hasDrive": true'));
  assert.notEqual(await readFile(publicFile, 'utf8'), text);
  const running = start();
  await running.line('video is coming');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  // Back as it was: what it was recorded by counts.
  await writeFile(publicFile, text);
  await unlock();
  await running.line('SOMEBODY CHANGED THE PUBLIC SETTINGS', { level: 'error' });
  // It ends in order, to be started again with the owner's settings.
  assert.equal(await running.ended(), 0);
  assert.equal(await readFile(publicFile, 'utf8'), text);
  const intervals = await verifyPlace(place);
  assert.ok(
    intervals.some(({ state, cause }) => state === 'locked' && /has not certified/.test(cause ?? '')),
    JSON.stringify(intervals),
  );
});
