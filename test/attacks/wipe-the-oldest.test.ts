/** Whoever stores recordings deletes the oldest, as retention does: what is left is whole, and only its first header names more. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import test from 'node:test';
import { assertTold, exitCode, scene } from './scene.ts';

test('the oldest recordings gone: nothing is told but where what is here begins, which the owner compares', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await assertTold(place, exitCode.sound, /08:00:00 to 08:03:00 +3 min {2}intact/);
  await rm(recordings[0].file);
  // The limit that docs/design/security.md names: it looks like retention. A ledger tells how many there were.
  await assertTold(place, exitCode.sound, /08:01:00 to 08:03:00 +2 min {2}intact/);
  // That there was one before stands in what is left, signed by the camera; not since when the camera records.
  assert.deepEqual(recordings[1].run.header.statement.previous?.runId, recordings[0].run.runId);
});

test('one that is older than another one that is here: told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await assertTold(place, exitCode.unsound, /08:01:00 to 08:02:00 +1 min {2}missing/);
});
