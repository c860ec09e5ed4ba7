import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { toHex } from '../../runtime/video-keys/hex.ts';
import { keyEncryptionKey, unwrapVideoKey, videoKeyId, wrapVideoKey } from '../../runtime/video-keys/keys.ts';
import { entropyOfWords, newWallet, walletFromEntropy, wordsOf } from './wallet.ts';

const vectors = JSON.parse(
  await readFile(path.join(import.meta.dirname, '../../test/vectors/ledger/pairing.json'), 'utf8'),
);
const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/^0x/, ''), 'hex');
const kek = bytes(vectors.kek);

test('words, address, key-encryption key, ids and wrapped keys are those of the vectors', () => {
  const { wallet: expected, salt, keys } = vectors;
  const wallet = walletFromEntropy(bytes(expected.entropy));
  assert.equal(wordsOf(wallet.entropy).join(' '), expected.words);
  assert.deepEqual(entropyOfWords(expected.words), wallet.entropy);
  assert.equal(wallet.address, expected.address);
  assert.equal(toHex(wallet.privateKey), expected.privateKey);
  assert.deepEqual(keyEncryptionKey(wallet.privateKey, bytes(salt), bytes(wallet.address)), kek);
  assert.ok(keys.length > 2);
  for (const { purpose, counter, key, id, wrapped } of keys) {
    const videoKey = { purpose, counter, key: bytes(key) };
    assert.equal(toHex(videoKeyId(videoKey.key)), id);
    assert.equal(toHex(wrapVideoKey(kek, videoKey)), wrapped);
    assert.deepEqual(unwrapVideoKey(kek, bytes(wrapped)), videoKey);
  }
});

test('words are taken as people type them, and refused without being quoted', () => {
  const { entropy } = newWallet();
  const words = wordsOf(entropy);
  assert.equal(words.length, 24);
  const numbered = words.map((word, index) => `${index + 1}. ${word.toUpperCase()}\n`).join('  ');
  assert.deepEqual(entropyOfWords(numbered), entropy);
  const refusal = (text: string): string => {
    try {
      entropyOfWords(text);
    } catch (error) {
      return String(error);
    }
    return 'taken';
  };
  assert.match(refusal(words.slice(1).join(' ')), /There are 23 words/);
  assert.match(refusal(['hunter', ...words.slice(1)].join(' ')), /Word 1 is none/);
  assert.doesNotMatch(refusal(['hunterx', ...words.slice(1)].join(' ')), /hunterx/);
  assert.match(refusal(`${'abandon '.repeat(24)}`), /do not belong together/);
});
