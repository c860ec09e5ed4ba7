/** Bytes as they stand in the ledger's JSON: `0x` and lower-case hexadecimal digits. */
export type Hex = `0x${string}`;

export const addressBytes = 20;

export function hexOf(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`;
}

/** @throws {RangeError} for anything but `0x` and pairs of hexadecimal digits, of this many bytes if that is told. */
export function bytesOfHex(hex: string, length?: number): Buffer {
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(hex) || (length !== undefined && hex.length !== 2 + 2 * length)) {
    throw new RangeError(`not 0x and ${length === undefined ? 'pairs of' : 2 * length} hexadecimal digits`);
  }
  return Buffer.from(hex.slice(2), 'hex');
}
