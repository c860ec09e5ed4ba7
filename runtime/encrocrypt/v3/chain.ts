/** Checkpoints, finals and certificates: what signs a run while it grows, at its end, and afterwards. */
import { type KeyObject, sign, verify } from 'node:crypto';
import {
  certifiedBytes,
  checkpointSignedBytes,
  type EndReason,
  encodePacket,
  endReason,
  FormatError,
  finalSignedBytes,
  hashBytes,
  label,
  maxCameraSignatureBytes,
  maxCertificateBytes,
  packetType,
  runIdBytes,
  signatureBytes,
} from './format.ts';

export interface Checkpoint {
  readonly number: number;
  /** Sequence of the first packet that it covers. */
  readonly first: number;
  readonly count: number;
  /** When the checkpoint before was made, and this one: milliseconds since the run's start. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Link of the checkpoint before, or the header hash. */
  readonly previous: Buffer;
  /** Merkle root over the packets that it covers. */
  readonly root: Buffer;
}

export interface Final {
  readonly number: number;
  /** Of all packets in the chain. */
  readonly count: number;
  readonly timeMs: number;
  readonly reason: EndReason;
  readonly previous: Buffer;
}

export interface Certificate {
  readonly runId: Buffer;
  readonly headerHash: Buffer;
  /** Of the last checkpoint or final that it vouches for. */
  readonly link: Buffer;
  /** Detached OpenPGP signature over {@link certifiedLine}. */
  readonly cameraSignature: Buffer;
}

/** @returns the packet; its body is what {@link linkOf} takes. */
export function encodeCheckpoint(checkpoint: Checkpoint, runId: Buffer, key: KeyObject): Buffer {
  const { number, first, count, fromMs, toMs, previous, root } = checkpoint;
  const body = Buffer.allocUnsafe(checkpointSignedBytes);
  body.writeUIntBE(number, 0, 3);
  body.writeUIntBE(first, 3, 3);
  body.writeUInt16BE(count, 6);
  body.writeUIntBE(fromMs, 8, 3);
  body.writeUIntBE(toMs, 11, 3);
  body.set(previous, 14);
  body.set(root, 14 + hashBytes);
  return encodePacket(packetType.checkpoint, body, sign(null, signedBy(label.checkpoint, runId, body), key));
}

/**
 * @returns undefined if it is not this run's: of another length, or not signed by its key.
 */
export function decodeCheckpoint(body: Buffer, runId: Buffer, key: KeyObject): Checkpoint | undefined {
  if (!isSigned(body, checkpointSignedBytes, label.checkpoint, runId, key)) return undefined;
  return {
    number: body.readUIntBE(0, 3),
    first: body.readUIntBE(3, 3),
    count: body.readUInt16BE(6),
    fromMs: body.readUIntBE(8, 3),
    toMs: claimedTimeMs(body),
    previous: body.subarray(14, 14 + hashBytes),
    root: body.subarray(14 + hashBytes, checkpointSignedBytes),
  };
}

/** When a checkpoint of whatever run says that it was made. @param body of its length. */
export function claimedTimeMs(body: Buffer): number {
  return body.readUIntBE(11, 3);
}

export function encodeFinal(final: Final, runId: Buffer, key: KeyObject): Buffer {
  const { number, count, timeMs, reason, previous } = final;
  const body = Buffer.allocUnsafe(finalSignedBytes);
  body.writeUIntBE(number, 0, 3);
  body.writeUIntBE(count, 3, 3);
  body.writeUIntBE(timeMs, 6, 3);
  body.writeUInt8(endReason[reason], 9);
  body.set(previous, 10);
  return encodePacket(packetType.final, body, sign(null, signedBy(label.final, runId, body), key));
}

/** @returns undefined if it is not this run's: of another length, an unknown reason, or not signed by its key. */
export function decodeFinal(body: Buffer, runId: Buffer, key: KeyObject): Final | undefined {
  if (!isSigned(body, finalSignedBytes, label.final, runId, key)) return undefined;
  const reasons = Object.entries(endReason) as [EndReason, number][];
  const reason = reasons.find(([, number]) => number === body[9])?.[0];
  if (reason === undefined) return undefined;
  return {
    number: body.readUIntBE(0, 3),
    count: body.readUIntBE(3, 3),
    timeMs: body.readUIntBE(6, 3),
    reason,
    previous: body.subarray(10, finalSignedBytes),
  };
}

/** The line that the camera's OpenPGP key signs once it can. */
export function certifiedLine({ runId, headerHash, link }: Omit<Certificate, 'cameraSignature'>): string {
  const [run, hash, last] = [runId, headerHash, link].map((bytes) => bytes.toString('hex'));
  return `EncroCrypt3 certificate ${run} ${hash} ${last}\n`;
}

export function encodeCertificate({ runId, headerHash, link, cameraSignature }: Certificate): Buffer {
  if (cameraSignature.length === 0 || cameraSignature.length > maxCameraSignatureBytes)
    throw new FormatError(`a camera's signature has no ${cameraSignature.length} bytes`);
  return encodePacket(packetType.certificate, runId, headerHash, link, cameraSignature);
}

/** @throws {FormatError} if it is cut, or too long. The camera's signature is the caller's to check. */
export function decodeCertificate(body: Buffer): Certificate {
  if (body.length <= certifiedBytes) throw new FormatError('the certificate is cut');
  if (body.length > maxCertificateBytes) throw new FormatError('the certificate is too long');
  return {
    runId: body.subarray(0, runIdBytes),
    headerHash: body.subarray(runIdBytes, runIdBytes + hashBytes),
    link: body.subarray(runIdBytes + hashBytes, certifiedBytes),
    cameraSignature: body.subarray(certifiedBytes),
  };
}

/** As {@link decodeCertificate}, with a copy of the bytes; `undefined` for what is none. */
export function readCertificate(body: Buffer): Certificate | undefined {
  try {
    return decodeCertificate(Buffer.from(body));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function isSigned(body: Buffer, bytes: number, what: string, runId: Buffer, key: KeyObject): boolean {
  if (body.length !== bytes + signatureBytes) return false;
  return verify(null, signedBy(what, runId, body.subarray(0, bytes)), key, body.subarray(bytes));
}

function signedBy(what: string, runId: Buffer, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(what), runId, body]);
}
