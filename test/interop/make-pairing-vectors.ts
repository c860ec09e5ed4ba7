/** Writes `test/vectors/ledger/pairing.json`: wallet, keys, message and codes of a pairing that is always the same. Run by hand. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { walletFromEntropy, wordsOf } from '../../ledger/owner/wallet.ts';
import { encodeCodes } from '../../ledger/pairing/codes.ts';
import { decodeMessage, encodeMessage } from '../../ledger/pairing/message.ts';
import { toHex } from '../../runtime/video-keys/hex.ts';
import { keyEncryptionKey, type VideoKey, videoKeyId, wrapVideoKey } from '../../runtime/video-keys/keys.ts';

const entropy = Buffer.alloc(32);
const wallet = walletFromEntropy(entropy);
const salt = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const kek = keyEncryptionKey(wallet.privateKey, salt, Buffer.from(wallet.address.slice(2), 'hex'));
const recordings: VideoKey = { purpose: 'recordings', counter: 1, key: Buffer.alloc(32, 0x11) };
const live: VideoKey = { purpose: 'live', counter: 1, key: Buffer.alloc(32, 0x22) };
const later: VideoKey = { purpose: 'recordings', counter: 2 ** 40 + 7, key: Buffer.alloc(32, 0x33) };
const wifi = { ssid: 'Käsekuchen', passphrase: 'eight letters', country: 'DE' };
const answers = { hostName: 'front-door', network: { wifi } };
const nonce = Buffer.from('0f0e0d0c0b0a09080706050403020100', 'hex');
const createdMs = Date.UTC(2026, 0, 15, 8);
const content = { owner: wallet.address, createdMs, nonce, salt, kek, recordings, live, answers };
const message = await encodeMessage(content, wallet.signText);
const { signedText, signature } = decodeMessage(message);

const vector = {
  wallet: {
    entropy: toHex(entropy),
    words: wordsOf(entropy).join(' '),
    privateKey: toHex(wallet.privateKey),
    address: wallet.address,
  },
  salt: toHex(salt),
  kek: toHex(kek),
  keys: [recordings, live, later].map((key) => ({
    purpose: key.purpose,
    counter: key.counter,
    key: toHex(key.key),
    id: toHex(videoKeyId(key.key)),
    wrapped: toHex(wrapVideoKey(kek, key)),
  })),
  nonce: toHex(nonce),
  createdMs,
  answers,
  signedText,
  signature,
  message: message.toString('utf8'),
  codes: encodeCodes(message),
};
const file = fileURLToPath(new URL('../vectors/ledger/pairing.json', import.meta.url));
await writeFile(file, `${JSON.stringify(vector, undefined, 2)}\n`);
