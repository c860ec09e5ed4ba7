/** The sealed field `wrapped`: a run's secret for one recipient with a symmetric key. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { FormatError, label, nonceBytes, secretBytes } from './format.ts';
import { wrappedBytes } from './header.ts';

export const symmetricIdBytes = 16;
export const symmetricKeyBytes = 32;
const tagLength = 16;

/** @param nonce random; never the same twice under one key. */
export function wrapSecret(
  secret: Uint8Array,
  runId: Uint8Array,
  recipient: { readonly id: Uint8Array; readonly key: Uint8Array },
  nonce: Uint8Array = randomBytes(nonceBytes),
): Buffer {
  if (secret.length !== secretBytes || recipient.id.length !== symmetricIdBytes) {
    throw new FormatError('a secret or an id has another length');
  }
  const cipher = createCipheriv('aes-256-gcm', recipient.key, nonce);
  cipher.setAAD(associated(runId));
  return Buffer.concat([recipient.id, nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
}

/** Whose key it is for. */
export function idOfWrapped(wrapped: Buffer): Buffer {
  return wrapped.subarray(0, symmetricIdBytes);
}

/** @returns the run's secret; `undefined` if it was not wrapped with this key for this run. */
export function unwrapSecret(wrapped: Buffer, runId: Uint8Array, key: Uint8Array): Buffer | undefined {
  if (wrapped.length !== wrappedBytes) throw new FormatError('a wrapped secret has another length');
  const start = symmetricIdBytes + nonceBytes;
  const decipher = createDecipheriv('aes-256-gcm', key, wrapped.subarray(symmetricIdBytes, start), {
    authTagLength: tagLength,
  });
  decipher.setAAD(associated(runId));
  decipher.setAuthTag(wrapped.subarray(-tagLength));
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(start, -tagLength)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function associated(runId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(label.wrap), runId]);
}
