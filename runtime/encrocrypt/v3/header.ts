/**
 * The header of a run: what is said in the open, what is sealed for the owners, the camera's signature over both, and
 * the proof that whoever wrote it has the run's key. OpenPGP is the caller's: this folder knows no keys but its own.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { decodeFields, encodeFields, type Field, type FieldRules } from './fields.ts';
import {
  encodePacket,
  FormatError,
  hashBytes,
  label,
  magic,
  maxCameraSignatureBytes,
  maxSealedBytes,
  maxStartMs,
  maxStatementBytes,
  packetType,
  runIdBytes,
  runKeyBytes,
  sha256,
  signatureBytes,
} from './format.ts';
import { importRunKey } from './run-key.ts';

export const suite = 1;
const tag = {
  suite: 0x01,
  camera: 0x02,
  run: 0x03,
  recording: 0x04,
  previous: 0x05,
  start: 0x06,
  clock: 0x07,
  container: 0x08,
  initialisation: 0x09,
  segment: 0x0a,
  checkpoints: 0x0b,
  recipient: 0x0c,
  commitment: 0x0d,
  runKey: 0x0e,
  notBefore: 0x0f,
  /** Readers that do not know it pass over it, and so does this one over what is no name. */
  name: 0x80,
} as const;
const statementRules: FieldRules = {
  [tag.suite]: 'one',
  [tag.camera]: 'one',
  [tag.run]: 'one',
  [tag.recording]: 'one',
  [tag.previous]: 'optional',
  [tag.start]: 'one',
  [tag.clock]: 'one',
  [tag.container]: 'one',
  [tag.initialisation]: 'optional',
  [tag.segment]: 'one',
  [tag.checkpoints]: 'one',
  [tag.recipient]: 'optional-many',
  [tag.commitment]: 'one',
  [tag.runKey]: 'one',
  [tag.notBefore]: 'optional',
  [tag.name]: 'optional-many',
};
const sealedTag = { openpgp: 0x01, wrapped: 0x02 } as const;
const sealedRules: FieldRules = { [sealedTag.openpgp]: 'optional', [sealedTag.wrapped]: 'optional-many' };

const clockStates = ['unknown', 'synchronised', 'not synchronised'] as const;
export type ClockState = (typeof clockStates)[number];
const unknownError = 0xffff_ffff;

export const containers = ['video/mp2t', 'video/mp4'] as const;
export type Container = (typeof containers)[number];

const recipientTypes = { openpgp: 1, symmetric: 2 } as const;
export interface Recipient {
  readonly type: keyof typeof recipientTypes;
  /** Fingerprint of 20 or 32 bytes, or a symmetric key's id of 16. */
  readonly id: Buffer;
}

export interface Statement {
  /** Fingerprint of the camera's OpenPGP key, 20 or 32 bytes. */
  readonly camera: Buffer;
  readonly runId: Buffer;
  /** File name. */
  readonly recording: string;
  readonly previous?: { readonly runId: Buffer; readonly link: Buffer };
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly clock: { readonly state: ClockState; readonly errorMs?: number };
  readonly container: Container;
  /** `ftyp` and `moov`; of MP4 alone. */
  readonly initialisation?: Buffer;
  /** 10 000 to 3 600 000. */
  readonly segmentMs: number;
  /** 1000 to 60 000. */
  readonly checkpointMs: number;
  /** 1 to 32. */
  readonly recipients: readonly Recipient[];
  readonly commitment: Buffer;
  /** Ed25519, 32 bytes. */
  readonly runKey: Buffer;
  readonly notBefore?: string;
  /** What the owner calls the camera: several may share one OpenPGP key. 1 to 64 bytes, without control characters. */
  readonly name?: string;
}

export interface Sealed {
  /** OpenPGP message for all recipients of that type. */
  readonly openpgp?: Buffer;
  /** For one recipient with a symmetric key each: id, nonce, ciphertext, tag. */
  readonly wrapped: readonly Buffer[];
}

export interface Header {
  readonly statement: Statement;
  readonly sealed: Sealed;
  /** What the camera signs, and the first checkpoint names. */
  readonly hash: Buffer;
  /** Detached OpenPGP signature over {@link signedLine}; undefined in a run that began while the camera was locked. */
  readonly cameraSignature: Buffer | undefined;
}

export const maxRecipients = 32;
export const wrappedBytes = runIdBytes + 12 + 32 + 16;
const maxRecordingBytes = 255;
const maxNotBeforeBytes = 512;
const maxNameBytes = 64;

/** The line that the camera's OpenPGP key signs. */
export function signedLine(hash: Buffer): string {
  return `EncroCrypt3 header ${hash.toString('hex')}\n`;
}

/** The header hash: what the camera signs, and the first checkpoint names. */
export function hashOfSignedPart(bytes: Buffer): Buffer {
  return sha256(label.header, bytes);
}

