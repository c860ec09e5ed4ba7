/** What was recorded while locked is made to look as if the camera had certified it, or as if that were all. */
import { writeFile } from 'node:fs/promises';
import test from 'node:test';
import { cameraKeys } from '../support/camera-recordings.ts';
import { certificateOf } from '../support/synthetic-run.ts';
import { assertTold, exitCode, indexOfCheckpoint, rewrite, scene, strangersKeys } from './scene.ts';

const allLocked = { run: () => ({ isLocked: true }) };
const uncertified =
  /08:00:00 to 08:01:00 +1 min {2}locked: recorded while locked; the camera has not certified it/;

test('a certificate by another key is none', async (context) => {
  const { recordings } = await scene(context, 1, allLocked);
  const [{ file, run }] = recordings;
  await writeFile(file, Buffer.concat([run.bytes, await certificateOf(run, await strangersKeys(context))]));
  await assertTold(file, exitCode.unsound, uncertified);
});

test("another run's certificate is none", async (context) => {
  const { recordings } = await scene(context, 2, allLocked);
  const [{ file, run }, other] = recordings;
  await writeFile(file, Buffer.concat([run.bytes, await certificateOf(other.run, await cameraKeys())]));
  await assertTold(file, exitCode.unsound, uncertified, /bytes that belong to nothing/);
});

test('an end that was certified and is cut off is told by the certificate', async (context) => {
  const { recordings } = await scene(context, 1, allLocked);
  const [recording] = recordings;
  const certificate = await certificateOf(recording.run, await cameraKeys());
  await rewrite(recording, (packets) => [...packets.slice(0, indexOfCheckpoint(40) + 1), certificate]);
  await assertTold(
    recording.file,
    exitCode.unsound,
    /08:00:00 to 08:00:40 +40 s {2}locked: recorded while locked; the end that was certified at .* is not here/,
  );
});

test('seconds that are changed in what was certified are told', async (context) => {
  const { recordings } = await scene(context, 1, allLocked);
  const [recording] = recordings;
  const certificate = await certificateOf(recording.run, await cameraKeys());
  await rewrite(recording, (packets) => [...packets.toSpliced(1, 1), certificate]);
  await assertTold(
    recording.file,
    exitCode.unsound,
    /08:00:00 to 08:00:05 +5 s {2}tampered/,
    /08:00:05 to 08:01:00 +55 s {2}intact: recorded while locked, certified at/,
  );
});
