/**
 * Attack 2 of the original's list: the memory of the camera is read, and with what was in it the minutes in which the
 * attacker came are recorded anew, dated back.
 */
import { rm } from 'node:fs/promises';
import test from 'node:test';
import { recordMinutes } from '../support/camera-recordings.ts';
import { syntheticRun } from '../support/synthetic-run.ts';
import { assertTold, exitCode, indexOfSecond, rewrite, scene } from './scene.ts';

const otherVideo = (): Buffer => Buffer.from('nobody was here');

test("with the camera's OpenPGP key: the recording that was replaced is told by the one behind it", async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await recordMinutes(place, 1, {
    ...{ minute: 1, after: recordings[0] },
    run: () => ({ fill: 99, video: otherVideo }),
  });
  await assertTold(place, exitCode.unsound, /missing: the recording before this one is not here/);
});

test('beside the true one, which the drive has already, it is told as another past', async (context) => {
  const { place, recordings } = await scene(context, 2);
  await recordMinutes(place, 1, {
    ...{ minute: 2, after: recordings[0] },
    run: () => ({ fill: 99, video: otherVideo }),
  });
  await assertTold(place, exitCode.unsound, /is not the only one that follows/);
});

test("with the running run's key: what was signed before cannot be signed again without a sign of it", async (context) => {
  const { place, recordings } = await scene(context, 2);
  const { runId, secret, runKey, header } = recordings[1].run;
  const { packets } = syntheticRun({
    ...{ runId, secret, runKey, seconds: 60, packetsPerSecond: 1, video: otherVideo },
    statement: header.statement,
  });
  // From 08:01:30 on, in a recording of which the drive has all.
  const at = indexOfSecond(30);
  await rewrite(recordings[1], (genuine) => [...genuine.slice(0, at), ...packets.slice(at)]);
  await assertTold(place, exitCode.unsound, /08:01:30 to 08:02:00 +30 s {2}tampered/);
});

test('everything from a moment on, with nothing genuine left behind it, is not told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await rm(recordings[2].file);
  await recordMinutes(place, 2, {
    ...{ minute: 1, after: recordings[0] },
    run: (minute) => ({ fill: 90 + minute, video: otherVideo }),
  });
  // The limit that docs/design/security.md names. A drive that only takes what is appended, or the owner's copy, has the other past.
  await assertTold(place, exitCode.sound, /08:00:00 to 08:03:00 +3 min {2}intact/);
});
