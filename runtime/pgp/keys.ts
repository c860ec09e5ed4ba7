import { readFile, stat } from 'node:fs/promises';
import { type Key, type PrivateKey, readKeys, readPrivateKeys } from 'openpgp';
import { EncroCamError, messageOf } from '../errors.ts';

/** A key file holds a few keys; whatever is larger is another file. */
const maxKeyFileBytes = 4 * 1024 * 1024;

/** An OpenPGP fingerprint, upper case without spaces: 40 digits (v4) or 64 (v6). */
export type Fingerprint = string & { readonly __brand: 'Fingerprint' };

/** Reads a fingerprint as people write it (spaces, colons, `0x`, any case); `undefined` if it is none. */
export function parseFingerprint(text: string): Fingerprint | undefined {
  const digits = text.replace(/^0x/i, '').replaceAll(/[\s:]/g, '').toUpperCase();
  return /^(?:[0-9A-F]{40}|[0-9A-F]{64})$/.test(digits) ? (digits as Fingerprint) : undefined;
}

export function fingerprintOf(key: Key): Fingerprint {
  return key.getFingerprint().toUpperCase() as Fingerprint;
}

/**
 * The public keys in a file, armored or binary.
 * @throws {EncroCamError} `KEY_UNREADABLE`
 */
export async function readPublicKeyFile(file: string): Promise<Key[]> {
  return readKeyFile(file, 'public', publicKeysIn);
}

const publicKeysIn: Parse<Key> = async (bytes, armored) => {
  const keys = await (armored === undefined
    ? readKeys({ binaryKeys: bytes })
    : readKeys({ armoredKeys: armored }));
  return keys.map((key) => key.toPublic());
};

/**
 * The secret keys in a file, armored or binary; they may still be locked by a passphrase.
 * @throws {EncroCamError} `KEY_UNREADABLE`
 */
export async function readSecretKeyFile(file: string): Promise<PrivateKey[]> {
  return readKeyFile(file, 'secret', async (bytes, armored) =>
    armored === undefined
      ? readPrivateKeys({ binaryKeys: bytes })
      : readPrivateKeys({ armoredKeys: armored }),
  );
}

/**
 * The same for what was in a file.
 * @param name for messages.
 */
export async function parsePublicKeys(bytes: Uint8Array, name: string): Promise<Key[]> {
  return parseKeys(name, 'public', bytes, publicKeysIn);
}

type Kind = 'public' | 'secret';
type Parse<T> = (bytes: Uint8Array, armored: string | undefined) => Promise<T[]>;

async function readKeyFile<T>(file: string, kind: Kind, parse: Parse<T>): Promise<T[]> {
  let bytes: Buffer;
  try {
    if ((await stat(file)).size > maxKeyFileBytes) throw new Error('the file is too large for a key');
    bytes = await readFile(file);
  } catch (error) {
    throw refuse(file, kind, messageOf(error), error);
  }
  return parseKeys(file, kind, bytes, parse);
}

async function parseKeys<T>(name: string, kind: Kind, bytes: Uint8Array, parse: Parse<T>): Promise<T[]> {
  const text = Buffer.from(bytes);
  const armored = text.includes('-----BEGIN PGP') ? text.toString('utf8') : undefined;
  let keys: T[];
  try {
    keys = await parse(bytes, armored);
  } catch (error) {
    throw refuse(name, kind, messageOf(error), error);
  }
  if (keys.length === 0) throw refuse(name, kind, 'there is none in it');
  return keys;
}

function refuse(name: string, kind: Kind, reason: string, cause?: unknown): EncroCamError {
  return new EncroCamError('KEY_UNREADABLE', `Cannot read a ${kind} OpenPGP key from ${name}: ${reason}.`, {
    hint:
      kind === 'public'
        ? 'Export it with: gpg --armor --export KEY > FILE'
        : 'Export it with: gpg --armor --export-secret-keys KEY > FILE',
    cause,
  });
}
