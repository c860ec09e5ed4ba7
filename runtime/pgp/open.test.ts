import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  createMessage,
  encrypt,
  encryptKey,
  generateKey,
  type Key,
  LiteralDataPacket,
  type PrivateKey,
  readPrivateKey,
  reformatKey,
  revokeKey,
  sign,
} from 'openpgp';
import { GpgHome, keyParameters } from '../../test/support/gpg-home.ts';
import { EncroCamError } from '../errors.ts';
import type { MessageDecrypter } from './decrypter.ts';
import { NoSecretKeyError } from './decrypter.ts';
import { gpgDecrypter } from './gpg-decrypter.ts';
import { keyFileDecrypter } from './key-file-decrypter.ts';
import { fingerprintOf, readPublicKeyFile } from './keys.ts';
import { createKeyOpener, type KeyOpener } from './open.ts';
import { loadSealingKeys, seal } from './seal.ts';
import { findTrustedSigner } from './trusted-signer.ts';

const vectors = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const ownerPublic = path.join(vectors, 'owner.public.asc');
const ownerSecret = path.join(vectors, 'owner.secret.asc');
const cameraPublic = path.join(vectors, 'camera.public.asc');
const cameraSecret = path.join(vectors, 'camera.secret.asc');
const neverAsk = async (): Promise<string> => assert.fail('asked for a passphrase');
const secret = randomBytes(16);

async function onlyKey(file: string): Promise<Key> {
  const [key] = await readPublicKeyFile(file);
  assert.ok(key);
  return key;
}

async function cameraKey(): Promise<PrivateKey> {
  return readPrivateKey({ armoredKey: await readFile(cameraSecret, 'utf8') });
}

/** A signing key made by openpgp, alone. */
async function newSigner(options: { date?: Date; seconds?: number } = {}): Promise<PrivateKey> {
  const { privateKey } = await generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: 'Test camera' }],
    format: 'object',
    ...(options.date ? { date: options.date } : {}),
    ...(options.seconds === undefined ? {} : { keyExpirationTime: options.seconds }),
  });
  return privateKey;
}

interface Forgery {
  readonly content?: Uint8Array;
  readonly signers?: PrivateKey[];
  readonly date?: Date;
}

/** What a camera's key packet holds, unless told otherwise. */
async function sealed(recipient: Key, forgery: Forgery = {}): Promise<Uint8Array> {
  const { content = secret, signers = [await cameraKey()], date = new Date() } = forgery;
  const plain = await createMessage({ binary: content, date });
  const message =
    signers.length === 0
      ? plain
      : await sign({ message: plain, signingKeys: signers, format: 'object', date });
  return encrypt({ message, encryptionKeys: recipient, format: 'binary' });
}

/** Exchanges the content of a message; the library hides the method for it. */
function setContent(packet: LiteralDataPacket, content: Uint8Array): void {
  (packet as unknown as { setBytes(bytes: Uint8Array, format: number): void }).setBytes(content, 0x62);
}

const hasCode = (code: string) => (error: unknown) => error instanceof EncroCamError && error.code === code;

// One suite, run over both drivers.
let home: GpgHome;
const drivers: Record<string, () => Promise<MessageDecrypter>> = {
  gpg: async () => gpgDecrypter({ homeDirectory: home.directory }),
  'key file': () => keyFileDecrypter(ownerSecret, neverAsk),
};

before(async () => {
  home = await GpgHome.create();
  await home.gpg('--import', ownerSecret);
});
after(() => home.remove());

