/** Headers without a run behind them: some at the limits of the rules, others that break one rule each. */
import {
  bytesOf,
  type HeaderParts,
  headerOf,
  least,
  statementWith,
  statementWithout,
  tag,
  u8,
  u32,
  u64,
} from './header-builder.ts';

export interface MadeHeader {
  readonly what: string;
  readonly isRefused: boolean;
  readonly packet: Buffer;
}

/** 9999-12-31T23:59:59.999Z, less the longest run. */
const lastStartMs = 253_402_300_799_999 - (2 ** 24 - 2);
const owner = Buffer.concat([u8(1), Buffer.alloc(20, 0x0e)]);
const owners = (count: number) => Array.from({ length: count }, () => ({ tag: tag.recipient, value: owner }));
const mp4 = { tag: tag.container, value: Buffer.from('video/mp4') };
const wrapped = { tag: 0x02, value: Buffer.alloc(76) };
const message = { tag: 0x01, value: Buffer.from('message') };
const statement = (value: Buffer): Partial<HeaderParts> => ({ statement: value });
const sealed = (...fields: { tag: number; value: Buffer }[]): Partial<HeaderParts> => ({
  sealed: bytesOf(fields),
});
const one = (number: number, value: Buffer | string): Partial<HeaderParts> =>
  statement(statementWith({ tag: number, value: Buffer.from(value) }));
/** The least statement with two neighbours of it exchanged. */
const exchanged = least
  .map((_, at) => least[at === 2 ? 3 : at === 3 ? 2 : at] ?? least[0])
  .flatMap((field) => field ?? []);

type Rows = readonly (readonly [what: string, parts: Partial<HeaderParts>])[];

const accepted: Rows = [
  ['nothing but what must be there', {}],
  [
    'unknown fields from 0x80 on, one of them twice, in both parts',
    {
      statement: statementWith(
        { tag: 0x80, value: Buffer.of() },
        { tag: 0x80, value: u8(1) },
        { tag: 0xff, value: u8(2) },
      ),
      ...sealed(message, { tag: 0x81, value: u8(3) }),
    },
  ],
  ['the last start', one(tag.start, u64(lastStartMs))],
  [
    'fingerprints of 32 bytes, and a symmetric key',
    statement(
      statementWith(
        { tag: tag.camera, value: Buffer.alloc(32, 0xca) },
        { tag: tag.recipient, value: Buffer.concat([u8(1), Buffer.alloc(32, 0x0e)]) },
        { tag: tag.recipient, value: Buffer.concat([u8(2), Buffer.alloc(16, 0x5e)]) },
      ),
    ),
  ],
  ['32 recipients', statement(statementWith(...owners(32)))],
  [
    'a name of 255 bytes, a block of 512',
    statement(
      statementWith(
        { tag: tag.recording, value: Buffer.from(`x${'é'.repeat(127)}`) },
        { tag: tag.notBefore, value: Buffer.alloc(512, 'x') },
      ),
    ),
  ],
  [
    'the longest segments and checkpoints',
    statement(
      statementWith(
        { tag: tag.segment, value: u32(3_600_000) },
        { tag: tag.checkpoints, value: u32(60_000) },
      ),
    ),
  ],
  [
    'the most frequent checkpoints, and a clock of which nothing is known',
    statement(
      statementWith(
        { tag: tag.checkpoints, value: u32(1000) },
        { tag: tag.clock, value: Buffer.concat([u8(0), u32(2 ** 32 - 1)]) },
      ),
    ),
  ],
  [
    'MP4 with an initialisation of a byte',
    statement(statementWith(mp4, { tag: tag.initialisation, value: u8(0) })),
  ],
  [
    'a run before, and two secrets wrapped',
    { ...one(tag.previous, Buffer.alloc(48)), ...sealed(wrapped, wrapped) },
  ],
];

