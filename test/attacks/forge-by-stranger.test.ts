/** Somebody without any key of the camera's makes recordings in its name. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { encodeKeyPacket, VideoEncrypter } from '../../runtime/encrocrypt/index.ts';
import { seal } from '../../runtime/pgp/seal.ts';
import { cameraFile, firstMs, recordMinutes } from '../support/camera-recordings.ts';
import { assertTold, exitCode, scene, strangersKeys, temporaryDirectory } from './scene.ts';

test("a recording that names the camera, signed with another key, is nobody's", async (context) => {
  const { place, recordings } = await scene(context, 2);
  const { camera } = recordings[0].run.header.statement;
  const keys = await strangersKeys(context);
  await recordMinutes(place, 1, {
    keys,
    minute: 2,
    after: recordings[1],
    run: () => ({ statement: { camera } }),
  });
  await assertTold(
    place,
    exitCode.notAuthentic,
    /08:00:00 to 08:02:00 +2 min {2}intact/,
    /08:02:00 to 08:03:00 +1 min {2}not authentic/,
  );
});

test('without a signature it is as what was recorded while locked: vouched for by nobody', async (context) => {
  const { place, recordings } = await scene(context, 2);
  const { camera } = recordings[0].run.header.statement;
  await recordMinutes(place, 1, {
    ...{ keys: await strangersKeys(context), minute: 2, after: recordings[1] },
    run: () => ({ isLocked: true, statement: { camera } }),
  });
  await assertTold(
    place,
    exitCode.unsound,
    /08:02:00 to 08:03:00 +1 min {2}locked: .* the camera has not certified it/,
  );
});

test('in the place of a recording that was taken away, it does not hide that', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const { camera, runId } = recordings[1].run.header.statement;
  // Under the id of the run that it replaces, and with the link of the one before.
  await recordMinutes(place, 1, {
    ...{ keys: await strangersKeys(context), minute: 1, after: recordings[0] },
    run: () => ({ runId, statement: { camera } }),
  });
  await assertTold(
    place,
    exitCode.notAuthentic,
    /08:01:00 to 08:02:00 +1 min {2}not authentic/,
    /08:01:00 to 08:02:00 +1 min {2}missing: the recording before this one is not here/,
  );
});

test('of EncroCrypt2 this one is told, by whoever can decrypt', async (context) => {
  const file = path.join(await temporaryDirectory(context), 'recording.encrocam');
  const key = Buffer.alloc(16, 7);
  const keyPacket = encodeKeyPacket(await seal(key, await strangersKeys(context)));
  const video = new VideoEncrypter(key).encrypt(Buffer.from('nobody was here'), firstMs);
  await writeFile(file, Buffer.concat([keyPacket, video]));
  const ownerSecret = path.join(path.dirname(cameraFile), 'owner.secret.asc');
  const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');
  await assert.rejects(
    promisify(execFile)(encrocam, ['decrypt', file, '--signed-by', cameraFile, '--key', ownerSecret]),
    { code: exitCode.notAuthentic, stdout: '' },
  );
});
