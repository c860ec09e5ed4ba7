/** Attack 4 of the original's list: the network is cut before anybody enters. The card itself: test/qemu/life.test.ts. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { assertTold, exitCode, scene, temporaryDirectory } from './scene.ts';

test('the drive has an end that is unfinished, the disk has everything, and so has the drive afterwards', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const drive = path.join(await temporaryDirectory(context), 'front-door');
  await mkdir(drive);
  await writeFile(path.join(drive, recordings[0].fileName), recordings[0].run.bytes);
  await writeFile(path.join(drive, recordings[1].fileName), recordings[1].run.bytes.subarray(0, 20_000));
  await assertTold(drive, exitCode.unsound, /08:00:00 to 08:01:\d\d .* intact/, /unfinished: without an end/);
  await assertTold(place, exitCode.sound, /08:00:00 to 08:03:00 +3 min {2}intact/);
  await cp(place, drive, { recursive: true });
  await assertTold(drive, exitCode.sound, /08:00:00 to 08:03:00 +3 min {2}intact/);
});
