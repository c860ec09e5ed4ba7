/**
 * Decrypts key packets with the owner's gpg. `--unwrap` makes it take off the encryption only and leave the
 * signed message inside as it is, so that the signature can be checked against a public key that need not be in
 * the owner's key ring, and without touching that key ring.
 */
import { EncroCamError } from '../errors.ts';
import { type MessageDecrypter, maxSignedBytes, NoSecretKeyError } from './decrypter.ts';
import { type GpgOptions, runGpg } from './gpg.ts';

export function gpgDecrypter(options: GpgOptions = {}): MessageDecrypter {
  return {
    async decrypt(message, maxBytes = maxSignedBytes) {
      const { exitCode, output, status } = await runGpg(
        ['--max-output', String(maxBytes), '--decrypt', '--unwrap'],
        message,
        options,
      );
      const problem = decryptionProblem(status, exitCode);
      if (problem) throw problem;
      return output;
    },
  };
}

/** libgpg-error's codes for a secret key that is there but was not unlocked. */
const lockedCodes: ReadonlySet<number> = new Set([
  11, // bad passphrase
  31, // no passphrase
  85,
  86, // no pinentry, pinentry failed
  87,
  88, // bad PIN, PIN blocked
  99,
  198, // cancelled
  177, // no passphrase was given
]);

/** What gpg's status lines and exit code say went wrong; `undefined` if nothing did. */
function decryptionProblem(
  status: readonly string[],
  exitCode: number | undefined,
): EncroCamError | undefined {
  const has = (keyword: string): boolean =>
    status.some((line) => line === keyword || line.startsWith(`${keyword} `));
  // GOODMDC: integrity-protected. gpg 2.2 and later fail without; asked for here so that it stays so.
  if (exitCode === 0 && has('DECRYPTION_OKAY') && has('GOODMDC') && !has('DECRYPTION_FAILED'))
    return undefined;
  const codes = status
    .map((line) => /^ERROR \S+ (\d+)/.exec(line)?.[1])
    .filter((code) => code !== undefined)
    // The lower 16 bits are the code, the upper ones say which part of gpg gave it.
    .map((code) => Number(code) % 0x10000);
  if (codes.some((code) => lockedCodes.has(code))) {
    return new EncroCamError('KEY_LOCKED', 'gpg did not get the secret key unlocked.', {
      hint: 'Try again; on a terminal without a desktop, first run: export GPG_TTY=$(tty)',
    });
  }
  if (has('NO_SECKEY')) return new NoSecretKeyError('gpg has');
  return new EncroCamError('DECRYPTION_FAILED', 'gpg cannot decrypt a key packet: it is damaged.', {
    hint: 'Try another copy of this recording: the one on the disk, or the one on the drive.',
  });
}
