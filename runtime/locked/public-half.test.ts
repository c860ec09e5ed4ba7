import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { resolveConfig } from '../config/load.ts';
import { validateConfig } from '../config/validate.ts';
import { isEncroCamError } from '../errors.ts';
import {
  isPublic,
  lacksPublicOwner,
  publicHalfOf,
  readPublicHalf,
  renewPublicHalf,
  textOf,
} from './public-half.ts';

const keys = { camera: 'A'.repeat(40), ownerKeyBytes: ['cHVibGlj'] };

async function setUp(context: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-public-half-'));
  context.after(() => rm(directory, { recursive: true }));
  const sealed = path.join(directory, 'sealed');
  await mkdir(sealed);
  return { directory, sealed, file: path.join(directory, 'public.json') };
}

function configIn(directory: string, recordings: object = {}, devices = ['/dev/video0']) {
  const value = {
    owner: { keys: ['owner.asc'] },
    signing: { key: 'camera.secret.asc' },
    cameras: devices.map((device, index) => ({ name: `camera-${index}`, input: { device } })),
    recordings: { format: 'encrocrypt3', directory: 'recordings', ...recordings },
    storage: { driver: 'ftp', host: 'drive.example', user: 'me', password: 'very secret' },
  };
  return resolveConfig(validateConfig(value, 'a test'), path.join(directory, 'config.json'));
}

test('the public half holds what recording needs, and no secret', async (context) => {
  const { directory, file } = await setUp(context);
  const config = configIn(directory, {}, ['/dev/video0', 'rtsp://me:word@192.0.2.1/', 'rtsp://192.0.2.1/']);
  const half = publicHalfOf(config, keys);
  assert.ok(half);
  const text = textOf(half);
  assert.doesNotMatch(text, /secret|word|drive\.example/);
  await writeFile(file, text);
  const read = await readPublicHalf(file);
  assert.equal(read.half.camera, keys.camera);
  assert.equal(read.half.hasDrive, true);
  assert.deepEqual(read.half.ownerKeys, keys.ownerKeyBytes);
  assert.deepEqual(
    read.config.cameras.map(({ input, localDirectory }) => [input.device, localDirectory]),
    [
      ['/dev/video0', path.join(directory, 'recordings/camera-0')],
      ['rtsp://192.0.2.1/', path.join(directory, 'recordings/camera-2')],
    ],
  );
  assert.equal(read.config.storage.driver, 'none');
  // The same settings give the same text, or a locked start would seem to be changed.
  const again = publicHalfOf(config, keys);
  assert.equal(again && textOf(again), text);
});

test('an owner without OpenPGP alone is not recorded for while the camera is locked', async (context) => {
  const { directory } = await setUp(context);
  const config = configIn(directory);
  const owner = { keys: [], symmetricKeys: '/etc/encrocam/state/owner-keys.json' };
  assert.equal(publicHalfOf({ ...config, owner }, { ...keys, ownerKeyBytes: [] }), undefined);
  assert.equal(lacksPublicOwner({ ...config, owner }), true);
  const mixed = { ...config, owner: { ...owner, keys: ['owner.asc'] } };
  const half = publicHalfOf(mixed, keys);
  assert.ok(half);
  assert.doesNotMatch(textOf(half), /symmetric|owner-keys/);
  assert.equal(lacksPublicOwner(mixed), false);
});

test('what is called when something moves is not in it, and not taken from it', async (context) => {
  const { directory, file } = await setUp(context);
  const motion = { zones: [{ name: 'door', x: 0, y: 0, width: 50, height: 50 }], sensitivity: 70 };
  const actions = { command: ['/bin/alarm'], webhook: 'https://alarm.example/very-secret' };
  const config = configIn(directory);
  const cameras = config.cameras.map((camera) => ({ ...camera, motion: { ...motion, ...actions } }));
  const half = publicHalfOf({ ...config, cameras } as unknown as typeof config, keys);
  assert.ok(half);
  assert.doesNotMatch(textOf(half), /alarm/);
  assert.match(textOf(half), /door/);
  const [camera] = half.cameras;
  await writeFile(
    file,
    textOf({ ...half, cameras: [{ ...camera, motion: { ...motion, ...actions } }] as never }),
  );
  const read = (await readPublicHalf(file)).config.cameras[0]?.motion;
  assert.equal(read?.sensitivity, 70);
  assert.equal(read?.command, undefined);
  assert.equal(read?.webhook, undefined);
});

