/** Bytes in JSON: `0x` and lower-case hexadecimal digits. Readers take either case. */

export type Hex = `0x${string}`;

export function toHex(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString('hex')}`;
}

/** @returns `undefined` for anything but `bytes` bytes in hexadecimal digits. */
export function fromHex(value: unknown, bytes: number): Buffer | undefined {
  const isHex = typeof value === 'string' && value.length === 2 + 2 * bytes && /^0x[0-9a-f]*$/i.test(value);
  return isHex ? Buffer.from(value.slice(2), 'hex') : undefined;
}
