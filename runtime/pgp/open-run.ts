/** What OpenPGP does for whoever watches a run of EncroCrypt3: opens its secret, and judges who signed for it. */
import { type Key, readMessage } from 'openpgp';
import {
  type Certificate,
  certifiedLine,
  commitmentOf,
  type Header,
  type RunKeys,
  rootOf,
  secretBytes,
  signedLine,
} from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../errors.ts';
import { type MessageDecrypter, maxSignedBytes } from './decrypter.ts';
import { fingerprintOf } from './keys.ts';
import { verifyLine } from './run-seal.ts';

/**
 * The keys of a whole run, from the secret that its header has sealed for the owner.
 * @returns undefined if nothing in the header is sealed with OpenPGP.
 * @throws {EncroCamError} `DECRYPTION_FAILED`: this header cannot be opened; `NOT_AUTHENTIC`: what was sealed is not this run's
 *   secret. `KEY_LOCKED`, `PROGRAM_MISSING`: none will be opened.
 */
export async function openRun(header: Header, decrypter: MessageDecrypter): Promise<RunKeys | undefined> {
  const { statement, sealed } = header;
  if (!sealed.openpgp) return undefined;
  const secret = await contentOf(await decrypter.decrypt(sealed.openpgp));
  const { runId, segmentMs, commitment } = statement;
  if (secret.length !== secretBytes || !commitmentOf(secret, runId).equals(commitment)) {
    throw new EncroCamError('NOT_AUTHENTIC', "A run's header has something else sealed than its secret.", {
      hint: 'Whoever wrote this header is not to be trusted. Try another copy of this recording.',
    });
  }
  const root = rootOf(secret, runId);
  secret.fill(0);
  return { runId, segmentMs, nodes: [root] };
}

/** What is in a message whose encryption is off. A signature in it would say nothing: the header is signed as a whole. */
async function contentOf(decrypted: Awaited<ReturnType<MessageDecrypter['decrypt']>>): Promise<Buffer> {
  try {
    const config = { maxDecompressedMessageSize: maxSignedBytes };
    const message =
      decrypted instanceof Uint8Array ? await readMessage({ binaryMessage: decrypted, config }) : decrypted;
    return Buffer.from((message.getLiteralData() as Uint8Array | null) ?? new Uint8Array());
  } catch (error) {
    throw new EncroCamError('DECRYPTION_FAILED', `A run's secret cannot be read: ${messageOf(error)}.`, {
      hint: 'It is damaged: try another copy of this recording, on the disk or on the drive.',
      cause: error,
    });
  }
}

/** Whether a header names this camera. */
export function isNamed({ statement }: Header, trusted: Key): boolean {
  return statement.camera.toString('hex').toUpperCase() === fingerprintOf(trusted);
}

/** Whether the camera signed this header, when the run began. */
export async function isSigned(header: Header, trusted: Key): Promise<boolean> {
  if (!isNamed(header, trusted) || !header.cameraSignature) return false;
  return (await signedAt(signedLine(header.hash), header.cameraSignature, trusted)) !== undefined;
}

/**
 * When the camera vouched for this run, by its clock: up to the link that the certificate names.
 * @returns undefined if it did not.
 */
export async function certifiedAt(
  header: Header,
  certificate: Certificate,
  trusted: Key,
): Promise<Date | undefined> {
  const isOfThisRun =
    isNamed(header, trusted) &&
    certificate.runId.equals(header.statement.runId) &&
    certificate.headerHash.equals(header.hash);
  return isOfThisRun ? signedAt(certifiedLine(certificate), certificate.cameraSignature, trusted) : undefined;
}

async function signedAt(line: string, signature: Buffer, trusted: Key): Promise<Date | undefined> {
  try {
    return await verifyLine(line, signature, trusted);
  } catch (error) {
    if (isEncroCamError(error, 'NOT_AUTHENTIC')) return undefined;
    throw error;
  }
}
