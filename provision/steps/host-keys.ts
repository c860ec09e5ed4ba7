/**
 * SSH's host keys: made on the device at its first start, before sshd, and never changed: the one that answers before
 * unlocking is the one that answers after it. They have to lie on the root partition for that.
 */
import type { System } from '../system.ts';

const directory = '/etc/ssh';
/** Both are made within milliseconds; an RSA key would take a small board many seconds, and no client needs it. */
const types = ['ed25519', 'ecdsa'] as const;

/** Makes what is missing or was cut off. @returns how many were made. */
export async function ensureHostKeys(system: System): Promise<number> {
  let made = 0;
  for (const type of types) {
    const file = `${directory}/ssh_host_${type}_key`;
    if (await isWhole(system, file)) continue;
    const fresh = `${directory}/.encrocam_host_${type}_key`;
    await system.remove(fresh);
    await system.remove(`${fresh}.pub`);
    await system.run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', system.at(fresh)]);
    const secretKey = await system.readText(fresh);
    const publicKey = await system.readText(`${fresh}.pub`);
    if (secretKey === undefined || publicKey === undefined) throw new Error(`ssh-keygen made no ${type} key`);
    // Written again for the sake of fsync; the secret half, which says that the key is there, last.
    await system.write(`${file}.pub`, publicKey, { mode: 0o644 });
    await system.write(file, secretKey, { mode: 0o600 });
    await system.remove(fresh);
    await system.remove(`${fresh}.pub`);
    made++;
  }
  return made;
}

/** At the next start others are made: whoever knew these does not know the camera any more. */
export async function forgetHostKeys(system: System): Promise<void> {
  for (const type of types) {
    await system.remove(`${directory}/ssh_host_${type}_key`);
    await system.remove(`${directory}/ssh_host_${type}_key.pub`);
  }
}

async function isWhole(system: System, file: string): Promise<boolean> {
  // ssh-keygen writes the file in one go, but a power cut may keep the name and lose the content.
  const text = (await system.readText(file)) ?? '';
  const isComplete = text.trimEnd().endsWith('-----END OPENSSH PRIVATE KEY-----');
  return isComplete && (await system.exists(`${file}.pub`));
}
