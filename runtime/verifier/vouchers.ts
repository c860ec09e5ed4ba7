/** Who vouches for the runs of a file: the camera by a signature of the header, by a certificate, or nobody. */
import type { Key } from 'openpgp';
import type { Header, HeaderCopies, PlacedCertificate } from '../encrocrypt/v3/index.ts';
import { certifiedAt, isNamed, isSigned } from '../pgp/open-run.ts';
import type { Certification, Voucher } from './checked-run.ts';

/** Signatures of a file looked at in vain, some milliseconds each: beyond, none in it is believed that was not looked at. */
const maxVainSignatures = 2000;

/** What a file says of one run's author, none of it looked at. */
export interface Claims {
  readonly header: Header;
  /** By their signatures, wherever they stand. */
  readonly copies: readonly HeaderCopies[];
  readonly certificates: readonly PlacedCertificate[];
}

export interface Vouched {
  /** With the signature that counts. */
  readonly header: Header;
  readonly voucher: Voucher;
  /** Of copies of the header with other signatures, and of certificates that vouch for nothing. */
  readonly unvouchedBytes: number;
}

/** Those with the fewest signatures first: whoever adds false ones to some run shall not use up what the others may take. */
export async function vouchersOf<Run extends Claims>(
  runs: readonly Run[],
  trusted: Key,
): Promise<Map<Run, Vouched>> {
  const vouched = new Map<Run, Vouched>();
  const signatures = ({ certificates, copies }: Run): number => certificates.length + copies.length;
  const vain = { signatures: 0 };
  for (const run of [...runs].sort((one, other) => signatures(one) - signatures(other)))
    vouched.set(run, await vouchedBy(run, trusted, vain));
  return vouched;
}

async function vouchedBy(run: Claims, trusted: Key, vain: { signatures: number }): Promise<Vouched> {
  const { certificates, copies } = run;
  const isWorthATry = (): boolean => vain.signatures < maxVainSignatures;
  const bytesOf = (all: readonly { readonly bytes: number }[]): number =>
    all.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!isNamed(run.header, trusted)) {
    return { header: run.header, voucher: 'not authentic', unvouchedBytes: bytesOf(certificates) };
  }
  const others = (counting: HeaderCopies): number => bytesOf(copies.filter((copy) => copy !== counting));
  for (const copy of copies) {
    const { cameraSignature } = copy;
    if (!cameraSignature || !isWorthATry()) continue;
    const header = { ...run.header, cameraSignature };
    if (await isSigned(header, trusted)) {
      return { header, voucher: 'signed', unvouchedBytes: others(copy) + bytesOf(certificates) };
    }
    vain.signatures += 1;
  }
  const unsigned = copies.find(({ cameraSignature }) => !cameraSignature);
  if (!unsigned) {
    return { header: run.header, voucher: 'not authentic', unvouchedBytes: bytesOf(certificates) };
  }
  const header = { ...run.header, cameraSignature: undefined };
  let furthest: Certification | undefined;
  let unvouchedBytes = others(unsigned);
  for (const certificate of certificates) {
    const at = isWorthATry() ? await certifiedAt(header, certificate, trusted) : undefined;
    const { toMs } = certificate;
    const isFurther = !furthest || (toMs ?? -1) > (furthest.toMs ?? -1);
    if (at && isFurther) furthest = { atMs: at.getTime(), toMs };
    if (at) continue;
    vain.signatures += 1;
    unvouchedBytes += certificate.bytes;
  }
  return { header, voucher: furthest ?? 'locked', unvouchedBytes };
}
