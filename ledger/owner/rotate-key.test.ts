import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { pairedKeys, takeWrappedKey } from '../../runtime/video-keys/camera-keys.ts';
import { parseCommand } from '../../runtime/video-keys/command-file.ts';
import { videoKeyId, wrapVideoKey } from '../../runtime/video-keys/keys.ts';
import { kekOf, newCamera, newestKey, type Owner } from './owner.ts';
import { newCommand } from './rotate-key-command.ts';

const owner: Owner = { entropy: Buffer.alloc(32, 1), cameras: [newCamera('house', 1), newCamera('shed', 2)] };

function paired({ cameras: [house] }: Owner) {
  assert.ok(house);
  const kek = kekOf(owner, house);
  const [recordings, live] = house.keys.map((key) => wrapVideoKey(kek, key));
  assert.ok(recordings && live);
  const parties = { camera: Buffer.alloc(20), owner: Buffer.alloc(20), kek };
  return pairedKeys(parties, { recordings, live });
}

test('each new key has a larger counter than all before, and the camera takes them one after the other', () => {
  let [mine, camera] = [owner, paired(owner)];
  for (const [index, purpose] of (['recordings', 'live', 'live', 'recordings'] as const).entries()) {
    const { next, name, text, id } = newCommand(mine, 'house', purpose, 10 + index);
    assert.equal(name, `command-0000000${index + 2}.json`);
    const command = parseCommand(text);
    assert.ok(command);
    const { keys, taken } = takeWrappedKey(camera, command.wrapped);
    assert.equal(taken.purpose, purpose);
    assert.equal(id, videoKeyId(taken.key).toString('hex'));
    const [house, shed] = next.cameras;
    assert.deepEqual(house && newestKey(house, purpose)?.key, taken.key);
    assert.deepEqual(shed, owner.cameras[1]);
    assert.throws(
      () => takeWrappedKey(keys, command.wrapped),
      (error) => isEncroCamError(error, 'KEY_UNUSABLE'),
    );
    [mine, camera] = [next, keys];
  }
  assert.equal(mine.cameras[0]?.keys.length, 6, 'old keys stay');
});

test("another camera's command does not unwrap", () => {
  const command = parseCommand(newCommand(owner, 'shed', 'live').text);
  assert.ok(command);
  assert.throws(
    () => takeWrappedKey(paired(owner), command.wrapped),
    (error) => isEncroCamError(error, 'NOT_AUTHENTIC'),
  );
});

test('the command names the camera where its address is known', () => {
  const address = `0x${'ab'.repeat(20)}` as const;
  const cameras = [{ ...newCamera('house', 1), address }];
  assert.match(newCommand({ ...owner, cameras }, address, 'live').text, new RegExp(`"camera":"${address}"`));
  assert.doesNotMatch(newCommand(owner, 'house', 'live').text, /"camera"/);
});

test('a camera that was never paired is refused with the names that there are', () => {
  assert.throws(
    () => newCommand(owner, 'garden', 'live'),
    (error) => isEncroCamError(error, 'USAGE') && /house, shed/.test(error.hint ?? ''),
  );
});
