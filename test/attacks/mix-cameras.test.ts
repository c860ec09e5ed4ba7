/** Recordings of another camera lie in a camera's directory: by mistake, or to pass for it. */
import { rename } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { fingerprintOf } from '../../runtime/pgp/keys.ts';
import { cameraKeys, recordMinutes } from '../support/camera-recordings.ts';
import { assertTold, exitCode, scene, strangersKeys } from './scene.ts';

test('both cameras are named, and the one that is trusted stays intact', async (context) => {
  const { place } = await scene(context, 2);
  const other = await strangersKeys(context);
  await recordMinutes(place, 2, { keys: other, minute: 2 });
  const own = fingerprintOf((await cameraKeys()).signer);
  await assertTold(
    place,
    exitCode.notAuthentic,
    /08:00:00 to 08:02:00 +2 min {2}intact/,
    /not authentic 2 min/,
    new RegExp(`2 runs name the camera ${fingerprintOf(other.signer)}, not ${own}`),
  );
});

test('a run that names another camera and has no signature is not taken for one that was recorded while locked', async (context) => {
  const { place } = await scene(context, 2);
  await recordMinutes(place, 1, {
    keys: await strangersKeys(context),
    minute: 2,
    run: () => ({ isLocked: true }),
  });
  await assertTold(place, exitCode.notAuthentic, /1 min {2}not authentic/, /a run names the camera/);
});

test('directories of two cameras that share a key, exchanged: what each camera calls itself is told', async (context) => {
  const { place } = await scene(context, 2, { run: () => ({ statement: { name: 'garage' } }) });
  await assertTold(
    place,
    exitCode.sound,
    /^.*front-door, by the camera garage\n/,
    /- the camera calls itself garage, and this place has another name/,
  );
  const own = path.join(path.dirname(place), 'garage');
  await assertTold(`${place}/.`, exitCode.sound, /by the camera garage\n/, /^(?![\s\S]* - )/);
  await rename(place, own);
  await assertTold(own, exitCode.sound, /by the camera garage\n/, /^(?![\s\S]* - )/);
});

test('a recording of another camera that shares the key is missing what it follows', async (context) => {
  const { place, recordings } = await scene(context, 3, {
    run: () => ({ statement: { name: 'front-door' } }),
  });
  const { place: other } = await scene(context, 3, {
    run: (minute) => ({ fill: 100 + minute, statement: { name: 'garage' } }),
  });
  await rename(path.join(other, recordings[1].fileName), recordings[1].file);
  await assertTold(place, exitCode.unsound, /by the camera front-door, garage\n/, /more than one name/);
});
