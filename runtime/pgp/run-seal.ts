/** What OpenPGP does for a run of EncroCrypt3: seals its secret for the owners, signs its header as the camera. */
import { createMessage, encrypt, type Key, readSignature, sign, verify } from 'openpgp';
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
 * Checks that exactly one signature is there, and that the camera made it while its key was valid.
 * @returns when it says that it was made, by the camera's clock.
 * @throws {EncroCamError} `NOT_AUTHENTIC`
 */
export async function verifyLine(line: string, signature: Uint8Array, trusted: Key): Promise<Date> {
  try {
    const { signatures } = await verify({
      message: await createMessage({ binary: Buffer.from(line) }),
      signature: await readSignature({ binarySignature: signature }),
      verificationKeys: trusted,
      date: endOfTime,
    });
    const [first, second] = signatures;
    if (!first || second) throw new Error(`it has ${signatures.length} signatures instead of one`);
    await first.verified;
    const created = (await first.signature).packets[0]?.created;
    if (!created) throw new Error('it does not say when it was made');
    return created;
  } catch (error) {
    throw notAuthentic(messageOf(error), error);
  }
}
