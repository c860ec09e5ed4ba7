import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { decrypt, generateKey, readMessage, readPrivateKey } from 'openpgp';
import { isEncroCamError } from '../errors.ts';
import { loadSealingKeys, seal, sealingTime } from './seal.ts';

const made = new Date(Date.UTC(2026, 5, 1));

async function keyPair(options: { date?: Date; keyExpirationTime?: number; passphrase?: string } = {}) {
  return generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: 'test' }],
    format: 'armored',
    date: made,
    ...options,
  });
}

async function inFiles(
  owner: { publicKey: string },
  camera: { privateKey: string },
  run: (ownerFile: string, cameraFile: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-seal-'));
  try {
    await writeFile(path.join(directory, 'owner'), owner.publicKey);
    await writeFile(path.join(directory, 'camera'), camera.privateKey);
    await run(path.join(directory, 'owner'), path.join(directory, 'camera'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('a clock that is behind the making of the keys does not keep a camera from recording', async () => {
  const [owner, camera] = [await keyPair(), await keyPair()];
  await inFiles(owner, camera, async (ownerFile, cameraFile) => {
    const epoch = new Date(0);
    const keys = await loadSealingKeys([ownerFile], cameraFile, epoch);
    assert.equal(sealingTime(keys, epoch).getTime(), made.getTime());
    const message = await seal(Buffer.alloc(16, 3), keys, epoch);
    const opened = await decrypt({
      message: await readMessage({ binaryMessage: message }),
      decryptionKeys: await readPrivateKey({ armoredKey: owner.privateKey }),
      verificationKeys: keys.signer.toPublic(),
      expectSigned: true,
      format: 'binary',
    });
    assert.deepEqual(Buffer.from(opened.data), Buffer.alloc(16, 3));
  });
});

test('a clock that is right is used as it is', async () => {
  await inFiles(await keyPair(), await keyPair(), async (ownerFile, cameraFile) => {
    const now = new Date(Date.UTC(2027, 0, 1));
    assert.equal(
      sealingTime(await loadSealingKeys([ownerFile], cameraFile, now), now).getTime(),
      now.getTime(),
    );
  });
});

test('an expired owner key and a locked signing key are refused by name', async () => {
  const now = new Date(Date.UTC(2027, 0, 1));
  await inFiles(
    await keyPair({ keyExpirationTime: 3600 }),
    await keyPair(),
    async (ownerFile, cameraFile) => {
      await assert.rejects(loadSealingKeys([ownerFile], cameraFile, now), (error) => {
        assert.ok(isEncroCamError(error, 'KEY_UNUSABLE'));
        assert.ok(error.message.includes(ownerFile));
        return true;
      });
    },
  );
  await inFiles(await keyPair(), await keyPair({ passphrase: 'x' }), async (ownerFile, cameraFile) => {
    await assert.rejects(loadSealingKeys([ownerFile], cameraFile, now), (error) =>
      isEncroCamError(error, 'KEY_LOCKED'),
    );
  });
});
