import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEncroCamError } from '../../runtime/errors.ts';
import { toHex } from '../../runtime/video-keys/hex.ts';
import { wrapVideoKey } from '../../runtime/video-keys/keys.ts';
import { canonicalJson } from '../canonical-json.ts';
import { newKey } from '../owner/owner.ts';
import { newWallet, walletFromEntropy } from '../owner/wallet.ts';
import { CodeCollector } from './codes.ts';
import { checkMessage, decodeMessage, encodeMessage, maxAgeMs, type PairingContent } from './message.ts';

const vectors = JSON.parse(
  await readFile(path.join(import.meta.dirname, '../../test/vectors/ledger/pairing.json'), 'utf8'),
);
const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/^0x/, ''), 'hex');
const wallet = walletFromEntropy(bytes(vectors.wallet.entropy));
const key = (index: number) => {
  const { purpose, counter, key: hex } = vectors.keys[index];
  return { purpose, counter, key: bytes(hex) };
};
const content: PairingContent = {
  owner: wallet.address,
  createdMs: vectors.createdMs,
  nonce: bytes(vectors.nonce),
  salt: bytes(vectors.salt),
  kek: bytes(vectors.kek),
  recordings: key(0),
  live: key(1),
  answers: vectors.answers,
};
const atOnce = { nowMs: content.createdMs, clockIsSynchronised: true, knownNonces: new Set<string>() };

const refusal = (reason: RegExp) => (error: unknown) =>
  isEncroCamError(error, 'PAIRING_REFUSED') && reason.test(error.message);

/** The message of the vectors with other members, signed again unless `signature` is among them. */
async function changed(changes: Record<string, unknown>, signer = wallet): Promise<Buffer> {
  const { signature: _, ...members } = { ...JSON.parse(vectors.message), ...changes };
  const digest = createHash('sha256')
    .update(JSON.stringify(sorted(members)))
    .digest('hex');
  const signature = changes.signature ?? (await signer.signText(`EncroCam pairing ${digest}`));
  return Buffer.from(JSON.stringify({ ...members, signature }));
}

