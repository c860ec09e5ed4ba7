/** Opens key packets: takes off the encryption, checks whose signature is inside, and gives out the video key. */
import { createHash } from 'node:crypto';
import type { Key } from 'openpgp';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import type { MessageDecrypter } from './decrypter.ts';
import type { Fingerprint } from './keys.ts';
import { notAuthentic, verifySigned } from './verify.ts';

export interface KeyOpener {
  /**
   * The 16-byte video key in a key packet's message.
   * @throws {EncroCamError} `NOT_AUTHENTIC`, `DECRYPTION_FAILED`: another key packet may still open.
   *   `KEY_LOCKED`, `PROGRAM_MISSING`: none will.
   */
  open(message: Uint8Array): Promise<OpenedKey>;
}

export interface OpenedKey {
  readonly key: Buffer;
  readonly signedBy: Fingerprint;
}

const videoKeyBytes = 16;

/** Opens each message afresh; see {@link cachingOpener}. */
export function createKeyOpener(decrypter: MessageDecrypter, trusted: Key): KeyOpener {
  return {
    async open(message) {
      const signed = await decrypter.decrypt(message);
      const { content, signedBy } = await verifySigned(signed, trusted);
      if (content.length !== videoKeyBytes) {
        throw notAuthentic(`it holds ${content.length} bytes instead of a key's ${videoKeyBytes}`);
      }
      return { key: Buffer.from(content), signedBy };
    },
  };
}

/**
 * Most key packets in a row that are tried in vain. A file made of nothing but key packets would otherwise keep
 * gpg, or a smart card at a second each, busy for weeks.
 */
export const maxFailuresInARow = 32;
/** Messages whose outcome is remembered; a recording has one at each start of the recorder. */
const maxRemembered = 4096;

/** Opens each message once, and gives up on new ones after {@link maxFailuresInARow} failures. */
export function cachingOpener(opener: KeyOpener): KeyOpener {
  const outcomes = new Map<string, OpenedKey | EncroCamError>();
  let failuresInARow = 0;
  const remember = (id: string, outcome: OpenedKey | EncroCamError): void => {
    const [oldest] = outcomes.keys();
    if (outcomes.size >= maxRemembered && oldest !== undefined) outcomes.delete(oldest);
    outcomes.set(id, outcome);
  };
  return {
    async open(message) {
      const id = createHash('sha256').update(message).digest('base64');
      const known = outcomes.get(id);
      if (known instanceof EncroCamError) throw known;
      if (known) return known;
      if (failuresInARow >= maxFailuresInARow) {
        throw new EncroCamError(
          'DECRYPTION_FAILED',
          `${maxFailuresInARow} key packets in a row could not be used: no more are tried.`,
          { hint: 'The recording was tampered with, or is for another owner. Use --from to start after it.' },
        );
      }
      try {
        const opened = await opener.open(message);
        failuresInARow = 0;
        remember(id, opened);
        return opened;
      } catch (error) {
        if (isEncroCamError(error, 'NOT_AUTHENTIC', 'DECRYPTION_FAILED')) {
          failuresInARow += 1;
          remember(id, error);
        }
        throw error;
      }
    },
  };
}
