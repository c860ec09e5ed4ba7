/** The key that signs a run, and is erased when it ends: Ed25519, RFC 8032. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { FormatError, runKeyBytes } from './format.ts';

/** What stands before the 32 bytes of an Ed25519 key in a SubjectPublicKeyInfo: RFC 8410. */
const publicKeyPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export interface RunKey {
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Buffer;
}

export function makeRunKey(): RunKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { privateKey, publicKey: exportRunKey(publicKey) };
}

export function exportRunKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(publicKeyPrefix.length);
}

/** @throws {FormatError} for another number of bytes than 32. */
export function importRunKey(bytes: Buffer): KeyObject {
  if (bytes.length !== runKeyBytes) throw new FormatError(`a run's key has ${runKeyBytes} bytes`);
  return createPublicKey({ key: Buffer.concat([publicKeyPrefix, bytes]), type: 'spki', format: 'der' });
}
