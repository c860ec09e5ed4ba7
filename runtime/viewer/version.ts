/** Tells recordings of EncroCrypt2 and 3 apart, by how they begin, and past damage there. */
import { magic as magic2 } from '../encrocrypt/index.ts';
import {
  envelopeBytes,
  magic as magic3,
  marker,
  maxHeaderBytes,
  readHeader,
} from '../encrocrypt/v3/index.ts';

export type Version = 2 | 3;

/** So much is looked at before it is given up. A whole header fits, and many packets do. */
export const maxVersionBytes = 1024 * 1024;

/**
 * @param start the file's first bytes.
 * @param isAll whether more would tell no more: the file has ended, or enough has been read.
 * @returns undefined where more bytes are needed.
 */
export function versionOf(start: Buffer, isAll: boolean): Version | undefined {
  const begins = (bytes: Buffer): boolean => start.subarray(0, bytes.length).equals(bytes);
  if (begins(magic2)) return 2;
  if (begins(marker) && start.length >= envelopeBytes + magic3.length) {
    if (start.subarray(envelopeBytes, envelopeBytes + magic3.length).equals(magic3)) return 3;
  }
  if (!isAll && start.length < maxVersionBytes) return undefined;
  // The beginning is damaged. A whole header proves itself; of magics, the first one is believed.
  if (hasHeader(start)) return 3;
  const second = start.indexOf(magic2);
  const third = start.indexOf(magic3);
  if (second !== -1 && (third === -1 || second < third)) return 2;
  if (third !== -1) return 3;
  // Video of EncroCrypt3 has its short marker only, which stands by chance once in 16 MB of anything.
  return start.includes(marker) ? 3 : 2;
}

function hasHeader(bytes: Buffer): boolean {
  let tried = 0;
  for (let at = bytes.indexOf(magic3); at !== -1 && tried++ < 16; at = bytes.indexOf(magic3, at + 1)) {
    if (at < envelopeBytes) continue;
    const length = bytes.readUIntBE(at - 3, 3);
    if (
      length <= maxHeaderBytes &&
      at + length <= bytes.length &&
      readHeader(bytes.subarray(at, at + length))
    ) {
      return true;
    }
  }
  return false;
}
