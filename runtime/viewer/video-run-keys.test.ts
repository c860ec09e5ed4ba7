import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  commitmentOf,
  decodeHeader,
  encodeHeader,
  encodeSignedPart,
  envelopeBytes,
  type Header,
  makeRunKey,
  type Recipient,
  rootOf,
  wrapSecret,
} from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { NoSecretKeyError } from '../pgp/decrypter.ts';
import { videoKeyId } from '../video-keys/keys.ts';
import { ownerRunKeys } from './run-keys.ts';
import { firstOf, videoRunKeys } from './video-run-keys.ts';

const [old, present, foreign] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];
const [runId, secret] = [Buffer.alloc(16, 7), Buffer.alloc(32, 8)];

function headerFor(keys: readonly Buffer[], sealed = secret): Header {
  const runKey = makeRunKey();
  const recipients = keys.map((key): Recipient => ({ type: 'symmetric', id: videoKeyId(key) }));
  const part = encodeSignedPart(
    {
      ...{ camera: Buffer.alloc(20, 1), runId, recording: 'rec', startMs: 1, clock: { state: 'unknown' } },
      ...{ container: 'video/mp2t', segmentMs: 60_000, checkpointMs: 5000, recipients },
      ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
    },
    { wrapped: keys.map((key) => wrapSecret(sealed, runId, { id: videoKeyId(key), key })) },
  );
  return decodeHeader(encodeHeader(part, undefined, runKey.privateKey).subarray(envelopeBytes));
}

test('any key that was ever made opens the runs that were sealed for it, and no others', async () => {
  const keys = videoRunKeys([old, present]);
  for (const header of [headerFor([old]), headerFor([present]), headerFor([foreign, old])]) {
    assert.deepEqual(await keys.keysOf(header), { runId, segmentMs: 60_000, nodes: [rootOf(secret, runId)] });
  }
  await assert.rejects(keys.keysOf(headerFor([foreign])), (error) => error instanceof NoSecretKeyError);
  await assert.rejects(videoRunKeys([]).keysOf(headerFor([old])), NoSecretKeyError);
});

test('a header that has something else sealed than its secret is not authentic', async () => {
  const keys = videoRunKeys([old]);
  const isRefused = (error: unknown): boolean => isEncroCamError(error, 'NOT_AUTHENTIC');
  await assert.rejects(keys.keysOf(headerFor([old], Buffer.alloc(32, 9))), isRefused);
  const header = headerFor([old]);
  const forged = wrapSecret(secret, runId, { id: videoKeyId(old), key: foreign });
  await assert.rejects(keys.keysOf({ ...header, sealed: { wrapped: [forged] } }), isRefused);
});

test('the second source is asked where the first one has no key, and not where something is wrong', async () => {
  const both = firstOf(videoRunKeys([old]), videoRunKeys([present]));
  assert.ok(await both.keysOf(headerFor([old])));
  assert.ok(await both.keysOf(headerFor([present])));
  await assert.rejects(both.keysOf(headerFor([foreign])), NoSecretKeyError);
  const forged = headerFor([old, present], Buffer.alloc(32, 9));
  await assert.rejects(both.keysOf(forged), (error) => isEncroCamError(error, 'NOT_AUTHENTIC'));
});

test('whoever tries OpenPGP on a run for an owner without it is told what to give', async () => {
  const decrypter = { decrypt: () => assert.fail('asked') };
  await assert.rejects(ownerRunKeys(decrypter).keysOf(headerFor([old])), (error) => {
    assert.ok(error instanceof NoSecretKeyError);
    assert.match(error.hint ?? '', /--owner/);
    return true;
  });
});
