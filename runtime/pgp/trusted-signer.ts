/** Finds the public key that `--signed-by` means. */
import type { Key } from 'openpgp';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import { type GpgOptions, runGpg } from './gpg.ts';
import { type Fingerprint, fingerprintOf, parseFingerprint, readPublicKeyFile } from './keys.ts';

/**
 * @param text a fingerprint (the key is then exported from the owner's gpg), or a file with one public key.
 * @throws {EncroCamError} `SIGNER_UNKNOWN`, `KEY_UNREADABLE`
 */
export async function findTrustedSigner(text: string, gpg: GpgOptions = {}): Promise<Key> {
  const fingerprint = parseFingerprint(text);
  if (fingerprint !== undefined) return exportedKey(fingerprint, gpg);
  const keys = await readPublicKeyFile(text);
  const [key, second] = keys;
  if (!key || second) {
    throw new EncroCamError('SIGNER_UNKNOWN', `${text} holds ${keys.length} public keys instead of one.`, {
      hint: "Export the camera's key alone: gpg --armor --export FINGERPRINT > camera.public.asc",
    });
  }
  return key;
}

async function exportedKey(fingerprint: Fingerprint, gpg: GpgOptions): Promise<Key> {
  const unknown = (reason: string, cause?: unknown): EncroCamError =>
    new EncroCamError('SIGNER_UNKNOWN', `The public key ${fingerprint} was not found: ${reason}.`, {
      hint: 'Give its file instead: --signed-by camera.public.asc; or import it: gpg --import camera.public.asc',
      cause,
    });
  let output: Buffer;
  try {
    ({ output } = await runGpg(['--export', fingerprint], new Uint8Array(), gpg));
  } catch (error) {
    if (isEncroCamError(error, 'PROGRAM_MISSING')) throw unknown('gpg is not installed', error);
    throw error;
  }
  if (output.length === 0) throw unknown('gpg does not have it');
  const { readKeys } = await import('openpgp');
  let keys: Key[];
  try {
    keys = await readKeys({ binaryKeys: output });
  } catch (error) {
    throw unknown('what gpg exported cannot be read', error);
  }
  // gpg also takes a subkey's fingerprint; trust is in the primary key that was named.
  const key = keys.find((candidate) => fingerprintOf(candidate) === fingerprint);
  if (!key) throw unknown('it is no primary key');
  return key.toPublic();
}