for (const [name, createDecrypter] of Object.entries(drivers)) {
  describe(`key packets opened with the driver "${name}"`, () => {
    const opener = async (trusted?: Key): Promise<KeyOpener> =>
      createKeyOpener(await createDecrypter(), trusted ?? (await onlyKey(cameraPublic)));

    test('a key sealed by the camera comes out, with the camera as its signer', async () => {
      const keys = await loadSealingKeys([ownerPublic], cameraSecret);
      const opened = await (await opener()).open(await seal(secret, keys));
      assert.deepEqual(opened.key, secret);
      assert.equal(opened.signedBy, fingerprintOf(await onlyKey(cameraPublic)));
    });

    test('a key signed by somebody else is not authentic', async () => {
      const message = await sealed(await onlyKey(ownerPublic), { signers: [await newSigner()] });
      await assert.rejects((await opener()).open(message), hasCode('NOT_AUTHENTIC'));
    });

    test('a key signed by nobody is not authentic', async () => {
      const message = await sealed(await onlyKey(ownerPublic), { signers: [] });
      await assert.rejects((await opener()).open(message), hasCode('NOT_AUTHENTIC'));
    });

    test('a key signed by the camera and somebody else is not authentic', async () => {
      const signers = [await cameraKey(), await newSigner()];
      const message = await sealed(await onlyKey(ownerPublic), { signers });
      await assert.rejects((await opener()).open(message), hasCode('NOT_AUTHENTIC'));
    });

    for (const bytes of [0, 15, 17, 32]) {
      test(`${bytes} bytes signed by the camera are no key`, async () => {
        const message = await sealed(await onlyKey(ownerPublic), { content: randomBytes(bytes) });
        await assert.rejects((await opener()).open(message), hasCode('NOT_AUTHENTIC'));
      });
    }

    test('the camera signature of one key does not vouch for another one', async () => {
      // What a recipient could do who wants to make the camera say something else: exchange the literal data.
      const inner = await (await createDecrypter()).decrypt(await sealed(await onlyKey(ownerPublic)));
      const { readMessage } = await import('openpgp');
      const message = inner instanceof Uint8Array ? await readMessage({ binaryMessage: inner }) : inner;
      const packets = message.unwrapCompressed().packets;
      const other = randomBytes(16);
      for (const packet of packets) {
        if (packet instanceof LiteralDataPacket) setContent(packet, other);
      }
      const forged: MessageDecrypter = { decrypt: async () => message.unwrapCompressed() };
      const forgery = createKeyOpener(forged, await onlyKey(cameraPublic)).open(secret);
      await assert.rejects(forgery, hasCode('NOT_AUTHENTIC'));
    });

    test('a message for somebody else is told apart from a damaged one', async () => {
      const stranger = (await newSigner()).toPublic();
      await assert.rejects((await opener()).open(await sealed(stranger)), NoSecretKeyError);
      const damaged = Buffer.from(await sealed(await onlyKey(ownerPublic)));
      damaged[damaged.length - 5] = (damaged[damaged.length - 5] ?? 0) ^ 1;
      await assert.rejects(
        (await opener()).open(damaged),
        (error) => hasCode('DECRYPTION_FAILED')(error) && !(error instanceof NoSecretKeyError),
      );
    });

    test('no damage of a single byte gives a key', async () => {
      const good = Buffer.from(await sealed(await onlyKey(ownerPublic)));
      const open = await opener();
      for (let index = 0; index < good.length; index += 23) {
        const damaged = Buffer.from(good);
        damaged[index] = (damaged[index] ?? 0) ^ 0x20;
        await assert.rejects(
          open.open(damaged),
          (error) => hasCode('DECRYPTION_FAILED')(error) || hasCode('NOT_AUTHENTIC')(error),
        );
      }
    });

    test('bytes that are no OpenPGP message are refused', async () => {
      for (const bytes of [Buffer.from('nothing'), randomBytes(300), Buffer.alloc(65_536)]) {
        await assert.rejects((await opener()).open(bytes), hasCode('DECRYPTION_FAILED'));
      }
    });

    test('content that grows when unpacked is refused', async () => {
      const bomb = await encrypt({
        message: await createMessage({ binary: new Uint8Array(8 * 1024 * 1024) }),
        encryptionKeys: await onlyKey(ownerPublic),
        signingKeys: await cameraKey(),
        format: 'binary',
        config: { preferredCompressionAlgorithm: 2 },
      });
      assert.ok(bomb.length < 65_536);
      await assert.rejects(
        (await opener()).open(bomb),
        (error) => hasCode('DECRYPTION_FAILED')(error) || hasCode('NOT_AUTHENTIC')(error),
      );
    });

    test('what was signed before the camera key expired stays authentic, what was signed after it does not', async () => {
      const made = new Date('2026-01-01T00:00:00Z');
      const signer = await newSigner({ date: made, seconds: 3600 });
      const recipient = await onlyKey(ownerPublic);
      const open = await opener(signer.toPublic());
      const early = await sealed(recipient, { signers: [signer], date: new Date('2026-01-01T00:30:00Z') });
      assert.deepEqual((await open.open(early)).key, secret);

      // The same key without its expiry makes a signature that the published key does not allow.
      const { privateKey: renewed } = await reformatKey({
        privateKey: signer,
        userIDs: [{ name: 'Test camera' }],
        format: 'object',
        date: made,
      });
      const late = await sealed(recipient, { signers: [renewed], date: new Date('2026-01-01T02:00:00Z') });
      await assert.rejects(open.open(late), hasCode('NOT_AUTHENTIC'));
    });

    test('a key revoked as compromised vouches for nothing', async () => {
      const signer = await newSigner();
      const { publicKey } = await revokeKey({
        key: signer,
        reasonForRevocation: { flag: 2, string: 'stolen' },
        format: 'object',
      });
      const message = await sealed(await onlyKey(ownerPublic), { signers: [signer] });
      await assert.rejects((await opener(publicKey)).open(message), hasCode('NOT_AUTHENTIC'));
    });

    test('a camera whose clock is ahead is believed', async () => {
      const date = new Date(Date.now() + 86_400_000);
      const message = await sealed(await onlyKey(ownerPublic), { date });
      assert.deepEqual((await (await opener()).open(message)).key, secret);
    });
  });
}