/** Canonical by another way than the code's own. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

test('the message, what is signed of it and its codes are those of the vectors', async () => {
  const message = await encodeMessage(content, wallet.signText);
  assert.equal(message.toString(), vectors.message);
  const { signature, signedText, ...read } = decodeMessage(message);
  assert.equal(signedText, vectors.signedText);
  assert.equal(signature, vectors.signature);
  assert.deepEqual(read, content);
  // Not compared with what zlib makes today: another version of it may deflate otherwise.
  const collector = new CodeCollector();
  const seen = vectors.codes.map((code: string) => collector.take(code)).at(-1);
  assert.equal(seen.message?.toString(), vectors.message);
});

test('the message of the vectors is taken, by its time and signature', async () => {
  const message = decodeMessage(Buffer.from(vectors.message));
  await checkMessage(message, atOnce);
  await checkMessage(decodeMessage(await changed({})), atOnce);
  for (const awayMs of [-maxAgeMs, maxAgeMs]) {
    await checkMessage(message, { ...atOnce, nowMs: content.createdMs + awayMs });
  }
});

test('a hint comes with the message, and is signed', async () => {
  const withHint = await encodeMessage({ ...content, hint: "Grandma's cat, and a number" }, wallet.signText);
  const message = decodeMessage(withHint);
  assert.equal(message.hint, "Grandma's cat, and a number");
  await checkMessage(message, atOnce);
  const other = Buffer.from(withHint.toString().replace('cat', 'dog'));
  await assert.rejects(checkMessage(decodeMessage(other), atOnce), refusal(/signature/));
});

test('a message is refused that is too old or ahead, but not by a clock that was never set', async () => {
  const message = decodeMessage(Buffer.from(vectors.message));
  const at = (awayMs: number) => ({ ...atOnce, nowMs: content.createdMs + awayMs });
  await assert.rejects(checkMessage(message, at(maxAgeMs + 1)), refusal(/hour ago/));
  await assert.rejects(checkMessage(message, at(-maxAgeMs - 1)), refusal(/ahead/));
  await checkMessage(message, { ...at(maxAgeMs * 100), clockIsSynchronised: false });
});

test('a message is refused that was taken before, also without a clock', async () => {
  const message = decodeMessage(Buffer.from(vectors.message));
  const knownNonces = new Set([content.nonce.toString('hex')]);
  const options = { ...atOnce, clockIsSynchronised: false, knownNonces };
  await assert.rejects(checkMessage(message, options), refusal(/before/));
});

test('a message is refused that another wallet signed, or whose members were changed', async () => {
  const stranger = newWallet();
  const all = [
    await changed({}, stranger),
    await changed({ owner: stranger.address }),
    await changed({ createdMs: content.createdMs + 1, signature: vectors.signature }),
    await changed({ answers: {}, signature: vectors.signature }),
    await changed({ answers: undefined, signature: vectors.signature }),
    await changed({ signature: toHex(Buffer.alloc(65)) }),
    await changed({ signature: toHex(Buffer.alloc(65, 0xff)) }),
    await changed({ signature: `${vectors.signature.slice(0, -2)}1c` }),
  ];
  for (const message of all) {
    await assert.rejects(checkMessage(decodeMessage(message), atOnce), refusal(/signature/));
  }
  // A stranger who says to be the owner is one: the camera takes the first valid message.
  await checkMessage(decodeMessage(await changed({ owner: stranger.address }, stranger)), atOnce);
});

test('a message is refused that is not exactly as the reference says', async () => {
  const kek = content.kek;
  const wrapped = (purpose: 'recordings' | 'live', counter: number) =>
    toHex(wrapVideoKey(kek, newKey(purpose, counter, 0)));
  const keys = vectors.message && JSON.parse(vectors.message).keys;
  const all: [Record<string, unknown>, RegExp][] = [
    [{ format: 'EncroCam pairing 2' }, /format/],
    [{ more: 1 }, /unknown/],
    [{ owner: `${content.owner}00` }, /owner/],
    [{ owner: undefined }, /owner/],
    [{ createdMs: '1' }, /createdMs/],
    [{ createdMs: 1.5 }, /createdMs/],
    [{ createdMs: -1 }, /createdMs/],
    [{ nonce: '0x00' }, /nonce/],
    [{ salt: 1 }, /salt/],
    [{ kek: null }, /kek/],
    [{ kek: toHex(Buffer.alloc(32)) }, /recordings key/],
    [{ keys: undefined }, /keys/],
    [{ keys: { ...keys, more: 1 } }, /keys/],
    [{ keys: { recordings: keys.recordings } }, /keys/],
    [{ keys: { recordings: keys.live, live: keys.live } }, /recordings key/],
    [{ keys: { recordings: wrapped('recordings', 2), live: keys.live } }, /recordings key/],
    [{ keys: { recordings: keys.recordings, live: wrapped('recordings', 1) } }, /live key/],
    [{ answers: [] }, /answers/],
    [{ answers: null }, /answers/],
    [{ hint: '' }, /hint/],
    [{ hint: 'a\u001b[2J' }, /hint/],
    [{ hint: 'x'.repeat(201) }, /hint/],
    [{ signature: '0x' }, /signature/],
  ];
  for (const [changes, reason] of all) {
    const message = await changed(changes);
    assert.throws(() => decodeMessage(message), refusal(reason), JSON.stringify(changes));
  }
  const nested = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
  const deep = vectors.message.replace(/"answers":.*,"createdMs"/, `"answers":${nested},"createdMs"`);
  assert.throws(() => decodeMessage(Buffer.from(deep)), refusal(/nest/));
  for (const text of ['', 'null', '[]', '{', '"x"', `${vectors.message} x`, `\ufeff${vectors.message}`]) {
    assert.throws(() => decodeMessage(Buffer.from(text)), refusal(/JSON/), text.slice(0, 10));
  }
  assert.throws(() => decodeMessage(Buffer.from([0x7b, 0xff, 0x7d])), refusal(/JSON/));
  assert.throws(() => decodeMessage(Buffer.alloc(65 * 1024, ' ')), refusal(/large/));
});

test('whatever the answers are, they come back and are signed', async () => {
  const answers = fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 });
  await fc.assert(
    fc.asyncProperty(answers, async (value) => {
      const plain = JSON.parse(JSON.stringify(value));
      const message = decodeMessage(await encodeMessage({ ...content, answers: plain }, wallet.signText));
      assert.equal(canonicalJson(message.answers), canonicalJson(plain));
      await checkMessage(message, atOnce);
    }),
    { numRuns: 25 },
  );
});

test('no bytes, and no changed message, are taken', async () => {
  const good = Buffer.from(vectors.message);
  const mutated = fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
    const message = Buffer.from(good);
    message[at] = byte;
    return message;
  });
  const any = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(Buffer.from), mutated);
  await fc.assert(
    fc.asyncProperty(any, async (bytes) => {
      if (good.equals(bytes)) return;
      try {
        const message = decodeMessage(bytes);
        await checkMessage(message, atOnce);
        // Digits of the signature may be written in either case; everything else is signed.
        assert.equal(Buffer.from(bytes).toString().toLowerCase(), good.toString().toLowerCase());
        assert.equal(message.signature, vectors.signature);
      } catch (error) {
        if (!isEncroCamError(error, 'PAIRING_REFUSED')) throw error;
      }
    }),
    { numRuns: 400 },
  );
});
