/**
 * What a camera keeps of its pairing: the message that it took, until it is set up by it, and the nonces of all that it
 * ever took, over every reset. Both lie on the root partition; the first is overwritten as soon as its secrets are on
 * the config volume.
 */
import type { PairingMessage } from '../../ledger/pairing/message.ts';
import { isEncroCamError } from '../../runtime/errors.ts';
import { paths } from '../place.ts';
import type { System } from '../system.ts';

/** The message as it was seen. There while a camera has an owner and is not set up. */
export const keptFile = `${paths.provision}/pairing.json`;
/** Where no reset erases. */
export const noncesFile = '/var/lib/encrocam/pairing-nonces';

const maxMessageBytes = 64 * 1024;
/** A camera is reset some times in its life. */
const maxNonces = 1024;

/** Keeps a message that was checked. After a power cut it is there as a whole, or not at all. */
export async function keepMessage(system: System, bytes: Uint8Array, message: PairingMessage): Promise<void> {
  await system.write(keptFile, bytes, { mode: 0o600 });
  await rememberNonce(system, message);
}

/** The message that this camera is to be set up by; `undefined` where there is none. */
export async function readKept(system: System): Promise<PairingMessage | undefined> {
  const bytes = await system.readBytes(keptFile, maxMessageBytes);
  if (bytes === undefined) return undefined;
  // What checks signatures is large, and hardly any process needs it.
  const { decodeMessage } = await import('../../ledger/pairing/message.ts');
  try {
    return decodeMessage(bytes);
  } catch (error) {
    // Of another version of this program: as if there were none, so that the owner shows it again.
    if (isEncroCamError(error, 'PAIRING_REFUSED')) return undefined;
    throw error;
  }
}

/** Again after a power cut: the message may have been kept, and its nonce not. */
export async function rememberNonce(system: System, { nonce }: PairingMessage): Promise<void> {
  const known = await knownNonces(system);
  const digits = nonce.toString('hex');
  if (known.has(digits)) return;
  const lines = [...known, digits].slice(-maxNonces);
  await system.write(noncesFile, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
}

export async function knownNonces(system: System): Promise<ReadonlySet<string>> {
  const text = (await system.readText(noncesFile)) ?? '';
  return new Set(text.split('\n').filter((line) => /^[0-9a-f]{32}$/.test(line)));
}

export async function forgetMessage(system: System): Promise<void> {
  await system.wipe(keptFile);
}
