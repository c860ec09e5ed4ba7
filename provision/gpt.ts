/**
 * Reads the header of a GUID partition table, as far as growing a card needs it: whether the table at the beginning
 * of the disk is whole, and where it says that its backup is. UEFI specification 2.10, section 5.3.2.
 */
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

const headerBytes = 92;
/** 128 entries of 128 bytes are the rule; a table that claims more than this is not believed. */
const maxEntriesBytes = 1024 * 1024;

/** The sector of the backup header, or `undefined` if the table at the beginning is damaged or missing. */
export async function readBackupSector(device: string, sectorBytes: number): Promise<number | undefined> {
  const handle = await open(device, 'r');
  try {
    const header = Buffer.alloc(headerBytes);
    await handle.read(header, 0, headerBytes, sectorBytes);
    const fields = parseHeader(header);
    if (!fields) return undefined;
    const entries = Buffer.alloc(fields.entriesBytes);
    await handle.read(entries, 0, entries.length, fields.entriesSector * sectorBytes);
    return crc32(entries) === fields.entriesCrc ? fields.backupSector : undefined;
  } finally {
    await handle.close();
  }
}

interface HeaderFields {
  readonly backupSector: number;
  readonly entriesSector: number;
  readonly entriesBytes: number;
  readonly entriesCrc: number;
}

/** The header's fields, if signature and checksum are right. */
export function parseHeader(header: Buffer): HeaderFields | undefined {
  if (header.toString('latin1', 0, 8) !== 'EFI PART' || header.readUInt32LE(12) !== headerBytes) {
    return undefined;
  }
  // "This value is computed by setting this field to 0, and computing the 32-bit CRC for HeaderSize bytes."
  const copy = Buffer.from(header);
  copy.writeUInt32LE(0, 16);
  if (crc32(copy) !== header.readUInt32LE(16)) return undefined;
  const entriesBytes = header.readUInt32LE(80) * header.readUInt32LE(84);
  if (entriesBytes > maxEntriesBytes) return undefined;
  return {
    backupSector: Number(header.readBigUInt64LE(32)),
    entriesSector: Number(header.readBigUInt64LE(72)),
    entriesBytes,
    entriesCrc: header.readUInt32LE(88),
  };
}
