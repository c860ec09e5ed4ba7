/** Whoever can write to the disk or the drive takes away what shows him: a packet, some seconds, a whole recording. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
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

test('a packet that was taken away costs the seconds between two checkpoints', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => packets.toSpliced(indexOfSecond(32), 1));
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:01:30 +1 min 30 s {2}intact/,
    /08:01:30 to 08:01:35 +5 s {2}tampered/,
    /08:01:35 to 08:03:00 +1 min 25 s {2}intact/,
  );
});

test('seconds that were taken away with their checkpoints are missing, from and to', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const from = indexOfSecond(20);
  await rewrite(recordings[1], (packets) => packets.toSpliced(from, indexOfCheckpoint(40) + 1 - from));
  await assertTold(place, exitCode.unsound, /08:01:20 to 08:01:40 +20 s {2}missing/, /intact 2 min 40 s/);
});

test('a checkpoint that was taken away is told as well', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => packets.toSpliced(indexOfCheckpoint(20), 1));
  await assertTold(place, exitCode.unsound, /08:01:15 to 08:01:20 +5 s {2}tampered/);
});

test('a recording that was taken away is missing, from and to', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:00 to 08:02:00 +1 min {2}missing: the recording before this one is not here/,
  );
});

test('of EncroCrypt2 it cannot be told', async (context) => {
  const file = path.join(await temporaryDirectory(context), 'recording.encrocam');
  const { keyPacket, packets } = await recordVersion2('front');
  await assertVersion2CannotTell(
    file,
    [keyPacket, ...packets.toSpliced(2, 2)],
    'front 0 front 1 front 4 front 5 ',
  );
});
