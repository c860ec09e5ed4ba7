/**
 * Reads an initramfs: cpio archives in the "newc" form one after the other, the last ones compressed with zstd or
 * gzip. Used to make sure that nothing of the building machine got into it.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

export interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
}

const headerBytes = 110;

export function readInitramfs(bytes: Buffer): CpioEntry[] {
  const entries: CpioEntry[] = [];
  let position = 0;
  while (position < bytes.length) {
    if (bytes.readUInt8(position) === 0) {
      position += 1;
      continue;
    }
    const rest = bytes.subarray(position);
    if (rest.subarray(0, 6).toString('latin1') === '070701') {
      position += readArchive(rest, entries);
      continue;
    }
    const magic = rest.subarray(0, 4).toString('hex');
    if (magic === '28b52ffd') return [...entries, ...readInitramfs(zstdDecompressSync(rest))];
    if (magic.startsWith('1f8b')) return [...entries, ...readInitramfs(gunzipSync(rest))];
    throw new Error(`an initramfs has unknown content at ${position}: ${magic}`);
  }
  return entries;
}

/** Returns the length of the archive. */
function readArchive(bytes: Buffer, entries: CpioEntry[]): number {
  let position = 0;
  for (;;) {
    const field = (index: number): number =>
      Number.parseInt(
        bytes.subarray(position + 6 + index * 8, position + 14 + index * 8).toString('latin1'),
        16,
      );
    if (bytes.subarray(position, position + 6).toString('latin1') !== '070701') {
      throw new Error(`a cpio archive is damaged at ${position}`);
    }
    const mode = field(1);
    const contentBytes = field(6);
    const nameBytes = field(11);
    const nameStart = position + headerBytes;
    const name = bytes.subarray(nameStart, nameStart + nameBytes - 1).toString('utf8');
    const contentStart = align(nameStart + nameBytes);
    position = align(contentStart + contentBytes);
    if (name === 'TRAILER!!!') return position;
    entries.push({ name, mode, content: bytes.subarray(contentStart, contentStart + contentBytes) });
  }
}

function align(position: number): number {
  return Math.ceil(position / 4) * 4;
}

/** Compiled programs and libraries among the entries that are not for 64-bit ARM. */
export function foreignPrograms(entries: readonly CpioEntry[]): string[] {
  const aarch64 = 183;
  return entries
    .filter(({ content }) => content.length > 20 && content.subarray(0, 4).toString('latin1') === '\x7fELF')
    .filter(({ content }) => content.readUInt16LE(18) !== aarch64)
    .map(({ name }) => name);
}
