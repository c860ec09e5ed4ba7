/**
 * The camera's signing key: made here, or taken over. The secret half goes to the config volume and nowhere else;
 * it is written last, so that a key whose secret half is there is whole.
 */
import { EncroCamError } from '../../runtime/errors.ts';
import { makeKeyFiles } from '../../runtime/pgp/keygen-command.ts';
import { type Fingerprint, fingerprintOf, readSecretKeyFile } from '../../runtime/pgp/keys.ts';
import { paths } from '../place.ts';
import type { System } from '../system.ts';
import type { Step } from './step.ts';

export const signingKeyFile = 'camera.secret.asc';
const secretFile = `${paths.config}/${signingKeyFile}`;
const publicFile = `${paths.config}/camera.public.asc`;
const owner = { user: 'root', group: 'encrocam' };

export interface CameraKey {
  readonly fingerprint: Fingerprint;
  /** Armored. */
  readonly publicKey: string;
}

export const signingKeyStep: Step = {
  id: 'signing-key',
  title: 'Making the signing key',
  async isDone({ system, answers }) {
    const present = await system.readText(secretFile);
    if (present === undefined) return false;
    return answers.signing.from === 'generate' || present === answers.signing.secretKey;
  },
  async run({ system, answers }) {
    const { signing } = answers;
    if (signing.from === 'import') {
      const publicKey = await publicHalf(signing.secretKey);
      await system.write(publicFile, publicKey, { mode: 0o644 });
      await system.write(secretFile, signing.secretKey, { mode: 0o640, owner });
      return;
    }
    const fresh = `${paths.config}/provision/new`;
    // What an attempt that was cut off left behind.
    await system.remove(`${fresh}.secret.asc`);
    await system.remove(`${fresh}.public.asc`);
    await system.makeDirectory(`${paths.config}/provision`, { mode: 0o700 });
    await makeKeyFiles(system.at(fresh), `EncroCam ${answers.hostName}`);
    const secretKey = await system.readText(`${fresh}.secret.asc`);
    const publicKey = await system.readText(`${fresh}.public.asc`);
    if (secretKey === undefined || publicKey === undefined) throw new Error('no signing key was made');
    await system.write(publicFile, publicKey, { mode: 0o644 });
    await system.write(secretFile, secretKey, { mode: 0o640, owner });
    await system.remove(`${fresh}.secret.asc`);
    await system.remove(`${fresh}.public.asc`);
  },
};

/** The key that this camera signs with; the volume must be open. */
export async function readCameraKey(system: System): Promise<CameraKey> {
  const [key] = await readSecretKeyFile(system.at(secretFile));
  if (!key) throw new Error(`${secretFile} holds no key`);
  return { fingerprint: fingerprintOf(key), publicKey: key.toPublic().armor() };
}

async function publicHalf(armored: string): Promise<string> {
  const { readPrivateKey } = await import('openpgp');
  const key = await readPrivateKey({ armoredKey: armored }).catch((error: unknown) => {
    throw new EncroCamError('KEY_UNREADABLE', 'The signing key to import is no OpenPGP secret key.', {
      hint: 'Export it with: gpg --armor --export-secret-keys KEY',
      cause: error,
    });
  });
  if (!key.isDecrypted()) {
    throw new EncroCamError('KEY_LOCKED', 'The signing key to import has a passphrase.', {
      hint: 'Use a key made for this camera alone, without one: the config volume protects it.',
    });
  }
  await key.getSigningKey().catch((error: unknown) => {
    throw new EncroCamError('KEY_UNUSABLE', 'The signing key to import cannot sign.', {
      hint: 'It may be expired or revoked.',
      cause: error,
    });
  });
  return key.toPublic().armor();
}