test('there is none where the owner does not want it, or nothing can be recorded by it', async (context) => {
  const { directory } = await setUp(context);
  assert.equal(publicHalfOf(configIn(directory, { whileLocked: false }), keys), undefined);
  assert.equal(publicHalfOf(configIn(directory, { format: 'encrocrypt2' }), keys), undefined);
  const secret = configIn(directory, {}, ['rtsp://me:word@192.0.2.1/']);
  assert.equal(publicHalfOf(secret, keys), undefined);
});

test('an address that may hold a password is a secret', () => {
  const told = (device: string): boolean => isPublic({ input: { device } });
  assert.equal(told('rtsp://me@192.0.2.1/'), false);
  assert.equal(told('rtsp://me:a/b@192.0.2.1/'), false);
  assert.equal(told('http://192.0.2.1/video?user=me&password=word'), false);
  assert.equal(told('rtsp://192.0.2.1:7447/TOKEN'), false);
  assert.equal(told('rtsp://192.0.2.1:554/'), true);
  assert.equal(told('/dev/video0'), true);
});

test('one that is damaged is refused with what to do', async (context) => {
  const { file } = await setUp(context);
  for (const text of [
    '',
    '{',
    '{"version":2}',
    '{"version":1,"ownerKeys":[]}',
    '{"version":1,"ownerKeys":[],"cameras":[null]}',
    'x'.repeat(2_000_000),
  ]) {
    await writeFile(file, text);
    await assert.rejects(readPublicHalf(file), (error) =>
      isEncroCamError(error, 'CONFIG_UNREADABLE', 'CONFIG_INVALID'),
    );
  }
});

test('it is new once, untouched afterwards, and outdated when the settings change', async (context) => {
  const { file, sealed } = await setUp(context);
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'new');
  assert.equal(await readFile(file, 'utf8'), 'one');
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'untouched');
  assert.equal(await renewPublicHalf(file, sealed, 'one', 'one'), 'untouched');
  assert.equal(await renewPublicHalf(file, sealed, 'one', 'two'), 'outdated');
  assert.equal(await readFile(file, 'utf8'), 'two');
  assert.equal(await renewPublicHalf(file, sealed, undefined, undefined), 'outdated');
  assert.equal(await readFile(file, 'utf8'), '');
  assert.equal(await renewPublicHalf(file, sealed, undefined, undefined), 'untouched');
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'three'), 'outdated');
});

test('whoever changes it, takes it away, puts it back after it was used, or brings one, is found out', async (context) => {
  const { file, sealed } = await setUp(context);
  await writeFile(file, 'brought along');
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'tampered');
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'untouched');

  await writeFile(file, "with a thief's key");
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'tampered');
  assert.equal(await readFile(file, 'utf8'), 'one', 'it is mended');

  assert.equal(await renewPublicHalf(file, sealed, 'what was used', 'one'), 'tampered');

  await rm(file);
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'tampered');

  await rm(path.join(sealed, 'public-half.json'));
  assert.equal(await renewPublicHalf(file, sealed, undefined, 'one'), 'tampered');
});

test('a power cut between the two files raises no alarm', async (context) => {
  const { file, sealed } = await setUp(context);
  await renewPublicHalf(file, sealed, undefined, 'one');
  const sealedFile = path.join(sealed, 'public-half.json');
  const before = JSON.parse(await readFile(sealedFile, 'utf8')) as string[];
  await renewPublicHalf(file, sealed, undefined, 'two');
  const after = JSON.parse(await readFile(sealedFile, 'utf8')) as string[];
  for (const text of ['one', 'two']) {
    await writeFile(sealedFile, JSON.stringify([...before, ...after]));
    await writeFile(file, text);
    assert.notEqual(await renewPublicHalf(file, sealed, undefined, 'two'), 'tampered');
  }
});