/** Statement and sealed part, framed: what the header hash covers. */
export function encodeSignedPart(statement: Statement, sealed: Sealed): { bytes: Buffer; hash: Buffer } {
  const stated = encodeFields(statementFields(statement));
  if (stated.length > maxStatementBytes)
    throw new FormatError(`the statement is too long: ${stated.length} bytes`);
  const sealing = encodeFields([
    ...(sealed.openpgp ? [{ tag: sealedTag.openpgp, value: sealed.openpgp }] : []),
    ...sealed.wrapped.map((value) => ({ tag: sealedTag.wrapped, value })),
  ]);
  if (sealing.length > maxSealedBytes)
    throw new FormatError(`the sealed part is too long: ${sealing.length} bytes`);
  // What is written must be readable: the rules stand in one place.
  const { name } = decodeStatement(stated);
  if (name !== statement.name) throw new FormatError('what the camera is called is no name');
  decodeSealed(sealing);
  const bytes = Buffer.concat([u32(stated.length), stated, u32(sealing.length), sealing]);
  return { bytes, hash: hashOfSignedPart(bytes) };
}

/** The whole packet. */
export function encodeHeader(
  signedPart: { readonly bytes: Buffer; readonly hash: Buffer },
  cameraSignature: Buffer | undefined,
  runPrivateKey: KeyObject,
): Buffer {
  const camera = cameraSignature ?? Buffer.alloc(0);
  if (camera.length > maxCameraSignatureBytes) throw new FormatError("the camera's signature is too long");
  const run = sign(null, Buffer.concat([Buffer.from(label.run), signedPart.hash]), runPrivateKey);
  return encodePacket(packetType.header, magic, signedPart.bytes, u32(camera.length), camera, run);
}

/**
 * @param body of a header packet.
 * @throws {FormatError} for everything that a reader must refuse, a wrong run signature included. The camera's
 *   signature is the caller's to check.
 */
export function decodeHeader(body: Buffer): Header {
  if (!body.subarray(0, magic.length).equals(magic)) throw new FormatError('the magic is missing');
  let position = magic.length;
  const take = (maxBytes: number): Buffer => {
    if (body.length - position < 4) throw new FormatError('the header is cut');
    const length = body.readUInt32BE(position);
    if (length > maxBytes || length > body.length - position - 4) throw new FormatError('a part is too long');
    position += 4 + length;
    return body.subarray(position - length, position);
  };
  const stated = take(maxStatementBytes);
  const sealing = take(maxSealedBytes);
  const hash = hashOfSignedPart(body.subarray(magic.length, position));
  const camera = take(maxCameraSignatureBytes);
  const runSignature = body.subarray(position);
  if (runSignature.length !== signatureBytes) throw new FormatError('the run signature has another length');
  const statement = decodeStatement(stated);
  const sealed = decodeSealed(sealing);
  const signed = Buffer.concat([Buffer.from(label.run), hash]);
  if (!verify(null, signed, importRunKey(statement.runKey), runSignature)) {
    throw new FormatError('the run signature is wrong');
  }
  return { statement, sealed, hash, cameraSignature: camera.length === 0 ? undefined : camera };
}

