/** Ids that follow from what is built: random to look at, the same for the same build. */
import { createHash } from 'node:crypto';

function digest(seed: string, purpose: string): Buffer {
  return createHash('sha256').update(`${purpose}\n${seed}`).digest();
}

/** A UUID of version 8 (RFC 9562: the maker's own scheme). */
export function derivedUuid(seed: string, purpose: string): string {
  const bytes = digest(seed, purpose).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A FAT volume's serial number: 8 hexadecimal digits. */
export function derivedSerial(seed: string, purpose: string): string {
  return digest(seed, purpose).toString('hex').slice(0, 8);
}
