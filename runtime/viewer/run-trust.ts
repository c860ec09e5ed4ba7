/**
 * Whether the camera vouches for a run, and how far: it signed the header when the run began, or, for a run that began while
 * it was locked, a certificate afterwards that stands in the same file.
 */
import type { Key } from 'openpgp';
import {
  type Certificate,
  decodeCertificate,
  decodeCheckpoint,
  decodeFinal,
  type Header,
  importRunKey,
  linkOf,
  PacketReader,
} from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import { certifiedAt, isSigned } from '../pgp/open-run.ts';
import type { RandomAccess } from './source.ts';

export interface Reach {
  /** Of the run, from its first, that are put out: all, where the camera signed the header. */
  readonly packets: number;
  /** Nobody vouches for them, and they are wanted all the same. */
  readonly isUnsigned: boolean;
}

export interface RunTrust {
  /**
   * How much of a run is put out.
   * @param access the file, where it can be read anywhere: certificates stand behind what they vouch for.
   * @throws {EncroCamError} `NOT_AUTHENTIC`
   */
  reachOf(header: Header, access: RandomAccess | undefined): Promise<Reach>;
}

/** Signatures looked at in vain, in a row: an hour has six headers. */
const maxFailuresInARow = 1000;
const maxRemembered = 4096;
/** A certificate stands right behind the run's end. */
const tailBytes = 1024 * 1024;
const stepBytes = 1024 * 1024;

/** @param trusted the camera's public key. */
export function cameraTrust(trusted: Key): RunTrust {
  const signed = new Map<string, boolean>();
  let failuresInARow = 0;
  const checkSigned = async (header: Header): Promise<boolean> => {
    const id = header.hash.toString('base64');
    const known = signed.get(id);
    if (known !== undefined) return known;
    if (failuresInARow >= maxFailuresInARow) return false;
    const outcome = await isSigned(header, trusted);
    failuresInARow = outcome ? 0 : failuresInARow + 1;
    const [oldest] = signed.keys();
    if (signed.size >= maxRemembered && oldest !== undefined) signed.delete(oldest);
    signed.set(id, outcome);
    return outcome;
  };
  return {
    async reachOf(header, access) {
      if (await checkSigned(header)) return { packets: Number.POSITIVE_INFINITY, isUnsigned: false };
      if (header.cameraSignature) {
        throw new EncroCamError('NOT_AUTHENTIC', 'A run is not from the trusted camera.', {
          hint: 'Check --signed-by. If it is right, somebody else made this recording, or this part of it.',
        });
      }
      const packets = access && (await certifiedReach(header, access, trusted));
      if (packets !== undefined) return { packets, isUnsigned: false };
      throw new EncroCamError(
        'NOT_AUTHENTIC',
        'A run was recorded while the camera was locked, and is not authentic.',
        {
          hint: access
            ? 'The camera certifies it once it is unlocked. To see it all the same: --unsigned'
            : 'If a certificate stands in its file, give the file itself. To see it all the same: --unsigned',
        },
      );
    },
  };
}

/** Lets runs through that nobody signed. What somebody else signed stays refused. */
export function withUnsigned(trust: RunTrust): RunTrust {
  return {
    async reachOf(header, access) {
      try {
        return await trust.reachOf(header, access);
      } catch (error) {
        if (header.cameraSignature || !isEncroCamError(error, 'NOT_AUTHENTIC')) throw error;
        return { packets: Number.POSITIVE_INFINITY, isUnsigned: true };
      }
    },
  };
}

/** How many packets certificates in the file vouch for: first its end is looked at, then all of it. */
async function certifiedReach(
  header: Header,
  access: RandomAccess,
  trusted: Key,
): Promise<number | undefined> {
  const tail = Math.max(0, access.sizeBytes - tailBytes);
  return (
    (await reachIn(header, access, tail, trusted)) ??
    (tail > 0 ? await reachIn(header, access, 0, trusted) : undefined)
  );
}

/** Certificates that are kept, of a run: one is made. */
const maxCertificates = 8;

async function reachIn(
  header: Header,
  access: RandomAccess,
  from: number,
  trusted: Key,
): Promise<number | undefined> {
  const { runId } = header.statement;
  const key = importRunKey(header.statement.runKey);
  const reader = new PacketReader({ offset: from, hasKeys: false });
  /** What each checkpoint and final, by its link, covers together with those before it. */
  const covered = new Map<string, number>();
  const certificates: Certificate[] = [];
  const drain = (): void => {
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind === 'checkpoint') {
        const checkpoint = decodeCheckpoint(item.body, runId, key);
        if (checkpoint) covered.set(linkText(runId, item.body), checkpoint.first + checkpoint.count);
      } else if (item.kind === 'final') {
        const final = decodeFinal(item.body, runId, key);
        if (final) covered.set(linkText(runId, item.body), final.count);
      } else if (item.kind === 'certificate' && certificates.length < maxCertificates) {
        const certificate = certificateIn(item.body);
        if (certificate?.headerHash.equals(header.hash)) certificates.push(certificate);
      }
    }
  };
  for (let position = from; position < access.sizeBytes; position += stepBytes) {
    reader.push(await access.read(position, stepBytes));
    drain();
  }
  reader.end();
  drain();
  let reach: number | undefined;
  for (const certificate of certificates) {
    const count = covered.get(certificate.link.toString('hex'));
    if (count === undefined || count <= (reach ?? -1)) continue;
    if (await certifiedAt(header, certificate, trusted)) reach = count;
  }
  return reach;
}

function linkText(runId: Buffer, body: Buffer): string {
  return linkOf(runId, body).toString('hex');
}

function certificateIn(body: Buffer): Certificate | undefined {
  try {
    return decodeCertificate(Buffer.from(body));
  } catch {
    return undefined;
  }
}
