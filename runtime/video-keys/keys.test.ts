import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { isEncroCamError } from '../errors.ts';
import { keyEncryptionKey, unwrapVideoKey, type VideoKey, videoKeyId, wrapVideoKey } from './keys.ts';

const kek = Buffer.from('000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F', 'hex');
const videoKey: VideoKey = { purpose: 'live', counter: 7, key: Buffer.alloc(32, 9) };
const isRefused = (error: unknown): boolean => isEncroCamError(error, 'NOT_AUTHENTIC');

test('the key-encryption key is HKDF of the wallet key, salt and owner, by RFC 5869', () => {
  const [wallet, salt, owner] = [Buffer.alloc(32, 1), Buffer.alloc(16, 2), Buffer.alloc(20, 3)];
  const extracted = createHmac('sha256', salt).update(wallet).digest();
  const info = Buffer.concat([Buffer.from('EncroCam key-encryption key\0'), owner, Buffer.of(1)]);
  const expected = createHmac('sha256', extracted).update(info).digest();
  assert.deepEqual(keyEncryptionKey(wallet, salt, owner), expected);
});

test("a video key's id is half of a labelled hash", () => {
  const hash = createHash('sha256')
    .update(Buffer.concat([Buffer.from('EncroCam video key\0'), videoKey.key]))
    .digest();
  assert.deepEqual(videoKeyId(videoKey.key), hash.subarray(0, 16));
});

test('a wrapped key unwraps to counter, purpose and key', () => {
  const wrapped = wrapVideoKey(kek, videoKey);
  assert.equal(wrapped.length, 56);
  assert.deepEqual(unwrapVideoKey(kek, wrapped), videoKey);
  const largest = { ...videoKey, counter: Number.MAX_SAFE_INTEGER };
  assert.deepEqual(unwrapVideoKey(kek, wrapVideoKey(kek, largest)), largest);
});

test('a wrapped key with any bit changed, cut, or of somebody else is refused', () => {
  const wrapped = wrapVideoKey(kek, videoKey);
  for (let bit = 0; bit < 8 * wrapped.length; bit++) {
    const changed = Buffer.from(wrapped);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => unwrapVideoKey(kek, changed), isRefused, `bit ${bit}`);
  }
  assert.throws(() => unwrapVideoKey(kek, wrapped.subarray(8)), isRefused);
  assert.throws(() => unwrapVideoKey(kek, Buffer.alloc(0)), isRefused);
  assert.throws(() => unwrapVideoKey(Buffer.alloc(32), wrapped), isRefused);
});

test('a counter that is none cannot be wrapped', () => {
  for (const counter of [0, -1, 1.5, 2 ** 53])
    assert.throws(() => wrapVideoKey(kek, { ...videoKey, counter }), RangeError);
});
