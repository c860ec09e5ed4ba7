/**
 * Whether the camera vouches for a run, and how far: it signed the header when the run began, or, for a run that began while
 * it was locked, a certificate afterwards that stands in the same file.
 */
import type { Key } from 'openpgp';
import { type Header, sha256 } from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import { isNamed, isSigned } from '../pgp/open-run.ts';
import { FileCertificates } from './certificates.ts';
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

/** @param trusted the camera's public key. */
export function cameraTrust(trusted: Key): RunTrust {
  const signed = new Map<string, boolean>();
  const files = new WeakMap<RandomAccess, FileCertificates>();
  const certificatesIn = (access: RandomAccess): FileCertificates => {
    const known = files.get(access) ?? new FileCertificates(access, trusted);
    files.set(access, known);
    return known;
  };
  let failuresInARow = 0;
  const checkSigned = async (header: Header): Promise<boolean> => {
    const { cameraSignature } = header;
    if (!cameraSignature) return false;
    // The hash does not cover it: a copy of a header with a false one must not speak for the true one.
    const id = sha256(header.hash, cameraSignature).toString('base64');
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
      // Of another camera's header no copy and no certificate can count: its file need not be read for them.
      const certificates = access && isNamed(header, trusted) ? certificatesIn(access) : undefined;
      let packets = header.cameraSignature ? undefined : await certificates?.reachOf(header);
      if (packets !== undefined) return { packets, isUnsigned: false };
      // Another copy of the header may have the signature that counts, or none, where the camera certified it later.
      const signatures = (await certificates?.signaturesOf(header)) ?? [];
      for (const cameraSignature of signatures) {
        if (cameraSignature && (await checkSigned({ ...header, cameraSignature })))
          return { packets: Number.POSITIVE_INFINITY, isUnsigned: false };
      }
      if (header.cameraSignature && signatures.includes(undefined))
        packets = await certificates?.reachOf(header);
      if (packets !== undefined) return { packets, isUnsigned: false };
      if (header.cameraSignature) {
        throw new EncroCamError('NOT_AUTHENTIC', 'A run is not from the trusted camera.', {
          hint: 'Check --signed-by. If it is right, somebody else made this recording, or this part of it.',
        });
      }
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
