import { createMessage, encrypt, type Key, type PrivateKey } from 'openpgp';
import { EncroCamError, messageOf } from '../errors.ts';
import { fingerprintOf, readPublicKeyFile, readSecretKeyFile } from './keys.ts';

/** Who may read what a camera seals, and who says that it was the camera. */
export interface SealingKeys {
  readonly recipients: readonly Key[];
  readonly signer: PrivateKey;
}

/**
 * The time that a message claims to be made at: now, but never before its keys were. A board without a battery wakes
 * up in the past; it must record all the same, and a signature from before its key would never be believed.
 */
export function sealingTime(
  keys: Pick<SealingKeys, 'recipients'> & Partial<SealingKeys>,
  now = new Date(),
): Date {
  const made = [...keys.recipients, ...(keys.signer ? [keys.signer] : [])]
    .flatMap((key) => [key, ...key.getSubkeys()])
    .map((key) => key.getCreationTime().getTime());
  return new Date(Math.max(now.getTime(), ...made));
}

/**
 * Reads the keys named in the configuration and checks that each can do what it must now.
 * @throws {EncroCamError} `KEY_UNREADABLE`, `KEY_UNUSABLE`, `KEY_LOCKED`; the message names the file.
 */
export async function loadSealingKeys(
  ownerFiles: readonly string[],
  signingFile: string,
  now = new Date(),
): Promise<SealingKeys> {
  const files = await Promise.all(
    ownerFiles.map(async (file) => ({ file, keys: await readPublicKeyFile(file) })),
  );
  const [signer, second] = await readSecretKeyFile(signingFile);
  if (!signer || second) {
    throw new EncroCamError('KEY_UNREADABLE', `${signingFile} must hold exactly one secret key.`, {
      hint: 'Make one with: encrocam keygen --out camera',
    });
  }
  if (!signer.isDecrypted()) {
    throw new EncroCamError('KEY_LOCKED', `The signing key in ${signingFile} has a passphrase.`, {
      hint: 'Use a key made for this camera alone, without one: encrocam keygen --out camera',
    });
  }
  const recipients = files.flatMap(({ keys }) => keys);
  const date = sealingTime({ recipients, signer }, now);
  for (const { file, keys } of files) {
    for (const key of keys) {
      await key.getEncryptionKey(undefined, date).catch((error: unknown) => {
        throw new EncroCamError(
          'KEY_UNUSABLE',
          `The owner's key ${fingerprintOf(key)} in ${file} cannot encrypt: ${messageOf(error)}.`,
          {
            hint: 'It may be expired or revoked, or only be for signing: export a current one.',
            cause: error,
          },
        );
      });
    }
  }
  await signer.getSigningKey(undefined, date).catch((error: unknown) => {
    throw new EncroCamError('KEY_UNUSABLE', `The key in ${signingFile} cannot sign: ${messageOf(error)}.`, {
      hint: 'It may be expired or revoked. Make one with: encrocam keygen --out camera',
      cause: error,
    });
  });
  return { recipients, signer };
}

/**
 * The OpenPGP message of a key packet: `secret`, signed by the camera and encrypted to every recipient.
 * @param secret the 16-byte video key.
 * @returns a binary message that gpg 2.2 and later can open.
 */
export async function seal(secret: Uint8Array, keys: SealingKeys, now = new Date()): Promise<Uint8Array> {
  const date = sealingTime(keys, now);
  return encrypt({
    message: await createMessage({ binary: secret, date }),
    encryptionKeys: [...keys.recipients],
    signingKeys: keys.signer,
    format: 'binary',
    date,
  });
}
