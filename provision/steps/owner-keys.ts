/**
 * The owner's public keys, checked and written to the config volume, one file each: what is not exactly one key, has
 * another fingerprint than the one given, or cannot encrypt, is refused before the camera records anything for it.
 */
import type { Key } from 'openpgp';
import { EncroCamError, isEncroCamError, messageOf } from '../../runtime/errors.ts';
import { fingerprintOf, parseFingerprint, readPublicKeyFile } from '../../runtime/pgp/keys.ts';
import type { OwnerKey } from '../answers/types.ts';
import { paths } from '../place.ts';
import type { System } from '../system.ts';
import type { Step } from './step.ts';

/** Names of the key files, as the configuration lists them. */
export function ownerKeyFiles(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `owner-${index + 1}.asc`);
}

const owner = { user: 'root', group: 'encrocam' };

export const ownerKeysStep: Step = {
  id: 'owner-keys',
  title: "Checking the owner's keys",
  async isDone({ system, answers }) {
    const keys = answers.owner?.keys ?? [];
    const files = ownerKeyFiles(keys.length);
    for (const [index, key] of keys.entries()) {
      if (!(await isInPlace(system, `${paths.config}/${files[index]}`, key))) return false;
    }
    return true;
  },
  async run({ system, answers, fetchOwnerKey, reporter, signal }) {
    const keys = answers.owner?.keys ?? [];
    const files = ownerKeyFiles(keys.length);
    for (const [index, source] of keys.entries()) {
      const key = await readOwnerKey(await fetchOwnerKey(source, signal), source);
      await system.write(`${paths.config}/${files[index]}`, key.toPublic().armor(), { mode: 0o640, owner });
      reporter.note(`Recordings are encrypted for ${fingerprintOf(key)}.`);
    }
  },
};

/**
 * The one key in `material` (armored or binary), if it may be an owner's.
 * @throws {EncroCamError} `KEY_UNREADABLE`, `KEY_UNUSABLE`
 */
export async function readOwnerKey(
  material: string | Uint8Array,
  source: OwnerKey,
  now = new Date(),
): Promise<Key> {
  const { readKeys } = await import('openpgp');
  const name = describe(source);
  let keys: Key[];
  try {
    const armored = typeof material === 'string' ? material : Buffer.from(material).toString('latin1');
    keys = await (armored.includes('-----BEGIN PGP')
      ? readKeys({ armoredKeys: armored })
      : readKeys({ binaryKeys: typeof material === 'string' ? Buffer.from(material) : material }));
  } catch (error) {
    throw unreadable(name, messageOf(error), error);
  }
  const wanted = source.fingerprint === undefined ? undefined : parseFingerprint(source.fingerprint);
  const matching = wanted === undefined ? keys : keys.filter((key) => fingerprintOf(key) === wanted);
  const [key, second] = matching;
  if (!key) {
    const found = keys.map((other) => fingerprintOf(other)).join(', ') || 'no key';
    throw unreadable(name, `it holds ${found} instead of ${wanted ?? 'a key'}`);
  }
  if (second) throw unreadable(name, `it holds ${keys.length} keys: say which by its fingerprint`);
  // A camera without a battery may believe that it is before the key was made.
  const date = new Date(Math.max(now.getTime(), key.getCreationTime().getTime() + 1000));
  await key.getEncryptionKey(undefined, date).catch((error: unknown) => {
    throw new EncroCamError('KEY_UNUSABLE', `The owner's key ${name} cannot encrypt: ${messageOf(error)}.`, {
      hint: 'It may be expired or revoked, or only be for signing: export a current one.',
      cause: error,
    });
  });
  return key.toPublic();
}

async function isInPlace(system: System, file: string, source: OwnerKey): Promise<boolean> {
  // Text and files may change between two attempts without a fingerprint telling so; reading them again is cheap.
  if (source.fingerprint === undefined || !(await system.exists(file))) return false;
  try {
    const keys = await readPublicKeyFile(system.at(file));
    return (
      keys.length === 1 &&
      keys[0] !== undefined &&
      fingerprintOf(keys[0]) === parseFingerprint(source.fingerprint)
    );
  } catch (error) {
    if (isEncroCamError(error, 'KEY_UNREADABLE')) return false;
    throw error;
  }
}

function describe(source: OwnerKey): string {
  switch (source.from) {
    case 'text':
      return 'given as text';
    case 'file':
      return `in the file ${source.file}`;
    case 'url':
      return `from ${source.url}`;
    case 'wkd':
      return `of ${source.address}`;
  }
}

function unreadable(name: string, reason: string, cause?: unknown): EncroCamError {
  return new EncroCamError('KEY_UNREADABLE', `The owner's key ${name} cannot be used: ${reason}.`, {
    hint: 'Export it with: gpg --armor --export YOUR@ADDRESS',
    cause,
  });
}
