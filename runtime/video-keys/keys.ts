/**
 * The keys of an owner without OpenPGP, as `docs/ref/ledger.md` has them: the key-encryption key, video keys and their ids, and
 * video keys on their way to the camera. Pure; camera and owner use the same.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { EncroCamError } from '../errors.ts';

export const videoKeyBytes = 32;
export const videoKeyIdBytes = 16;
export const keyEncryptionKeyBytes = 32;
export const saltBytes = 16;
export const addressBytes = 20;
/** Counter, purpose, padding, key; and what AES-KW adds. */
export const wrappedKeyBytes = 8 + 8 + videoKeyBytes + 8;

const purposeCodes = { recordings: 1, live: 2 } as const;
/** What a video key opens. */
export type Purpose = keyof typeof purposeCodes;
export const purposes = ['recordings', 'live'] as const satisfies readonly Purpose[];

export interface VideoKey {
  readonly purpose: Purpose;
  /** 1 for the first one; a camera takes only larger ones than before. At most 2^53 − 1. */
  readonly counter: number;
  /** 32 bytes. */
  readonly key: Buffer;
}

/**
 * The key that video keys of one camera are wrapped under.
 * @param privateKey the owner's wallet's, 32 bytes.
 * @param salt 16 bytes, chosen at the pairing.
 * @param owner the wallet's address, 20 bytes.
 */
export function keyEncryptionKey(privateKey: Uint8Array, salt: Uint8Array, owner: Uint8Array): Buffer {
  requireLength(privateKey, 32, "the wallet's private key");
  requireLength(salt, saltBytes, 'the salt');
  requireLength(owner, addressBytes, "the owner's address");
  const info = Buffer.concat([Buffer.from('EncroCam key-encryption key\0'), owner]);
  return Buffer.from(hkdfSync('sha256', privateKey, salt, info, keyEncryptionKeyBytes));
}

/** By which a header names a video key. */
export function videoKeyId(key: Uint8Array): Buffer {
  requireLength(key, videoKeyBytes, 'a video key');
  return createHash('sha256')
    .update('EncroCam video key\0')
    .update(key)
    .digest()
    .subarray(0, videoKeyIdBytes);
}

/** @param kek the key-encryption key. */
export function wrapVideoKey(kek: Uint8Array, { purpose, counter, key }: VideoKey): Buffer {
  requireLength(kek, keyEncryptionKeyBytes, 'a key-encryption key');
  requireLength(key, videoKeyBytes, 'a video key');
  if (!isCounter(counter)) throw new RangeError(`no such counter: ${counter}`);
  const plain = Buffer.alloc(8 + 8 + videoKeyBytes);
  plain.writeBigUInt64BE(BigInt(counter));
  plain.writeUInt8(purposeCodes[purpose], 8);
  plain.set(key, 16);
  const cipher = createCipheriv(wrapAlgorithm, kek, wrapInitial);
  const wrapped = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  return wrapped;
}

/**
 * The video key, if whoever wrapped it had the key-encryption key. Whether its counter may be taken is another question.
 * @throws {EncroCamError} `NOT_AUTHENTIC`
 */
export function unwrapVideoKey(kek: Uint8Array, wrapped: Uint8Array): VideoKey {
  requireLength(kek, keyEncryptionKeyBytes, 'a key-encryption key');
  const plain = unwrap(kek, wrapped);
  const counter = plain && Number(plain.readBigUInt64BE());
  const purpose = plain && purposes.find((name) => purposeCodes[name] === plain[8]);
  const isPadded = plain?.subarray(9, 16).every((byte) => byte === 0);
  if (!plain || !purpose || !isPadded || !isCounter(counter)) {
    throw new EncroCamError('NOT_AUTHENTIC', 'A wrapped video key is not from the owner of this camera.', {
      hint: 'It was changed on its way, is for another camera, or somebody else made it.',
    });
  }
  return { purpose, counter, key: plain.subarray(16) };
}

/** OpenSSL's name of AES-KW. */
const wrapAlgorithm = 'id-aes256-wrap';
/** RFC 3394, 2.2.3.1. */
const wrapInitial = Buffer.alloc(8, 0xa6);

function unwrap(kek: Uint8Array, wrapped: Uint8Array): Buffer | undefined {
  if (wrapped.length !== wrappedKeyBytes) return undefined;
  try {
    const decipher = createDecipheriv(wrapAlgorithm, kek, wrapInitial);
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    return undefined;
  }
}

export function isCounter(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what} has ${length} bytes, not ${bytes.length}`);
}
