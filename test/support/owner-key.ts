import { writeFile } from 'node:fs/promises';
import { generateKey } from 'openpgp';

/** A throwaway OpenPGP key pair of an owner, without a passphrase, that every gpg since 2.2 can import. */
export async function makeOwnerKey(publicFile: string, secretFile: string): Promise<void> {
  const { publicKey, privateKey } = await generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name: 'EncroCam test owner' }],
    format: 'armored',
  });
  await writeFile(publicFile, publicKey);
  await writeFile(secretFile, privateKey, { mode: 0o600 });
}