/** As {@link decodeHeader}, with a copy of the bytes; `undefined` for what a reader must refuse. */
export function readHeader(body: Buffer): Header | undefined {
  try {
    return decodeHeader(Buffer.from(body));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function statementFields(statement: Statement): Field[] {
  const { previous, clock, initialisation, notBefore, name } = statement;
  const start = Buffer.allocUnsafe(8);
  start.writeBigUInt64BE(BigInt(statement.startMs));
  return [
    { tag: tag.suite, value: Buffer.of(suite) },
    { tag: tag.camera, value: statement.camera },
    { tag: tag.run, value: statement.runId },
    { tag: tag.recording, value: Buffer.from(statement.recording) },
    ...(previous ? [{ tag: tag.previous, value: Buffer.concat([previous.runId, previous.link]) }] : []),
    { tag: tag.start, value: start },
    {
      tag: tag.clock,
      value: Buffer.concat([Buffer.of(clockStates.indexOf(clock.state)), u32(clock.errorMs ?? unknownError)]),
    },
    { tag: tag.container, value: Buffer.from(statement.container) },
    ...(initialisation ? [{ tag: tag.initialisation, value: initialisation }] : []),
    { tag: tag.segment, value: u32(statement.segmentMs) },
    { tag: tag.checkpoints, value: u32(statement.checkpointMs) },
    ...statement.recipients.map(({ type, id }) => ({
      tag: tag.recipient,
      value: Buffer.concat([Buffer.of(recipientTypes[type]), id]),
    })),
    { tag: tag.commitment, value: statement.commitment },
    { tag: tag.runKey, value: statement.runKey },
    ...(notBefore === undefined ? [] : [{ tag: tag.notBefore, value: Buffer.from(notBefore) }]),
    ...(name === undefined ? [] : [{ tag: tag.name, value: Buffer.from(name) }]),
  ];
}

function decodeStatement(bytes: Buffer): Statement {
  const fields = decodeFields(bytes, statementRules);
  const optional = (wanted: number): Buffer | undefined =>
    fields.find((field) => field.tag === wanted)?.value;
  const one = (wanted: number, what: string, ...lengths: number[]): Buffer => {
    const value = optional(wanted) ?? Buffer.alloc(0);
    if (lengths.length > 0 && !lengths.includes(value.length))
      throw new FormatError(`${what} has another length`);
    return value;
  };
  const suiteNumber = one(tag.suite, 'the suite', 1)[0];
  if (suiteNumber !== suite) throw new FormatError(`suite ${suiteNumber} is unknown`);
  const previous = optional(tag.previous);
  if (previous && previous.length !== runIdBytes + hashBytes)
    throw new FormatError('previous has another length');
  const start = one(tag.start, 'the start', 8).readBigUInt64BE();
  if (start > BigInt(maxStartMs)) throw new FormatError('the start is behind the last year of four digits');
  const clock = one(tag.clock, 'the clock', 5);
  const state = clockStates[clock[0] ?? clockStates.length];
  if (state === undefined) throw new FormatError('the state of the clock is unknown');
  const errorMs = clock.readUInt32BE(1);
  const container = one(tag.container, 'the container').toString('latin1') as Container;
  if (!containers.includes(container)) throw new FormatError('the container is unknown');
  const initialisation = optional(tag.initialisation);
  if ((container === 'video/mp4') !== (initialisation !== undefined) || initialisation?.length === 0) {
    throw new FormatError('MP4, and nothing else, has an initialisation');
  }
  const notBefore = optional(tag.notBefore);
  const name = nameIn(fields.filter((field) => field.tag === tag.name).map(({ value }) => value));
  return {
    camera: one(tag.camera, "the camera's fingerprint", 20, 32),
    runId: one(tag.run, "the run's id", runIdBytes),
    recording: text(one(tag.recording, 'the recording'), maxRecordingBytes),
    ...(previous
      ? { previous: { runId: previous.subarray(0, runIdBytes), link: previous.subarray(runIdBytes) } }
      : {}),
    startMs: Number(start),
    clock: { state, ...(errorMs === unknownError ? {} : { errorMs }) },
    container,
    ...(initialisation ? { initialisation } : {}),
    segmentMs: within(one(tag.segment, 'the segment', 4).readUInt32BE(), 10_000, 3_600_000),
    checkpointMs: within(one(tag.checkpoints, 'the checkpoints', 4).readUInt32BE(), 1000, 60_000),
    recipients: recipientsOf(fields),
    commitment: one(tag.commitment, 'the commitment', hashBytes),
    runKey: one(tag.runKey, "the run's key", runKeyBytes),
    ...(notBefore === undefined ? {} : { notBefore: text(notBefore, maxNotBeforeBytes) }),
    ...(name === undefined ? {} : { name }),
  };
}

function recipientsOf(fields: readonly Field[]): Recipient[] {
  const recipients = fields
    .filter((field) => field.tag === tag.recipient)
    .map(({ value }): Recipient => {
      const [type, id] = [value[0], value.subarray(1)];
      if (type === recipientTypes.openpgp && [20, 32].includes(id.length)) return { type: 'openpgp', id };
      if (type === recipientTypes.symmetric && id.length === 16) return { type: 'symmetric', id };
      throw new FormatError('a recipient is of no known type');
    });
  if (recipients.length === 0 || recipients.length > maxRecipients) {
    throw new FormatError(`a run has 1 to ${maxRecipients} recipients, not ${recipients.length}`);
  }
  return recipients;
}

function decodeSealed(bytes: Buffer): Sealed {
  const fields = decodeFields(bytes, sealedRules);
  const wrapped = fields.filter((field) => field.tag === sealedTag.wrapped).map(({ value }) => value);
  if (wrapped.some((value) => value.length !== wrappedBytes))
    throw new FormatError('a wrapped secret has another length');
  const openpgp = fields.find((field) => field.tag === sealedTag.openpgp)?.value;
  return { ...(openpgp ? { openpgp } : {}), wrapped };
}

function text(bytes: Buffer, maxBytes: number): string {
  if (bytes.length === 0 || bytes.length > maxBytes) throw new FormatError('a text is empty or too long');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError('a text is not UTF-8');
  }
}

/** Who shows it to people shows what was meant as one: anything else is not known to this document. */
function nameIn(values: readonly Buffer[]): string | undefined {
  const [value, another] = values;
  if (!value || another || value.length === 0 || value.length > maxNameBytes) return undefined;
  const name = value.toString('utf8');
  return /[\p{C}\uFFFD]/u.test(name) ? undefined : name;
}

function within(value: number, least: number, most: number): number {
  if (value < least || value > most) throw new FormatError(`${value} is not within ${least} and ${most}`);
  return value;
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
