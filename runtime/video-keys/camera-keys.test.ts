import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isEncroCamError } from '../errors.ts';
import {
  type CameraKeys,
  cameraKeysText,
  pairedKeys,
  parseCameraKeys,
  readCameraKeys,
  takeWrappedKey,
  writeCameraKeys,
} from './camera-keys.ts';
import { type Purpose, wrapVideoKey } from './keys.ts';

const kek = Buffer.alloc(32, 3);
const parties = { camera: Buffer.alloc(20, 1), owner: Buffer.alloc(20, 2), kek };
const wrap = (purpose: Purpose, counter: number, byte: number): Buffer =>
  wrapVideoKey(kek, { purpose, counter, key: Buffer.alloc(32, byte) });
const paired = (): CameraKeys =>
  pairedKeys(parties, { recordings: wrap('recordings', 1, 4), live: wrap('live', 1, 5) });

async function directory(context: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'camera-keys-'));
  context.after(() => rm(made, { recursive: true }));
  return made;
}

test('what comes with the pairing is kept, for the camera alone, and replaced as a whole', async (context) => {
  const file = path.join(await directory(context), 'owner-keys.json');
  await writeCameraKeys(file, paired());
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readCameraKeys(file), paired());
  const { keys } = takeWrappedKey(paired(), wrap('live', 2, 6));
  // A power cut left it behind.
  await writeFile(`${file}.tmp`, 'half', { mode: 0o644 });
  await writeCameraKeys(file, keys);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await readCameraKeys(file), keys);
});

test('a key is taken once, for its purpose alone, and never after a later one', () => {
  const { keys, taken } = takeWrappedKey(paired(), wrap('recordings', 5, 6));
  assert.equal(taken.purpose, 'recordings');
  assert.deepEqual(keys.keys.recordings, taken);
  assert.deepEqual(keys.keys.live, paired().keys.live);
  for (const counter of [1, 4, 5]) {
    assert.throws(
      () => takeWrappedKey(keys, wrap('recordings', counter, 7)),
      (error) => isEncroCamError(error, 'KEY_UNUSABLE'),
    );
  }
  assert.equal(takeWrappedKey(keys, wrap('live', 2, 7)).keys.keys.live.counter, 2);
});

test('a pairing with keys for each other’s purposes is refused', () => {
  assert.throws(
    () => pairedKeys(parties, { recordings: wrap('live', 1, 4), live: wrap('live', 1, 5) }),
    (error) => isEncroCamError(error, 'NOT_AUTHENTIC'),
  );
});

test('a file that is missing, damaged or huge is refused without quoting it', async (context) => {
  const file = path.join(await directory(context), 'owner-keys.json');
  const refused = (error: unknown): boolean =>
    isEncroCamError(error, 'KEY_UNREADABLE') && !error.message.includes('0404');
  await assert.rejects(readCameraKeys(file), refused);
  const whole = cameraKeysText(paired());
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    whole.slice(0, -3),
    whole.replace('0x04', '0x4'),
    whole.repeat(99),
  ]) {
    await writeFile(file, text);
    await assert.rejects(readCameraKeys(file), refused);
  }
  assert.equal(parseCameraKeys(whole.replace('"counter": 1', '"counter": 0')), undefined);
  assert.equal(await readFile(file, 'utf8').then((text) => text.length > 16_384), true);
});
