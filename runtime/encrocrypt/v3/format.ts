/**
 * EncroCrypt3, the envelope: any number of packets, each
 *
 *     marker `EC3` · type (1 byte) · length (u24 big-endian) · body of that length
 *
 * Source: `docs/ref/encrocrypt3.md`; so is each constant. Nothing in this folder opens files or sockets or imports
 * anything of ours.
 */
import { createHash } from 'node:crypto';

export const marker: Buffer = Buffer.from('EC3', 'ascii');
/** Begins the body of each header: by it a file is known. */
export const magic: Buffer = Buffer.from('__EncroCrypt3', 'ascii');
/** Marker, type and length. */
export const envelopeBytes = 7;

export const packetType = {
  header: 0x01,
  checkpoint: 0x02,
  final: 0x03,
  certificate: 0x04,
  note: 0x10,
  /** Bit 0: parity of the segment. */
  event: 0x20,
  /** Bit 0: parity of the segment. Bit 1: a decoder can begin here. */
  data: 0x80,
} as const;
export const parityBit = 0x01;
export const keyFrameBit = 0x02;

/** Sequence and time, at the beginning of every packet in the chain. */
export const positionBytes = 6;
/** Of an AES-GCM tag, its first bytes. */
export const tagBytes = 12;
export const nonceBytes = 12;
/** Marker to time: what is authenticated beside the ciphertext, after the run's id. */
export const associatedBytes = envelopeBytes + positionBytes;
/** What a data packet costs beyond its plaintext. */
export const dataOverheadBytes = associatedBytes + tagBytes;
export const maxPlaintextBytes = 10 * 1024 * 1024;
export const maxNoteBytes = 4096;
/** Largest value of a sequence and of a time in a run. */
export const maxPosition = 2 ** 24 - 2;
/** A run that begins then and is as long as one can be ends with the year 9999: the last that dates of four digits can tell. */
export const maxStartMs: number = Date.UTC(9999, 11, 31, 23, 59, 59, 999) - maxPosition;

export const runIdBytes = 16;
export const hashBytes = 32;
export const secretBytes = 32;
export const signatureBytes = 64;
export const runKeyBytes = 32;

/** Of a checkpoint's and a final's body, what is signed. */
export const checkpointSignedBytes = 78;
export const finalSignedBytes = 42;
export const checkpointBytes: number = checkpointSignedBytes + signatureBytes;
export const finalBytes: number = finalSignedBytes + signatureBytes;
export const maxPacketsPerCheckpoint = 0xffff;

export const maxStatementBytes = 0xffff;
export const maxSealedBytes = 128 * 1024;
export const maxCameraSignatureBytes = 16 * 1024;
export const maxHeaderBytes =
  magic.length + 4 + maxStatementBytes + 4 + maxSealedBytes + 4 + maxCameraSignatureBytes + signatureBytes;

/** What a certificate names, before its signature: the run, its header, and how far. */
export const certifiedBytes: number = runIdBytes + 2 * hashBytes;
export const maxCertificateBytes: number = certifiedBytes + maxCameraSignatureBytes;

/** Each goes into a hash or a signature with the zero byte behind it, so that nothing can be taken for another thing. */
export const label = {
  header: 'EncroCrypt3 header\0',
  run: 'EncroCrypt3 run\0',
  checkpoint: 'EncroCrypt3 checkpoint\0',
  link: 'EncroCrypt3 link\0',
  final: 'EncroCrypt3 final\0',
  commitment: 'EncroCrypt3 commitment\0',
  root: 'EncroCrypt3 root\0',
  node: 'EncroCrypt3 node\0',
  segment: 'EncroCrypt3 segment\0',
  wrap: 'EncroCrypt3 wrap\0',
} as const;

/** Why a run ended. */
export const endReason = { time: 1, stop: 2, clock: 3, length: 4, stream: 5, unlocked: 6 } as const;
export type EndReason = keyof typeof endReason;

/** Thrown for arguments that do not fit the format, and by decoders for bytes that do not. */
export class FormatError extends RangeError {
  override readonly name = 'FormatError';
}

/** One packet around its body. */
export function encodePacket(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const packet = Buffer.allocUnsafe(envelopeBytes + length);
  writeEnvelope(packet, type, length);
  let position = envelopeBytes;
  for (const part of parts) {
    packet.set(part, position);
    position += part.length;
  }
  return packet;
}

export function writeEnvelope(packet: Buffer, type: number, length: number): void {
  packet.set(marker);
  packet[marker.length] = type;
  packet.writeUIntBE(length, marker.length + 1, 3);
}

export function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** What the next checkpoint, or the next run's header, names. */
export function linkOf(runId: Uint8Array, body: Uint8Array): Buffer {
  return sha256(label.link, runId, body);
}
