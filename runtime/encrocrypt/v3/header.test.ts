import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { encodeFields } from './fields.ts';
import { envelopeBytes, FormatError, magic, maxPosition, maxStartMs } from './format.ts';
import {
  decodeHeader,
  encodeHeader,
  encodeSignedPart,
  hashOfSignedPart,
  type Statement,
  signedLine,
} from './header.ts';
import { makeRunKey } from './run-key.ts';

const runKey = makeRunKey();
const statement: Statement = {
  camera: Buffer.alloc(20, 1),
  runId: Buffer.alloc(16, 2),
  recording: 'rec-20270115T080000Z-3600s.encrocam',
  previous: { runId: Buffer.alloc(16, 3), link: Buffer.alloc(32, 4) },
  startMs: Date.UTC(2027, 0, 15, 8),
  clock: { state: 'synchronised', errorMs: 12 },
  container: 'video/mp4',
  initialisation: Buffer.from('ftyp and moov'),
  segmentMs: 60_000,
  checkpointMs: 5000,
  recipients: [
    { type: 'openpgp', id: Buffer.alloc(32, 5) },
    { type: 'symmetric', id: Buffer.alloc(16, 6) },
  ],
  commitment: Buffer.alloc(32, 7),
  runKey: runKey.publicKey,
  notBefore: 'eip155:1:21000000:0xabc',
  name: 'front-door',
};
const sealed = { openpgp: Buffer.from('an OpenPGP message'), wrapped: [Buffer.alloc(76, 8)] };

function bodyOf(
  changed: Partial<Statement> = {},
  signature: Buffer | undefined = Buffer.from('signature'),
): Buffer {
  const part = encodeSignedPart({ ...statement, ...changed }, sealed);
  return encodeHeader(part, signature, runKey.privateKey).subarray(envelopeBytes);
}

test('a header says what was written into it, and what the camera signs is its hash', () => {
  const header = decodeHeader(bodyOf());
  assert.deepEqual(header.statement, statement);
  assert.deepEqual(header.sealed, sealed);
  assert.deepEqual(header.cameraSignature, Buffer.from('signature'));
  assert.deepEqual(header.hash, encodeSignedPart(statement, sealed).hash);
  assert.match(signedLine(header.hash), /^EncroCrypt3 header [0-9a-f]{64}\n$/);
});

test('what may be missing may be missing', () => {
  const { previous: _p, initialisation: _i, notBefore: _b, name: _n, ...least } = statement;
  const small: Statement = { ...least, container: 'video/mp2t', clock: { state: 'unknown' } };
  const part = encodeSignedPart(small, { wrapped: [] });
  const header = decodeHeader(encodeHeader(part, undefined, runKey.privateKey).subarray(envelopeBytes));
  assert.deepEqual(header.statement, small);
  assert.equal(header.cameraSignature, undefined);
});

test('a name that cannot be is not written, and passed over where somebody else wrote it', () => {
  const { name: _, ...unnamed } = statement;
  for (const name of ['', 'x'.repeat(65), 'front\u0007door', 'front\u202edoor']) {
    assert.throws(() => encodeSignedPart({ ...statement, name }, sealed), FormatError);
    const field = encodeFields([{ tag: 0x80, value: Buffer.from(name) }]);
    const { bytes } = encodeSignedPart(unnamed, sealed);
    const length = bytes.readUInt32BE(0);
    const grown = Buffer.alloc(4);
    grown.writeUInt32BE(length + field.length);
    const changed = Buffer.concat([grown, bytes.subarray(4, 4 + length), field, bytes.subarray(4 + length)]);
    const part = { bytes: changed, hash: hashOfSignedPart(changed) };
    const header = decodeHeader(encodeHeader(part, undefined, runKey.privateKey).subarray(envelopeBytes));
    assert.deepEqual(header.statement, unnamed);
  }
});