describe('keys that gpg made', () => {
  const kinds = ['rsa', 'nistP256', 'curve25519'] as const;
  const recipients = new Map<string, string>();

  before(async () => {
    for (const kind of kinds) recipients.set(kind, await home.makeKey(`owner ${kind}`, keyParameters[kind]));
  });

  test('each of several recipients opens a sealed key, with gpg and from a file', async () => {
    const files = await Promise.all([...recipients.values()].map((one) => home.exportKey(one)));
    const message = await seal(secret, await loadSealingKeys(files, cameraSecret));
    const trusted = await onlyKey(cameraPublic);
    for (const fingerprint of recipients.values()) {
      const file = await home.exportKey(fingerprint, 'secret');
      const alone = await GpgHome.create();
      try {
        await alone.gpg('--import', file);
        for (const decrypter of [
          gpgDecrypter({ homeDirectory: alone.directory }),
          await keyFileDecrypter(file, neverAsk),
        ]) {
          assert.deepEqual((await createKeyOpener(decrypter, trusted).open(message)).key, secret);
        }
      } finally {
        await alone.remove();
      }
    }
  });

  test('gpg on the command line decrypts and verifies a sealed key', async () => {
    await home.gpg('--import', cameraPublic);
    for (const fingerprint of recipients.values()) {
      const keys = await loadSealingKeys([await home.exportKey(fingerprint)], cameraSecret);
      const file = path.join(home.directory, 'message.pgp');
      const output = path.join(home.directory, 'plain');
      await writeFile(file, await seal(secret, keys));
      const status = await home.gpg('--status-fd', '1', '--yes', '--output', output, '--decrypt', file);
      assert.match(status, new RegExp(`VALIDSIG ${fingerprintOf(await onlyKey(cameraPublic))} `));
      assert.match(status, /DECRYPTION_OKAY/);
      assert.deepEqual(await readFile(output), secret);
    }
  });

  test('a camera key with a signing subkey is trusted by its primary fingerprint', async () => {
    const fingerprint = await home.makeKey('subkey camera', keyParameters.signingSubkey);
    const keys = await loadSealingKeys([ownerPublic], await home.exportKey(fingerprint, 'secret'));
    const trusted = await findTrustedSigner(fingerprint, { homeDirectory: home.directory });
    for (const createDecrypter of Object.values(drivers)) {
      const opened = await createKeyOpener(await createDecrypter(), trusted).open(await seal(secret, keys));
      assert.equal(opened.signedBy, fingerprint);
    }
  });

  test('a message that gpg itself encrypted and signed opens', async () => {
    const fingerprint = await home.makeKey('gpg camera', keyParameters.curve25519);
    const plain = path.join(home.directory, 'key');
    const file = path.join(home.directory, 'sealed');
    await writeFile(plain, secret);
    await home.gpg(
      ...['--trust-model', 'always', '--yes', '--output', file, '--local-user', fingerprint],
      ...['--recipient', recipients.get('rsa') ?? '', '--sign', '--encrypt', plain],
    );
    const trusted = await findTrustedSigner(fingerprint, { homeDirectory: home.directory });
    const decrypter = gpgDecrypter({ homeDirectory: home.directory });
    assert.deepEqual((await createKeyOpener(decrypter, trusted).open(await readFile(file))).key, secret);
  });

  test('a message signed around the encryption is not authentic', async () => {
    // gpg reports such a signature as good: it is over other bytes than the key.
    const fingerprint = await home.fingerprint('gpg camera');
    const inner = path.join(home.directory, 'inner');
    const outer = path.join(home.directory, 'outer');
    await writeFile(inner, await sealed(await onlyKey(ownerPublic), { signers: [] }));
    await home.gpg('--yes', '--output', outer, '--local-user', fingerprint, '--sign', inner);
    const trusted = await findTrustedSigner(fingerprint, { homeDirectory: home.directory });
    for (const createDecrypter of Object.values(drivers)) {
      const opening = createKeyOpener(await createDecrypter(), trusted).open(await readFile(outer));
      await assert.rejects(
        opening,
        (error) => hasCode('DECRYPTION_FAILED')(error) || hasCode('NOT_AUTHENTIC')(error),
      );
    }
  });
});

