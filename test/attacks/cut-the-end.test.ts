/** A recording ends early, cleanly, between two packets: who was there last is not in it. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { assertVersion2CannotTell, recordVersion2 } from '../support/version-2.ts';
import {
  assertTold,
  exitCode,
  indexOfCheckpoint,
  indexOfSecond,
  rewrite,
  scene,
  temporaryDirectory,
} from './scene.ts';

test('the next recording names the end that is gone', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => packets.slice(0, indexOfCheckpoint(30) + 1));
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:30 to 08:02:00 +30 s {2}missing: the end of the recording before is not here/,
  );
});

test('of the newest recording it is told that it has no end', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[2], (packets) => packets.slice(0, indexOfCheckpoint(30) + 1));
  await assertTold(
    place,
    exitCode.unsound,
    /08:02:30 to 08:02:30 +0 s {2}unfinished: without an end: it is being recorded, the power was lost, or its end was cut off/,
  );
});

/** Of a recording that began so long ago, up to the checkpoint of second 30, and half a packet more. */
async function cutNow(context: TestContext, secondsAgo: number): Promise<string> {
  const startMs = Date.now() - secondsAgo * 1000;
  const { place, recordings } = await scene(context, 1, { run: () => ({ statement: { startMs } }) });
  await rewrite(recordings[0], (packets) => [
    ...packets.slice(0, indexOfSecond(33)),
    (packets[indexOfSecond(33)] ?? Buffer.of()).subarray(0, 200),
  ]);
  return place;
}

test('while it is recorded it is told up to when the camera vouches for it, and that is no fault', async (context) => {
  await assertTold(
    await cutNow(context, 40),
    exitCode.sound,
    /30 s {2}intact\n/,
    /2 s {2}being recorded: vouched for up to \d\d:\d\d:\d\d, /,
    /as the camera recorded it so far\n/,
  );
});

test('a minute after the last that it signed it is a fault: the camera was stopped, and its end cut', async (context) => {
  await assertTold(
    await cutNow(context, 100),
    exitCode.unsound,
    /unfinished: without an end/,
    /bytes that belong to nothing/,
    /^(?![\s\S]*being recorded: vouched)/,
  );
});

test('the final alone, put behind what was cut, names how much is gone', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[2], (packets) => [
    ...packets.slice(0, indexOfCheckpoint(30) + 1),
    ...packets.slice(-1),
  ]);
  await assertTold(place, exitCode.unsound, /08:02:30 to 08:03:00 +30 s {2}missing/);
});

test('all of the newest recordings at once: told when the camera records again, and not before', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await rm(recordings[2].file);
  // The limit that docs/design/security.md names: it looks like a camera that is off. The monitor's silence tells.
  await assertTold(place, exitCode.sound, /08:00:00 to 08:01:00 +1 min {2}intact/);
  await writeFile(recordings[2].file, recordings[2].run.bytes);
  await assertTold(place, exitCode.unsound, /08:01:00 to 08:02:00 +1 min {2}missing/);
});

test('of EncroCrypt2 it cannot be told', async (context) => {
  const file = path.join(await temporaryDirectory(context), 'recording.encrocam');
  const { keyPacket, packets } = await recordVersion2('front');
  await assertVersion2CannotTell(file, [keyPacket, ...packets.slice(0, 3)], 'front 0 front 1 front 2 ');
});
