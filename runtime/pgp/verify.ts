/**
 * Judges whether a signed message is the camera's. The one place that does, whatever decrypted the message.
 *
 * The signature counts if it was made by the trusted primary key or a signing subkey of it that was valid when
 * the signature says it was made: recordings stay playable after the key has expired. A key revoked as
 * compromised counts no longer, whatever the dates. Signatures that seem to come from the future count: the
 * clock of a camera without a battery may be ahead, and the owner's may be behind.
 */
import { type Key, readMessage, verify } from 'openpgp';
import { EncroCamError, messageOf } from '../errors.ts';
import { maxSignedBytes, type SignedMessage } from './decrypter.ts';
import { type Fingerprint, fingerprintOf } from './keys.ts';

/** Later than every signature; only the check against the future depends on it. */
export const endOfTime = new Date(Date.UTC(9999, 11, 31));

export interface SignedContent {
  readonly content: Uint8Array;
  readonly signedBy: Fingerprint;
}

/**
 * The content of a message with exactly one signature, made by `trusted`.
 * @throws {EncroCamError} `NOT_AUTHENTIC` for everything else.
 */
export async function verifySigned(signed: SignedMessage, trusted: Key): Promise<SignedContent> {
  const config = { maxDecompressedMessageSize: maxSignedBytes };
  let message: Exclude<SignedMessage, Uint8Array>;
  try {
    message = signed instanceof Uint8Array ? await readMessage({ binaryMessage: signed, config }) : signed;
  } catch (error) {
    throw notAuthentic(`it holds no signed message (${messageOf(error)})`, error);
  }
  try {
    const { data, signatures } = await verify({
      message,
      verificationKeys: trusted,
      format: 'binary',
      date: endOfTime,
      config,
    });
    const [signature, second] = signatures;
    if (!signature) throw notAuthentic('it is not signed');
    if (second) throw notAuthentic('it is signed more than once');
    await signature.verified;
    return { content: data, signedBy: fingerprintOf(trusted) };
  } catch (error) {
    if (error instanceof EncroCamError) throw error;
    throw notAuthentic(messageOf(error), error);
  }
}

export function notAuthentic(reason: string, cause?: unknown): EncroCamError {
  return new EncroCamError('NOT_AUTHENTIC', `A key packet is not from the trusted camera: ${reason}.`, {
    hint: 'Check --signed-by. If it is right, somebody else made this recording, or this part of it.',
    cause,
  });
}
