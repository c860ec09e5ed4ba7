/** Headers put together field by field, so that each can break one rule of `docs/ref/encrocrypt3.md` and keep all others. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import {
  encodePacket,
  label,
  magic as magicOfFormat,
  packetType,
  sha256,
} from '../../runtime/encrocrypt/v3/index.ts';

export interface Field {
  readonly tag: number;
  readonly value: Buffer;
}

export interface HeaderParts {
  readonly magic: Buffer;
  /** In bytes that are there, whatever the fields in them say. */
  readonly statement: Buffer;
  readonly sealed: Buffer;
  readonly cameraSignature: Buffer;
  /** What its length field says of the signature. */
  readonly signatureLength: number;
  /** What the run's key signs. */
  readonly signed: (headerHash: Buffer) => Buffer;
  readonly runSignature: (signature: Buffer) => Buffer;
}

/** Of no use to anybody: its 32 bytes are all 7. */
const runKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});
const publicKey = createPublicKey(runKey).export({ format: 'der', type: 'spki' }).subarray(-32);

export function u8(value: number): Buffer {
  return Buffer.of(value);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export const tag = {
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
} as const;

/** The least that a header says. */
export const least: readonly Field[] = [
  { tag: tag.suite, value: u8(1) },
  { tag: tag.camera, value: Buffer.alloc(20, 0xca) },
  { tag: tag.run, value: Buffer.alloc(16, 0x1d) },
  { tag: tag.recording, value: Buffer.from('rec') },
  { tag: tag.start, value: u64(Date.UTC(2027, 0, 15, 8)) },
  { tag: tag.clock, value: Buffer.concat([u8(1), u32(20)]) },
  { tag: tag.container, value: Buffer.from('video/mp2t') },
  { tag: tag.segment, value: u32(10_000) },
  { tag: tag.checkpoints, value: u32(5000) },
  { tag: tag.recipient, value: Buffer.concat([u8(1), Buffer.alloc(20, 0x0e)]) },
  { tag: tag.commitment, value: Buffer.alloc(32, 0xc0) },
  { tag: tag.runKey, value: publicKey },
];

export function bytesOf(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ tag: number, value }) => {
      const head = Buffer.of(number, 0, 0);
      head.writeUInt16BE(value.length, 1);
      return [head, value];
    }),
  );
}

/** The least statement with other values, or with fields that it lacks, each in the place of its tag. */
export function statementWith(...fields: readonly Field[]): Buffer {
  const kept = least.filter(({ tag: number }) => !fields.some((field) => field.tag === number));
  return bytesOf([...kept, ...fields].sort((one, other) => one.tag - other.tag));
}

export function statementWithout(...tags: readonly number[]): Buffer {
  return bytesOf(least.filter((field) => !tags.includes(field.tag)));
}

/** A header packet. What is not given is as it should be. */
export function headerOf(parts: Partial<HeaderParts> = {}): Buffer {
  const { magic = magicOfFormat, statement = bytesOf(least), sealed = Buffer.alloc(0) } = parts;
  const { cameraSignature = Buffer.alloc(0), signatureLength = cameraSignature.length } = parts;
  const {
    signed = (hash) => Buffer.concat([Buffer.from(label.run), hash]),
    runSignature = (bytes) => bytes,
  } = parts;
  const part = Buffer.concat([u32(statement.length), statement, u32(sealed.length), sealed]);
  const signature = sign(null, signed(sha256(label.header, part)), runKey);
  return encodePacket(
    packetType.header,
    ...[magic, part, u32(signatureLength), cameraSignature, runSignature(signature)],
  );
}

/** Parts at their longest and one byte beyond: too large to be kept as vectors. */
export function longHeaders(): {
  readonly what: string;
  readonly isRefused: boolean;
  readonly packet: Buffer;
}[] {
  const filled = (bytes: Buffer, length: number): Buffer =>
    Buffer.concat([bytes, bytesOf([{ tag: 0x80, value: Buffer.alloc(length - bytes.length - 3) }])]);
  const openpgp = bytesOf([{ tag: 0x01, value: Buffer.alloc(0xffff) }]);
  return [0, 1].flatMap((beyond) =>
    [
      { what: 'the statement', parts: { statement: filled(bytesOf(least), 65_535 + beyond) } },
      { what: 'what is sealed', parts: { sealed: filled(openpgp, 131_072 + beyond) } },
      { what: "the camera's signature", parts: { cameraSignature: Buffer.alloc(16_384 + beyond) } },
    ].map(({ what, parts }) => ({
      what: `${what}, ${beyond === 0 ? 'as long as it may be' : 'one byte too long'}`,
      isRefused: beyond === 1,
      packet: headerOf(parts),
    })),
  );
}
