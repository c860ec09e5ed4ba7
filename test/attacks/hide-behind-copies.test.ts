/** Somebody copies a part of what the camera signed to where it is read first, so that the whole is taken for a copy of the part. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { envelopeBytes } from '../../runtime/encrocrypt/v3/index.ts';
import { assertTold, exitCode, indexOfCheckpoint, indexOfSecond, rewrite, scene } from './scene.ts';

/** Sorts before all that the camera recorded. */
const early = 'rec-20200101T000000Z-60s.encrocam';

test('headers in an older file hide nothing of the recordings that they are of', async (context) => {
  const { place, recordings } = await scene(context, 4);
  const headers = recordings.flatMap(({ run }) => run.packets.slice(0, 1));
  await writeFile(path.join(place, early), Buffer.concat(headers));
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:04:00 +4 min {2}intact\n/,
    new RegExp(`${early} holds a run that is in .*${recordings[3].fileName} as well`),
    /^(?![\s\S]*missing)/,
  );
});

test("a header without the camera's signature does not take it from the recording that has it", async (context) => {
  const { place, recordings } = await scene(context, 2);
  const [header = Buffer.of()] = recordings[0].run.packets;
  const { cameraSignature } = recordings[0].run.header;
  const at = header.indexOf(cameraSignature ?? Buffer.of()) - 4;
  // The run's own signature, behind it, covers neither the camera's nor its length.
  const stripped = Buffer.concat([header.subarray(0, at), Buffer.alloc(4), header.subarray(-64)]);
  stripped.writeUIntBE(stripped.length - envelopeBytes, envelopeBytes - 3, 3);
  await writeFile(path.join(place, early), stripped);
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:02:00 +2 min {2}intact\n/,
    new RegExp(`${early} holds a run that is in .*${recordings[0].fileName} as well`),
  );
});

test('a header of another recording in the middle hides neither what stands before it nor what stands behind', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const [other = Buffer.of()] = recordings[0].run.packets;
  await rewrite(recordings[1], (packets) => [
    ...packets.slice(0, indexOfCheckpoint(30) + 1),
    other,
    ...packets.slice(0, 1),
    ...packets.slice(indexOfSecond(30)),
  ]);
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:30 to 08:01:30 +0 s {2}tampered/,
    /intact 3 min/,
    /^(?![\s\S]*missing)/,
  );
});

test('what is gone from one copy and not from the other is here, and what is gone from both is missing', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const { packets } = recordings[1].run;
  const without = (from: number, to: number): Buffer =>
    Buffer.concat([...packets.slice(0, indexOfSecond(from)), ...packets.slice(indexOfSecond(to))]);
  await writeFile(path.join(place, early), without(10, 30));
  await writeFile(recordings[1].file, without(20, 40));
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:01:20 +1 min 20 s {2}intact/,
    /08:01:20 to 08:01:30 +10 s {2}missing/,
    /08:01:30 to 08:03:00 +1 min 30 s {2}intact/,
  );
});

test('a copy of what is here no more is not in the place of what stood behind it', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const { packets } = recordings[1].run;
  await writeFile(path.join(place, early), Buffer.concat([...packets.slice(0, 1), ...packets.slice(-1)]));
  await rm(recordings[1].file);
  await assertTold(place, exitCode.unsound, /08:01:00 to 08:02:00 +1 min {2}missing/);
});