const refused: readonly (readonly [what: string, change: Partial<Statement>])[] = [
  ['a fingerprint of 19 bytes', { camera: Buffer.alloc(19) }],
  ["a run's id of 15 bytes", { runId: Buffer.alloc(15) }],
  ['a recording without a name', { recording: '' }],
  ['a recording of 256 bytes', { recording: 'x'.repeat(256) }],
  ['a link of 31 bytes', { previous: { runId: Buffer.alloc(16), link: Buffer.alloc(31) } }],
  ['a start whose longest run would end behind the year 9999', { startMs: maxStartMs + 1 }],
  ['MP4 without an initialisation', { initialisation: Buffer.alloc(0) }],
  ['MPEG-TS with one', { container: 'video/mp2t' }],
  ['MPEG-TS with an empty one', { container: 'video/mp2t', initialisation: Buffer.alloc(0) }],
  ['another container', { container: 'video/webm' as Statement['container'] }],
  ['segments of less than 10 s', { segmentMs: 9999 }],
  ['segments of more than an hour', { segmentMs: 3_600_001 }],
  ['checkpoints more often than each second', { checkpointMs: 999 }],
  ['checkpoints more than a minute apart', { checkpointMs: 60_001 }],
  ['no recipient', { recipients: [] }],
  ['33 recipients', { recipients: Array.from({ length: 33 }, () => statement.recipients[0] as never) }],
  ['a recipient with half a fingerprint', { recipients: [{ type: 'openpgp', id: Buffer.alloc(10) }] }],
  ['a commitment of 31 bytes', { commitment: Buffer.alloc(31) }],
  ["a run's key of 33 bytes", { runKey: Buffer.alloc(33) }],
  ['a block that is empty', { notBefore: '' }],
  ['a block that fills 513 bytes', { notBefore: 'x'.repeat(513) }],
];
test('the last start that is read: the longest run that begins then ends with the year 9999', () => {
  assert.equal(new Date(maxStartMs + maxPosition).toISOString(), '9999-12-31T23:59:59.999Z');
  assert.equal(decodeHeader(bodyOf({ startMs: maxStartMs })).statement.startMs, maxStartMs);
});

for (const [what, change] of refused) {
  test(`${what} is neither written nor read`, () => {
    assert.throws(() => bodyOf(change), FormatError);
  });
}

test('every byte of a header counts', () => {
  const body = bodyOf();
  const signatureStart = body.indexOf('signature');
  for (let position = 0; position < body.length; position++) {
    const changed = Buffer.from(body);
    changed[position] = (changed[position] ?? 0) ^ 1;
    // The camera's signature is OpenPGP's to check.
    if (position >= signatureStart && position < signatureStart + 'signature'.length) {
      assert.notDeepEqual(decodeHeader(changed).cameraSignature, Buffer.from('signature'));
    } else assert.throws(() => decodeHeader(changed), FormatError, `byte ${position}`);
  }
});

test('a header that is cut anywhere is refused', () => {
  const body = bodyOf();
  for (let length = 0; length < body.length; length++) {
    assert.throws(() => decodeHeader(body.subarray(0, length)), FormatError, `${length} bytes`);
  }
  for (let run = 0; run < 200; run++) {
    assert.throws(() => decodeHeader(Buffer.concat([magic, randomBytes(run)])), FormatError);
  }
});

test("a header with another's public key is refused: its writer cannot sign for it", () => {
  const part = encodeSignedPart({ ...statement, runKey: makeRunKey().publicKey }, sealed);
  const body = encodeHeader(part, undefined, runKey.privateKey).subarray(envelopeBytes);
  assert.throws(() => decodeHeader(body), /run signature/);
});

test('fields out of order, twice, missing or unknown are refused; those from 0x80 on are passed over', async () => {
  const { decodeFields } = await import('./fields.ts');
  const rules = { 1: 'one', 2: 'optional', 3: 'optional-many' } as const;
  const fields = (...tags: number[]): Buffer =>
    encodeFields(tags.map((tag) => ({ tag, value: Buffer.of(tag) })));
  for (const good of [[1], [1, 2], [1, 3, 3], [1, 2, 3, 0x80, 0x80, 0xff]]) {
    const known = good.filter((tag) => tag < 0x80);
    assert.deepEqual(
      decodeFields(fields(...good), rules).map(({ tag }) => tag),
      known,
    );
  }
  for (const bad of [[], [2], [1, 1], [2, 1], [1, 3, 2], [1, 4], [0x80, 1]]) {
    assert.throws(() => decodeFields(fields(...bad), rules), FormatError, String(bad));
  }
  assert.throws(() => decodeFields(fields(1).subarray(0, 3), rules), FormatError);
  assert.throws(() => encodeFields([{ tag: 1, value: Buffer.alloc(65_536) }]), FormatError);
});
