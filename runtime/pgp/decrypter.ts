import type { MaybeStream, Message } from 'openpgp';
import { EncroCamError } from '../errors.ts';

/** An OpenPGP message, parsed or not. */
export type SignedMessage = Uint8Array | Message<MaybeStream<Uint8Array | string>>;

/**
 * Takes the encryption off a key packet's message. What comes out is the signed OpenPGP message inside: nothing
 * of it is believed before `verify.ts` has seen it.
 */
export interface MessageDecrypter {
  /**
   * @param maxBytes most that may come out. Default: {@link maxSignedBytes}.
   * @throws {EncroCamError} `KEY_LOCKED`, `PROGRAM_MISSING`: it makes no sense to go on.
   *   `DECRYPTION_FAILED`: this message cannot be decrypted; {@link NoSecretKeyError} if it is for somebody else.
   */
  decrypt(message: Uint8Array, maxBytes?: number): Promise<SignedMessage>;
}

/** A signed message with 16 bytes in it stays below 1.5 KiB even with RSA-16384. */
export const maxSignedBytes: number = 16 * 1024;

const defaultHint = 'Insert the smart card, import the secret key into gpg, or give its file with --key.';

/** None of the secret keys at hand is one of the message's recipients. */
export class NoSecretKeyError extends EncroCamError {
  /** @param who the beginning of the sentence: who has no key. */
  constructor(who: string, { hint = defaultHint } = {}) {
    super('DECRYPTION_FAILED', `${who} no secret key for this recording.`, { hint });
  }
}
