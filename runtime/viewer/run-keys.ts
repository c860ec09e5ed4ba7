/**
 * Where the keys of a run of EncroCrypt3 come from. Whoever watches asks once for each run; whether the camera signed the
 * run's header is another question, answered before this one.
 */
import type { Header, RunKeys } from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import { type MessageDecrypter, NoSecretKeyError } from '../pgp/decrypter.ts';
import { openRun } from '../pgp/open-run.ts';
import type { RunPart } from './known-runs.ts';

export interface RunKeySource {
  /**
   * What opens this run, or a part of it: its root, or the nodes that somebody was given.
   * @returns undefined if there is nothing for this run here; there may be for the next one.
   * @throws {EncroCamError} `NOT_AUTHENTIC`, `DECRYPTION_FAILED`: another header may still be opened.
   *   `KEY_LOCKED`, `PROGRAM_MISSING`: none will.
   */
  keysOf(header: Header): Promise<RunKeys | undefined>;
  /** Where somebody was given a part: all that may be put out of this run, in milliseconds since its start. Owners have none. */
  partOf?(header: Header): RunPart;
}

/** With the owner's secret OpenPGP key, from gpg or a file. */
export function ownerRunKeys(decrypter: MessageDecrypter): RunKeySource {
  return cachingRunKeys({
    async keysOf(header) {
      const keys = await openRun(header, decrypter);
      if (keys || header.sealed.wrapped.length === 0) return keys;
      throw new NoSecretKeyError('OpenPGP has', {
        hint: "This run is for an owner without OpenPGP alone: give the owner's key file with --owner.",
      });
    },
  });
}

/** As for key packets of EncroCrypt2: somebody's file of headers shall not keep a smart card busy for weeks. */
export const maxFailuresInARow = 32;
/** Runs whose outcome is remembered; a day of an hour's recordings has 24. */
const maxRemembered = 4096;

/** Asks once for each header, and gives up on new ones after {@link maxFailuresInARow} failures. */
export function cachingRunKeys(source: RunKeySource): RunKeySource {
  const outcomes = new Map<string, RunKeys | EncroCamError | undefined>();
  let failuresInARow = 0;
  const remember = (id: string, outcome: RunKeys | EncroCamError | undefined): void => {
    const [oldest] = outcomes.keys();
    if (outcomes.size >= maxRemembered && oldest !== undefined) outcomes.delete(oldest);
    outcomes.set(id, outcome);
  };
  return {
    async keysOf(header) {
      const id = header.hash.toString('base64');
      const known = outcomes.get(id);
      if (known instanceof EncroCamError) throw known;
      if (known || outcomes.has(id)) return known;
      if (failuresInARow >= maxFailuresInARow) {
        throw new EncroCamError(
          'DECRYPTION_FAILED',
          `${maxFailuresInARow} headers in a row could not be opened: no more are tried.`,
          { hint: 'The recording was tampered with, or is for another owner. Use --from to start after it.' },
        );
      }
      try {
        const keys = await source.keysOf(header);
        failuresInARow = 0;
        remember(id, keys);
        return keys;
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
