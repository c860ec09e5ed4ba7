import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { test } from 'node:test';
import { unwrapSecret, wrapSecret } from './wrap.ts';

const secret = Buffer.alloc(32, 1);
const runId = Buffer.alloc(16, 2);
const recipient = { id: Buffer.alloc(16, 3), key: Buffer.alloc(32, 4) };
const nonce = Buffer.alloc(12, 5);

test('a wrapped secret is laid out as the reference says, and opens with its key alone', () => {
  const wrapped = wrapSecret(secret, runId, recipient, nonce);
  assert.equal(wrapped.length, 76);
  assert.deepEqual(wrapped.subarray(0, 28), Buffer.concat([recipient.id, nonce]));
  const decipher = createDecipheriv('aes-256-gcm', recipient.key, nonce);
  decipher.setAAD(Buffer.concat([Buffer.from('EncroCrypt3 wrap\0'), runId]));
  decipher.setAuthTag(wrapped.subarray(60));
  assert.deepEqual(Buffer.concat([decipher.update(wrapped.subarray(28, 60)), decipher.final()]), secret);
  assert.deepEqual(unwrapSecret(wrapped, runId, recipient.key), secret);
  assert.equal(unwrapSecret(wrapped, runId, Buffer.alloc(32, 9)), undefined);
  assert.equal(unwrapSecret(wrapped, Buffer.alloc(16, 9), recipient.key), undefined);
});

test('a wrapped secret with any bit changed behind its id does not open', () => {
  const wrapped = wrapSecret(secret, runId, recipient);
  for (let bit = 8 * 16; bit < 8 * wrapped.length; bit++) {
    const changed = Buffer.from(wrapped);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(unwrapSecret(changed, runId, recipient.key), undefined, `bit ${bit}`);
  }
});
