/**
 * Who may unlock over SSH: the keys given in the answers, and those in `authorized_keys` on the boot partition. Each
 * is bound to the unlock prompt in the key file itself, whatever sshd's configuration says.
 */
import { paths } from '../place.ts';
import type { System } from '../system.ts';

const ownKeysFile = `${paths.provision}/authorized_keys`;
export const unlockUser = 'unlock';
export const forcedCommand = '/usr/bin/encrocam console ssh';
/** More than anybody has; a file of another kind on the boot partition does not fill the disk. */
const maxKeys = 256;
const maxLineCharacters = 16 * 1024;

const keyPattern =
  /(?:^|\s)((?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]+={0,3})(?:\s+(.*))?$/;

/**
 * The keys in a text as OpenSSH has them, without options: whoever writes the file does not decide what a key may do.
 */
export function parsePublicKeys(text: string): string[] {
  const keys: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#') || line.length > maxLineCharacters || keys.length >= maxKeys) continue;
    const match = keyPattern.exec(line.trim());
    if (match?.[1] === undefined) continue;
    const comment = (match[2] ?? '').replaceAll(/[^\w@.+ -]/g, '').trim();
    keys.push(comment === '' ? match[1] : `${match[1]} ${comment}`);
  }
  return keys;
}

/** Keeps the keys from the answers for later boots. */
export async function saveOwnKeys(system: System, keys: readonly string[]): Promise<void> {
  await system.write(ownKeysFile, keys.map((key) => `${key.trim()}\n`).join(''));
}

/**
 * Replaces what may unlock. Written by root and owned by it, so that the unlock user cannot change it.
 * @returns how many keys there are.
 */
export async function writeUnlockKeys(system: System, bootDirectory: string | undefined): Promise<number> {
  const account = await system.account(unlockUser);
  if (!account) return 0;
  const texts = [await system.readText(ownKeysFile)];
  if (bootDirectory !== undefined) texts.push(await system.readText(`${bootDirectory}/authorized_keys`));
  // The same key twice differs at most in its comment.
  const byBlob = new Map<string, string>();
  for (const key of texts.flatMap((text) => parsePublicKeys(text ?? ''))) {
    byBlob.set(key.split(' ').slice(0, 2).join(' '), key);
  }
  const lines = [...byBlob.values()].map((key) => `restrict,pty,command="${forcedCommand}" ${key}\n`);
  const text = lines.join('');
  const file = `${account.home}/.ssh/authorized_keys`;
  if ((await system.readText(file)) !== text) {
    await system.makeDirectory(account.home, { mode: 0o755 });
    await system.makeDirectory(`${account.home}/.ssh`, { mode: 0o755 });
    await system.write(file, text);
  }
  return byBlob.size;
}