const names = Object.entries(tag);
const mandatory = names.filter(([, number]) => least.some((field) => field.tag === number));
const refused: Rows = [
  ...mandatory.map(([name, number]) => [`missing: ${name}`, statement(statementWithout(number))] as const),
  ['order: recording before run', statement(bytesOf(exchanged))],
  ['order: wrapped before OpenPGP', sealed(wrapped, message)],
  [
    'order: an unknown field from 0x80 on before a known one',
    statement(bytesOf([{ tag: 0x80, value: u8(0) }, ...least])),
  ],
  [
    'twice: camera',
    statement(statementWith(...[1, 2].map((fill) => ({ tag: tag.camera, value: Buffer.alloc(20, fill) })))),
  ],
  ['twice: OpenPGP', sealed(message, message)],
  ['unknown below 0x80: 0x00 in the statement', one(0x00, u8(0))],
  ['unknown below 0x80: 0x10 in the statement', one(0x10, u8(0))],
  ['unknown below 0x80: 0x7f in the statement', one(0x7f, u8(0))],
  ['unknown below 0x80: 0x03 in what is sealed', sealed({ tag: 0x03, value: u8(0) })],
  ['cut: the last field of the statement', statement(bytesOf(least).subarray(0, -1))],
  [
    'cut: two bytes of a field behind the last one',
    statement(Buffer.concat([bytesOf(least), Buffer.of(0x80, 0)])),
  ],
  ['cut: what is sealed', { sealed: bytesOf([message]).subarray(0, -1) }],
  ['suite: 0', one(tag.suite, u8(0))],
  ['suite: 2', one(tag.suite, u8(2))],
  ['length: suite, 2 bytes', one(tag.suite, Buffer.of(1, 1))],
  ['length: camera, 19 bytes', one(tag.camera, Buffer.alloc(19))],
  ['length: camera, 33 bytes', one(tag.camera, Buffer.alloc(33))],
  ['length: run, 15 bytes', one(tag.run, Buffer.alloc(15))],
  ['length: recording, empty', one(tag.recording, '')],
  ['length: recording, 256 bytes', one(tag.recording, Buffer.alloc(256, 'x'))],
  ['length: previous, 47 bytes', one(tag.previous, Buffer.alloc(47))],
  ['length: start, 7 bytes', one(tag.start, Buffer.alloc(7))],
  ['length: clock, 4 bytes', one(tag.clock, Buffer.alloc(4))],
  [
    'length: initialisation of MP4, empty',
    statement(statementWith(mp4, { tag: tag.initialisation, value: Buffer.of() })),
  ],
  ['length: segment, 5 bytes', one(tag.segment, Buffer.concat([u32(10_000), u8(0)]))],
  ['length: checkpoints, 3 bytes', one(tag.checkpoints, u32(5000).subarray(1))],
  ['length: commitment, 31 bytes', one(tag.commitment, Buffer.alloc(31))],
  ['length: run key, 33 bytes', one(tag.runKey, Buffer.concat([least.at(-1)?.value ?? Buffer.of(), u8(0)]))],
  ['length: not before, empty', one(tag.notBefore, '')],
  ['length: not before, 513 bytes', one(tag.notBefore, Buffer.alloc(513, 'x'))],
  ['length: wrapped, 75 bytes', sealed({ tag: 0x02, value: Buffer.alloc(75) })],
  ['value: a recording that is not UTF-8', one(tag.recording, Buffer.of(0x72, 0xc3))],
  ['value: a block that is not UTF-8', one(tag.notBefore, Buffer.of(0xed, 0xa0, 0x80))],
  ['value: a start one millisecond beyond the last', one(tag.start, u64(lastStartMs + 1))],
  ['value: a clock in state 3', one(tag.clock, Buffer.concat([u8(3), u32(0)]))],
  ['value: a container that is neither', one(tag.container, 'video/webm')],
  ['value: MP4 without an initialisation', statement(statementWith(mp4))],
  ['value: MPEG-TS with an initialisation', one(tag.initialisation, u8(0))],
  ['value: MPEG-TS with an empty initialisation', one(tag.initialisation, '')],
  ['value: segments of 9999 ms', one(tag.segment, u32(9999))],
  ['value: segments of 3 600 001 ms', one(tag.segment, u32(3_600_001))],
  ['value: checkpoints 999 ms apart', one(tag.checkpoints, u32(999))],
  ['value: checkpoints 60 001 ms apart', one(tag.checkpoints, u32(60_001))],
  ['value: 33 recipients', statement(statementWith(...owners(33)))],
  ['value: a recipient of type 0', one(tag.recipient, Buffer.concat([u8(0), Buffer.alloc(20)]))],
  ['value: a recipient of type 3', one(tag.recipient, Buffer.concat([u8(3), Buffer.alloc(20)]))],
  ['value: an OpenPGP fingerprint of 16 bytes', one(tag.recipient, Buffer.concat([u8(1), Buffer.alloc(16)]))],
  ["value: a symmetric key's id of 20 bytes", one(tag.recipient, Buffer.concat([u8(2), Buffer.alloc(20)]))],
  ['value: an empty recipient', one(tag.recipient, '')],
  ['magic: __EncroCrypt4', { magic: Buffer.from('__EncroCrypt4') }],
  [
    "the camera's signature: one byte longer than what is there",
    { cameraSignature: u8(1), signatureLength: 66 },
  ],
  [
    'run signature: a bit changed',
    { runSignature: (bytes) => Buffer.from(bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte))) },
  ],
  ['run signature: over the hash alone, without its label', { signed: (hash) => hash }],
  ['run signature: cut by a byte', { runSignature: (bytes) => bytes.subarray(0, -1) }],
  ['run signature: a byte behind it', { runSignature: (bytes) => Buffer.concat([bytes, u8(0)]) }],
  [
    'run signature: under another run key',
    one(tag.runKey, Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')),
  ],
];

/** By turns, so that a reader that takes a refused one for good loses one that is. */
export const headers: readonly MadeHeader[] = refused.flatMap(([what, parts], at) => {
  const before = accepted[at];
  return [
    ...(before ? [{ what: before[0], isRefused: false, packet: headerOf(before[1]) }] : []),
    { what, isRefused: true, packet: headerOf(parts) },
  ];
});
