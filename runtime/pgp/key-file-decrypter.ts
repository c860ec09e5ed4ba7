/** Decrypts key packets with a secret key from a file, for owners without gpg. */
import { decryptKey, config as defaults, type KeyID, type PrivateKey, readMessage } from 'openpgp';
import { EncroCamError, messageOf } from '../errors.ts';
import { type MessageDecrypter, maxSignedBytes, NoSecretKeyError } from './decrypter.ts';
import { fingerprintOf, readSecretKeyFile } from './keys.ts';

/** Gives the passphrase for what `prompt` says, or throws `KEY_LOCKED`. */
export type AskPassphrase = (prompt: string) => Promise<string>;

/**
 * @param ask called once for each key in the file that has a passphrase.
 * @throws {EncroCamError} `KEY_UNREADABLE`, `KEY_LOCKED`
 */
export async function keyFileDecrypter(file: string, ask: AskPassphrase): Promise<MessageDecrypter> {
  const keys: PrivateKey[] = [];
  for (const key of await readSecretKeyFile(file)) keys.push(await unlock(key, file, ask));
  const known = new Set(keys.flatMap((key) => key.getKeyIDs().map((id) => id.toHex())));
  return {
    async decrypt(bytes, maxBytes = maxSignedBytes) {
      try {
        const message = await readMessage({ binaryMessage: bytes });
        const recipients = message.getEncryptionKeyIDs();
        if (!recipients.some((id) => isAnonymous(id) || known.has(id.toHex()))) {
          throw new NoSecretKeyError(`${file} holds`);
        }
        // Compression is the one thing by which 64 KiB could grow.
        const config = { ...defaults, maxDecompressedMessageSize: maxBytes };
        return await message.decrypt(keys, undefined, undefined, undefined, config);
      } catch (error) {
        if (error instanceof EncroCamError) throw error;
        throw new EncroCamError(
          'DECRYPTION_FAILED',
          `A key packet cannot be decrypted: ${messageOf(error)}.`,
          {
            hint: 'It is damaged: try another copy of this recording, on the disk or on the drive.',
            cause: error,
          },
        );
      }
    },
  };
}

/** Whether the recipient is left out, as with gpg's --hidden-recipient. */
function isAnonymous(id: KeyID): boolean {
  return /^0+$/.test(id.toHex());
}

async function unlock(key: PrivateKey, file: string, ask: AskPassphrase): Promise<PrivateKey> {
  if (key.isDecrypted()) return key;
  const passphrase = await ask(`Passphrase for ${fingerprintOf(key)} in ${file}: `);
  try {
    return await decryptKey({ privateKey: key, passphrase });
  } catch (error) {
    throw new EncroCamError('KEY_LOCKED', `The passphrase for ${file} is wrong.`, {
      hint: 'Try again, or set ENCROCAM_PASSPHRASE.',
      cause: error,
    });
  }
}
