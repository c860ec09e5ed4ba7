/** What OpenPGP does for a run of EncroCrypt3: seals its secret for the owners, signs its header as the camera. */
import {
  createMessage,
  encrypt,
  enums,
  type Key,
  type KeyID,
  readSignature,
  type Subkey,
  sign,
} from 'openpgp';
import { messageOf } from '../errors.ts';
import { type SealingKeys, sealingTime } from './seal.ts';
import { endOfTime, notAuthentic } from './verify.ts';

/**
 * A binary OpenPGP message with the run's secret, for every recipient. It is not signed: the header is, as a whole.
 */
export async function sealRunSecret(
  secret: Uint8Array,
  keys: Pick<SealingKeys, 'recipients'> & Partial<SealingKeys>,
  now = new Date(),
): Promise<Uint8Array> {
  const date = sealingTime(keys, now);
  return encrypt({
    message: await createMessage({ binary: secret, date }),
    encryptionKeys: [...keys.recipients],
    format: 'binary',
    date,
  });
}

/** The camera's detached, binary signature over a line, as `gpg --detach-sign` makes it. */
export async function signLine(line: string, keys: SealingKeys, now = new Date()): Promise<Uint8Array> {
  const date = sealingTime(keys, now);
  return sign({
    message: await createMessage({ binary: Buffer.from(line), date }),
    signingKeys: keys.signer,
    detached: true,
    format: 'binary',
    date,
  });
}

/**
 * Checks that exactly one signature is there, and that the camera made it while its key was valid: by the newest of the key's own
 * signatures, as gpg does. An expiry that was moved since counts as it is now; a key that is revoked vouches for nothing.
 * @returns when it says that it was made, by the camera's clock.
 * @throws {EncroCamError} `NOT_AUTHENTIC`
 */
export async function verifyLine(line: string, signature: Uint8Array, trusted: Key): Promise<Date> {
  try {
    const { packets } = await readSignature({ binarySignature: signature });
    const [packet, second] = packets;
    if (!packet || second) throw new Error(`it has ${packets.length} signatures instead of one`);
    const { created, signatureType } = packet;
    if (!created || signatureType !== enums.signature.binary) throw new Error('it is of another kind');
    const signer = await signingKeyAt(created, packet.issuerKeyID, trusted);
    const literal = (await createMessage({ binary: Buffer.from(line) })).packets[0];
    await packet.verify(signer.keyPacket, signatureType, literal as object, endOfTime, true);
    return created;
  } catch (error) {
    throw notAuthentic(messageOf(error), error);
  }
}

/**
 * The camera's key, or the subkey of it, that has an id, if it could sign at that time.
 * @throws where it could not.
 */
async function signingKeyAt(at: Date, keyId: KeyID, trusted: Key): Promise<Key | Subkey> {
  // Without a date the newest of its own signatures counts, and each revocation.
  const signer = await trusted.getSigningKey(keyId, null);
  const expiries = [await trusted.getExpirationTime()];
  if (signer !== trusted) expiries.push(await (signer as Subkey).getExpirationTime(null as unknown as Date));
  const isExpired = expiries.some((expiry) => expiry === null || expiry <= at);
  const isYounger = [trusted, signer].some(({ keyPacket }) => keyPacket.created > at);
  if (isExpired || isYounger) throw new Error('its key was not valid when it was made');
  return signer;
}
