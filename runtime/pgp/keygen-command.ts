/** `encrocam keygen`: see the help text. */
import { lstat, unlink, writeFile } from 'node:fs/promises';
import type { Command } from '../commands.ts';
import { EncroCamError, messageOf, systemErrorCode } from '../errors.ts';
import { printable } from '../log.ts';
import { type Fingerprint, fingerprintOf } from './keys.ts';

const help = `Usage: encrocam keygen --out NAME [--name TEXT]

Makes a key with which a camera signs what it records, in two new files:

  NAME.secret.asc   stays on the camera (setting signing.key); it has no passphrase
  NAME.public.asc   keep a copy at home: --signed-by checks recordings against it

  --out NAME    beginning of the files' names, with a directory if you like
  --name TEXT   what the key is called in gpg and the like (default: EncroCam)

Existing files are never overwritten.
`;

export const command: Command = {
  help,
  options: { out: { type: 'string' }, name: { type: 'string', default: 'EncroCam' } },
  async run(args) {
    const { out, name } = args.values;
    if (typeof out !== 'string' || out === '' || args.positionals.length > 0) {
      throw new EncroCamError('USAGE', 'Say what the key files shall be called: --out NAME.', {
        hint: 'For example: encrocam keygen --out camera',
      });
    }
    const made = await makeKeyFiles(out, String(name));
    process.stdout.write(`Made a signing key.

  Fingerprint   ${made.fingerprint.match(/.{1,4}/g)?.join(' ')}
  Secret key    ${printable(made.secretFile)}   (for the camera alone: setting signing.key)
  Public key    ${printable(made.publicFile)}   (keep a copy at home)

Write the fingerprint down, or keep the public key, where nobody who visits the camera gets at it: without one
of them, nobody can tell its recordings from forged ones. To watch: --signed-by ${printable(made.publicFile)}
`);
    return 0;
  },
};

export interface KeyFiles {
  readonly secretFile: string;
  readonly publicFile: string;
  readonly fingerprint: Fingerprint;
}

/** @throws {EncroCamError} `INPUT_UNREADABLE` if a file exists or cannot be written. */
export async function makeKeyFiles(out: string, name: string): Promise<KeyFiles> {
  const secretFile = `${out}.secret.asc`;
  const publicFile = `${out}.public.asc`;
  // Before the work, for a good message; the writing itself refuses as well.
  for (const file of [secretFile, publicFile]) await refuseExisting(file);
  const { generateKey, readKey } = await import('openpgp');
  const { privateKey, publicKey } = await generateKey({
    // The one kind that openpgp and gpg from 2.2 on both know.
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name }],
    // It signs and does nothing else: no subkey for encryption.
    subkeys: [],
    format: 'armored',
  });
  await writeNew(secretFile, privateKey, 0o600);
  try {
    await writeNew(publicFile, publicKey, 0o644);
  } catch (error) {
    // Half a pair would only stand in the way of the next try.
    await unlink(secretFile);
    throw error;
  }
  return { secretFile, publicFile, fingerprint: fingerprintOf(await readKey({ armoredKey: publicKey })) };
}

async function refuseExisting(file: string): Promise<void> {
  try {
    await lstat(file);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw unwritable(file, error);
  }
  throw unwritable(file, new Error('it exists already'));
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx', mode, flush: true });
  } catch (error) {
    throw unwritable(file, error);
  }
}

function unwritable(file: string, error: unknown): EncroCamError {
  return new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(file)}: ${messageOf(error)}.`, {
    hint: 'Choose another name with --out; keys are never overwritten.',
    cause: error,
  });
}