describe('--signed-by', () => {
  test('a fingerprint means a primary key in the key ring, in any notation', async () => {
    await home.gpg('--import', cameraPublic);
    const fingerprint = fingerprintOf(await onlyKey(cameraPublic));
    for (const text of [fingerprint, fingerprint.toLowerCase(), fingerprint.replaceAll(/(.{4})/g, '$1 ')]) {
      const key = await findTrustedSigner(text, { homeDirectory: home.directory });
      assert.equal(fingerprintOf(key), fingerprint);
      assert.equal(key.isPrivate(), false);
    }
  });

  test('a fingerprint that the key ring does not hold is unknown', async () => {
    const unknown = findTrustedSigner('0'.repeat(40), { homeDirectory: home.directory });
    await assert.rejects(unknown, hasCode('SIGNER_UNKNOWN'));
  });

  test('the fingerprint of a subkey is unknown: trust is in a primary key', async () => {
    const [subkey] = (await onlyKey(ownerPublic)).subkeys;
    assert.ok(subkey);
    const asked = findTrustedSigner(subkey.getFingerprint(), { homeDirectory: home.directory });
    await assert.rejects(asked, hasCode('SIGNER_UNKNOWN'));
  });

  test('a file with two keys is refused, since only one is the camera', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'signer-'));
    try {
      const file = path.join(directory, 'two.asc');
      const armored = [await onlyKey(cameraPublic), await onlyKey(ownerPublic)].map((key) => key.write());
      await writeFile(file, Buffer.concat(armored));
      await assert.rejects(findTrustedSigner(file), hasCode('SIGNER_UNKNOWN'));
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('without gpg, a fingerprint is unknown and decrypting says which program is missing', async () => {
    const missing = { program: '/nonexistent/gpg' };
    await assert.rejects(findTrustedSigner('0'.repeat(40), missing), hasCode('SIGNER_UNKNOWN'));
    await assert.rejects(gpgDecrypter(missing).decrypt(secret), hasCode('PROGRAM_MISSING'));
  });
});

describe('a secret key with a passphrase', () => {
  test('opens with it, and is locked with another one', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'locked-'));
    try {
      const owner = await readPrivateKey({ armoredKey: await readFile(ownerSecret, 'utf8') });
      const locked = await encryptKey({ privateKey: owner, passphrase: 'correct horse' });
      const file = path.join(directory, 'locked.asc');
      await writeFile(file, locked.armor());
      const message = await sealed(await onlyKey(ownerPublic));
      const decrypter = await keyFileDecrypter(file, async () => 'correct horse');
      const opened = await createKeyOpener(decrypter, await onlyKey(cameraPublic)).open(message);
      assert.deepEqual(opened.key, secret);
      await assert.rejects(
        keyFileDecrypter(file, async () => 'wrong'),
        (error) => hasCode('KEY_LOCKED')(error) && !String(error).includes('wrong horse'),
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('in gpg is locked when nobody can be asked', async () => {
    const locked = await GpgHome.create();
    try {
      const owner = await readPrivateKey({ armoredKey: await readFile(ownerSecret, 'utf8') });
      const file = path.join(locked.directory, 'locked.asc');
      await writeFile(file, (await encryptKey({ privateKey: owner, passphrase: 'correct horse' })).armor());
      await writeFile(path.join(locked.directory, 'gpg-agent.conf'), 'pinentry-program /bin/false\n');
      await locked.gpg('--import', file);
      const decrypter = gpgDecrypter({ homeDirectory: locked.directory });
      await assert.rejects(
        decrypter.decrypt(await sealed(await onlyKey(ownerPublic))),
        hasCode('KEY_LOCKED'),
      );
    } finally {
      await locked.remove();
    }
  });
});
