/** Shares as people pass them on: encrypted to somebody's OpenPGP key, or as a link. */
import { readFile, stat } from 'node:fs/promises';
import { createMessage, encrypt, type Key, readMessage, unarmor } from 'openpgp';
import { FormatError } from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { localTime, printable } from '../log.ts';
import { type MessageDecrypter, NoSecretKeyError } from '../pgp/decrypter.ts';
import { type Fingerprint, fingerprintOf, readPublicKeyFile } from '../pgp/keys.ts';
import { type Capability, decodeCapability, maxCapabilityBytes } from './capability.ts';
import { bytesInLink, isShareLink, withoutSecret } from './link.ts';

/** Armor takes a third more than the share, and each receiver some hundred bytes. */
const maxFileBytes = 2 * maxCapabilityBytes;

/**
 * The public keys in a file, each of which can be encrypted to now.
 * @throws {EncroCamError} `KEY_UNREADABLE`, `KEY_UNUSABLE`
 */
export async function receiversIn(file: string): Promise<Key[]> {
  const keys = await readPublicKeyFile(file);
  for (const key of keys) {
    await key.getEncryptionKey().catch((error: unknown) => {
      throw new EncroCamError(
        'KEY_UNUSABLE',
        `The key ${fingerprintOf(key)} in ${printable(file)} cannot encrypt: ${messageOf(error)}.`,
        {
          hint: 'It may be expired or revoked, or only be for signing: ask for a current one.',
          cause: error,
        },
      );
    });
  }
  return keys;
}

/** An armored OpenPGP message. Not signed: `docs/ref/share.md` says why. */
export async function encryptShare(share: Buffer, receivers: readonly Key[]): Promise<string> {
  return encrypt({ message: await createMessage({ binary: share }), encryptionKeys: [...receivers] });
}

export interface ReadShareOptions {
  /** Asked for only if the share is encrypted. */
  readonly decrypter: () => Promise<MessageDecrypter>;
  /** The camera that is trusted. */
  readonly trusted: Key;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * @param text a link, or the name of a file with one, or with a share that is encrypted.
 * @throws {EncroCamError} `SHARE_UNREADABLE`, `SHARE_EXPIRED`, `INPUT_UNREADABLE`; `NOT_AUTHENTIC` if it is for another
 *   camera's recordings; and what opening a secret key throws.
 */
export async function readShare(text: string, options: ReadShareOptions): Promise<Capability> {
  const capability = decoded(await bytesOf(text, options.decrypter));
  const camera = capability.camera.toString('hex').toUpperCase() as Fingerprint;
  if (camera !== fingerprintOf(options.trusted)) {
    throw new EncroCamError('NOT_AUTHENTIC', `This share is for recordings of another camera: ${camera}.`, {
      hint: "Give that camera's key with --signed-by, if you trust it.",
    });
  }
  const { expiresMs } = capability;
  if (expiresMs !== undefined && options.nowMs >= expiresMs) {
    throw new EncroCamError('SHARE_EXPIRED', `This share expired at ${localTime(new Date(expiresMs))}.`, {
      hint: 'Ask whoever shared it for another one.',
    });
  }
  return capability;
}

async function bytesOf(text: string, decrypter: ReadShareOptions['decrypter']): Promise<Buffer> {
  if (isShareLink(text)) return fromLink(text);
  const content = await contentOf(text);
  const asText = content.toString('latin1');
  if (isShareLink(asText)) return fromLink(asText);
  return decryptShare(await binaryMessage(content, asText), await decrypter());
}

async function contentOf(file: string): Promise<Buffer> {
  try {
    if ((await stat(file)).size <= maxFileBytes) return await readFile(file);
  } catch (error) {
    // The system's own message names the file, and a link may have been taken for one: it is no cause to be shown either.
    throw unreadableFile(file, systemErrorCode(error) ?? 'it cannot be opened');
  }
  throw unreadableFile(file, 'it is too large for a share');
}

function unreadableFile(file: string, reason: string): EncroCamError {
  return new EncroCamError('INPUT_UNREADABLE', `Cannot read ${printable(withoutSecret(file))}: ${reason}.`, {
    hint: '--share takes a file with a share, or a link.',
  });
}

async function binaryMessage(content: Buffer, asText: string): Promise<Uint8Array> {
  if (!asText.includes('-----BEGIN PGP')) return content;
  try {
    const { data } = (await unarmor(asText)) as { data: Uint8Array };
    return data;
  } catch (error) {
    throw unreadable(messageOf(error), error);
  }
}

async function decryptShare(message: Uint8Array, decrypter: MessageDecrypter): Promise<Buffer> {
  try {
    const decrypted = await decrypter.decrypt(message, maxFileBytes);
    const config = { maxDecompressedMessageSize: maxFileBytes };
    const opened =
      decrypted instanceof Uint8Array ? await readMessage({ binaryMessage: decrypted, config }) : decrypted;
    return Buffer.from((opened.getLiteralData() as Uint8Array | null) ?? new Uint8Array());
  } catch (error) {
    if (error instanceof NoSecretKeyError) {
      throw new EncroCamError('SHARE_UNREADABLE', 'This share is for another secret key than yours.', {
        hint: 'Insert the smart card, import your secret key into gpg, or give its file with --key.',
        cause: error,
      });
    }
    if (isEncroCamError(error) && error.code !== 'DECRYPTION_FAILED') throw error;
    throw unreadable('it cannot be decrypted', error);
  }
}

function fromLink(text: string): Buffer {
  try {
    return bytesInLink(text);
  } catch (error) {
    throw refused(error);
  }
}

function decoded(bytes: Buffer): Capability {
  try {
    return decodeCapability(bytes);
  } catch (error) {
    throw refused(error);
  }
}

function refused(error: unknown): unknown {
  return error instanceof FormatError ? unreadable(error.message, error) : error;
}

function unreadable(reason: string, cause: unknown): EncroCamError {
  return new EncroCamError('SHARE_UNREADABLE', `This share cannot be read: ${reason}.`, {
    hint: 'Copy it once more, and all of it; or ask whoever shared it to send it again.',
    cause,
  });
}
