/** A thief has the owner's wallet: what it can do on the chain, which is nothing to the camera's past, and with keys. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { pairedKeys, takeWrappedKey } from '../../runtime/video-keys/camera-keys.ts';
import { keyEncryptionKey, wrapVideoKey } from '../../runtime/video-keys/keys.ts';
import { checkpointOf } from '../support/contracts-on-anvil.ts';
import { account } from '../support/ledger-scene.ts';
import { assertChainTells, committed } from './chain-scene.ts';
import { exitCode } from './scene.ts';

test("on the chain it is nobody but itself: the camera's owner and checkpoints stay", async (context) => {
  const scene = await committed(context);
  const { chain } = scene;
  const head = {
    leaves: 1,
    root: `0x${'ab'.repeat(32)}`,
    firstMs: 10n ** 13n,
    lastMs: 10n ** 13n + 1n,
  } as const;
  // In the camera's name, which the contract takes from the sender.
  const forged = checkpointOf(chain.addressOf(account.camera), head);
  const refused = await chain.contracts.send(account.owner, { functionName: 'commit', args: [forged] });
  assert.ok('error' in refused);
  assert.equal(refused.error, 'WrongTree');
  // What it commits and claims as itself is of a camera that nobody has.
  const own = checkpointOf(chain.addressOf(account.owner), head);
  assert.ok('events' in (await chain.contracts.send(account.owner, { functionName: 'commit', args: [own] })));
  const claim = { functionName: 'claim', args: [chain.addressOf(account.thiefsOwner)] } as const;
  assert.ok('events' in (await chain.contracts.send(account.owner, claim)));
  await assertChainTells(scene, exitCode.sound, /3 of 4 runs proven, as the chain has it/);
});

test('with the salt, it gives the camera a key of its own from then on; the owner notices at their next one, and the past stays theirs', () => {
  const [wallet, salt, owner] = [randomBytes(32), randomBytes(16), randomBytes(20)];
  const kek = keyEncryptionKey(wallet, salt, owner);
  const first = (purpose: 'recordings' | 'live') => ({ purpose, counter: 1, key: randomBytes(32) });
  const keys = { recordings: first('recordings'), live: first('live') };
  const camera = pairedKeys(
    { camera: randomBytes(20), owner, kek },
    { recordings: wrapVideoKey(kek, keys.recordings), live: wrapVideoKey(kek, keys.live) },
  );
  const rotated = wrapVideoKey(kek, { ...first('recordings'), counter: 2 });
  // The words alone, without the salt of the pairing, do not.
  const guessed = keyEncryptionKey(wallet, randomBytes(16), owner);
  assert.throws(
    () => takeWrappedKey(camera, wrapVideoKey(guessed, { ...first('recordings'), counter: 2 })),
    (error) => isEncroCamError(error, 'NOT_AUTHENTIC'),
  );
  const { keys: after } = takeWrappedKey(camera, rotated);
  assert.notDeepEqual(after.keys.recordings.key, keys.recordings.key);
  assert.deepEqual(after.keys.live, camera.keys.live);
  const owners = wrapVideoKey(kek, { ...first('recordings'), counter: 2 });
  assert.throws(
    () => takeWrappedKey(after, owners),
    (error) => isEncroCamError(error, 'KEY_UNUSABLE'),
  );
});
