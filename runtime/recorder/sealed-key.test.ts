import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { decryptKey, decrypt as openMessage, readKey, readMessage, readPrivateKey } from 'openpgp';
import { decryptVideo, PacketReader } from '../encrocrypt/index.ts';
import { isEncroCamError } from '../errors.ts';
import { Sealer } from './seal-child.ts';
import { KeySource, sealIn } from './sealed-key.ts';

const vectors = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const entry = path.join(import.meta.dirname, '../cli.ts');
const ownerKeys = [path.join(vectors, 'owner.public.asc')];
const signingKey = path.join(vectors, 'camera.secret.asc');

/** Its child is let go at the end of the test. */
function sealerFor(context: TestContext, ...[files, program]: ConstructorParameters<typeof Sealer>): Sealer {
  const sealer = new Sealer(files, program);
  context.after(() => sealer.close());
  return sealer;
}

test('keys that are asked for together are sealed together, in order', async () => {
  const batches: number[] = [];
  const source = new KeySource(async (secrets) => {
    batches.push(secrets.length);
    return secrets.map((secret) => Buffer.from(secret));
  });
  const keys = await Promise.all([source.next(), source.next(), source.next()]);
  await source.next();
  assert.deepEqual(batches, [3, 1]);
  for (const { packet, encrypter } of keys) {
    const reader = new PacketReader();
    reader.push(packet);
    reader.push(encrypter.encrypt(Buffer.from('video'), 0));
    const first = reader.next();
    assert.ok(first?.kind === 'key');
    const key = createSecretKey(first.message);
    const second = reader.next();
    assert.ok(second?.kind === 'video');
    assert.equal(String(decryptVideo(key, second.body)), 'video');
  }
});

test('a failure reaches everybody who waits, and the next request is a new attempt', async () => {
  let fail = true;
  const source = new KeySource(async (secrets) => {
    if (fail) throw new Error('no memory');
    return [...secrets];
  });
  const results = await Promise.allSettled([source.next(), source.next()]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  fail = false;
  assert.ok(await source.next());
});

test('the child seals for the owner and signs as the camera', async (context) => {
  const secret = Buffer.from('0123456789abcdef');
  const [message] = await sealIn(sealerFor(context, { ownerKeys, signingKey }, entry))([secret]);
  assert.ok(message);
  const locked = await readPrivateKey({
    armoredKey: await readFile(path.join(vectors, 'owner.secret.asc'), 'utf8'),
  });
  const opened = await openMessage({
    message: await readMessage({ binaryMessage: message }),
    decryptionKeys: locked.isDecrypted()
      ? locked
      : await decryptKey({ privateKey: locked, passphrase: 'test' }),
    verificationKeys: await readKey({
      armoredKey: await readFile(path.join(vectors, 'camera.public.asc'), 'utf8'),
    }),
    expectSigned: true,
    format: 'binary',
  });
  assert.deepEqual(Buffer.from(opened.data as Uint8Array), secret);
});

test("the child's error comes through with its code", async (context) => {
  const seal = sealIn(sealerFor(context, { ownerKeys: ['/nowhere/owner.asc'], signingKey }, entry));
  await assert.rejects(seal([Buffer.alloc(16)]), (error) => isEncroCamError(error, 'KEY_UNREADABLE'));
});

test('a child that cannot be started at all is an error of its own', async (context) => {
  const seal = sealIn(sealerFor(context, { ownerKeys, signingKey }, '/nowhere/cli.ts'));
  await assert.rejects(seal([Buffer.alloc(16)]), (error) => isEncroCamError(error, 'INTERNAL'));
});
