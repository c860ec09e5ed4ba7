import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Address, Hex } from 'viem';
import { privateKeyToAccount, sign } from 'viem/accounts';
import { bytesToHex } from 'viem/utils';
import { accountOf, normalise, type Signer } from './signer.ts';

const privateKey: Hex = `0x${'11'.repeat(32)}`;
const theirs = privateKeyToAccount(privateKey);
const address = theirs.address.toLowerCase() as Address;
const order = 0xffffffff_ffffffff_ffffffff_fffffffe_baaedce6_af48a03b_bfd25e8c_d0364141n;

const raw = (r: Hex, s: bigint): Buffer =>
  Buffer.from(r.slice(2).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex');

const signer: Signer = {
  address,
  async signDigest(digest) {
    const { r, s } = await sign({ hash: bytesToHex(digest), privateKey });
    // As an element may answer: s in either half.
    return normalise(raw(r, order - BigInt(s)), digest, address);
  },
  close: async () => undefined,
};

test('a high s becomes the low one, and the parity that of the address', async () => {
  for (let round = 0; round < 20; round++) {
    const digest = randomBytes(32);
    const { r, s, yParity } = await sign({ hash: bytesToHex(digest), privateKey });
    const expected = { r, s, yParity };
    assert.deepEqual(await normalise(raw(r, BigInt(s)), digest, address), expected);
    assert.deepEqual(await normalise(raw(r, order - BigInt(s)), digest, address), expected);
  }
});

test("somebody else's signature, one over something else, and bytes that are none are refused", async () => {
  const digest = randomBytes(32);
  const { r, s } = await sign({ hash: bytesToHex(digest), privateKey });
  const good = raw(r, BigInt(s));
  await assert.rejects(normalise(good, randomBytes(32), address), /not one of/);
  await assert.rejects(normalise(good, digest, `0x${'22'.repeat(20)}`), /not one of/);
  await assert.rejects(normalise(good.subarray(1), digest, address), /63 bytes/);
  await assert.rejects(normalise(Buffer.alloc(64), digest, address), /not one of/);
  await assert.rejects(normalise(Buffer.alloc(64, 255), digest, address), /not one of/);
});

test('the account signs transactions, messages and typed data as viem does with the key itself', async () => {
  const ours = accountOf(signer);
  assert.equal(ours.address, address);
  const transaction = {
    chainId: 1,
    nonce: 7,
    to: address,
    value: 1n,
    gas: 21_000n,
    maxFeePerGas: 9n,
  } as const;
  assert.equal(await ours.signTransaction(transaction), await theirs.signTransaction(transaction));
  const message = 'EncroCam';
  assert.equal(await ours.signMessage({ message }), await theirs.signMessage({ message }));
  const typed = {
    domain: { name: 'x', chainId: 1 },
    types: { Seen: [{ name: 'run', type: 'bytes16' }] },
    primaryType: 'Seen',
    message: { run: `0x${'ab'.repeat(16)}` },
  } as const;
  assert.equal(await ours.signTypedData(typed), await theirs.signTypedData(typed));
  assert.equal(
    await ours.sign?.({ hash: `0x${'cd'.repeat(32)}` }),
    await theirs.sign({ hash: `0x${'cd'.repeat(32)}` }),
  );
});
