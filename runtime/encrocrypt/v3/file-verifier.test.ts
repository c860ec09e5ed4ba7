import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { linkOfPacket, previousOf, syntheticRun } from '../../../test/support/synthetic-run.ts';
import { encodeCertificate } from './chain.ts';
import type { Stretch } from './chain-pieces.ts';
import { FileVerifier, type PlacedCertificate, type VerifiedRun } from './file-verifier.ts';
import { envelopeBytes, marker, packetType } from './format.ts';
import { encodeHeader, encodeSignedPart } from './header.ts';
import { makeRunKey } from './run-key.ts';

/** 20 s, with the header again in the middle. */
const halves = { seconds: 20, headerAgainAt: 40, video: (index: number) => Buffer.alloc(50, index) };

interface Seen {
  /** As `1: intact 0-20000`, the run's id being ones. */
  readonly told: string[];
  readonly runs: VerifiedRun[];
  readonly certificates: PlacedCertificate[];
  readonly skippedBytes: number;
}

function verify(file: Buffer, chunkBytes = 1 << 16): Seen {
  const pieces: Buffer[] = [];
  for (let start = 0; start < file.length; start += chunkBytes) {
    pieces.push(file.subarray(start, start + chunkBytes));
  }
  return verifyPieces(pieces);
}

function verifyPieces(pieces: readonly Buffer[]): Seen {
  const told: string[] = [];
  const runs: VerifiedRun[] = [];
  const certificates: PlacedCertificate[] = [];
  let skippedBytes = 0;
  const verifier = new FileVerifier({
    onRun: () => undefined,
    onStretch: ({ statement }, { verdict, fromMs, toMs }: Stretch) =>
      told.push(`${statement.runId[0]}: ${verdict} ${fromMs}-${toMs}`),
    onRunEnd: (run) => runs.push(run),
    onCertificate: (certificate) => certificates.push(certificate),
    onSkip: ({ length }) => {
      skippedBytes += length;
    },
  });
  for (const piece of pieces) verifier.push(piece);
  verifier.end();
  return { told, runs, certificates, skippedBytes };
}

const one = syntheticRun(halves);
const two = syntheticRun({ ...halves, fill: 2, statement: { previous: previousOf(one) } });
const both = Buffer.concat([one.bytes, two.bytes]);

test('the runs of a file are told one after the other, however the bytes come', () => {
  for (const chunkBytes of [1, 50, 4096, both.length]) {
    const { told, runs, skippedBytes } = verify(both, chunkBytes);
    assert.deepEqual(told, ['1: intact 0-20000', '2: intact 0-20000']);
    assert.equal(skippedBytes, 0);
    assert.ok(runs.every(({ final, isRepeated }) => final?.reason === 'time' && !isRepeated));
    assert.deepEqual(runs[1]?.header.statement.previous?.link, runs[0]?.link);
  }
});

test('pieces that end where packets seem to end tell what the whole tells, damaged or not', () => {
  const damage = fc.record({
    at: fc.nat(both.length - 1),
    removed: fc.nat(200),
    inserted: fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.constant(marker),
      fc.constant(both.subarray(0, 5)),
    ),
  });
  fc.assert(
    fc.property(fc.array(damage, { maxLength: 4 }), fc.infiniteStream(fc.boolean()), (damages, isCut) => {
      let file = both;
      for (const { at, removed, inserted } of damages) {
        file = Buffer.concat([file.subarray(0, at), inserted, file.subarray(at + removed)]);
      }
      const pieces: Buffer[] = [];
      let start = 0;
      for (let next = file.indexOf(marker, 1); next !== -1; next = file.indexOf(marker, next + 1)) {
        if (!isCut.next().value) continue;
        pieces.push(file.subarray(start, next));
        start = next;
      }
      pieces.push(file.subarray(start));
      const [{ told, skippedBytes }, whole] = [verifyPieces(pieces), verify(file, file.length)];
      assert.deepEqual([told, skippedBytes], [whole.told, whole.skippedBytes]);
    }),
    { numRuns: 100 },
  );
});

test('without its first header a run is told from the next one on', () => {
  const [, ...rest] = one.packets;
  const { told, skippedBytes } = verify(Buffer.concat(rest));
  assert.deepEqual(told, ['1: missing 0-10000', '1: intact 10000-20000']);
  assert.ok(skippedBytes > 0);
});

test('a run that stands twice in a file is told as such', () => {
  const { runs } = verify(Buffer.concat([both, one.bytes]));
  assert.deepEqual(
    runs.map(({ isRepeated }) => isRepeated),
    [false, false, true],
  );
});

test('packets before any header, and headers that are forged, are no run', () => {
  const forged = Buffer.from(one.packets[0] ?? Buffer.alloc(0));
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  const bytes = Buffer.concat([...one.packets.slice(1, 9), forged, two.bytes]);
  const { told, skippedBytes } = verify(bytes);
  assert.deepEqual(told, ['2: intact 0-20000']);
  assert.equal(skippedBytes, bytes.length - two.bytes.length);
});

test('headers beyond 64 MiB of one file are believed no longer, and what follows them belongs to nothing', () => {
  // As large as they can be: 60 KB of initialisation in each.
  const initialisation = Buffer.alloc(60_000);
  const runKey = makeRunKey();
  const large = (index: number): Buffer => {
    const runId = Buffer.alloc(16);
    runId.writeUInt32BE(index);
    const statement = { ...one.header.statement, runId, runKey: runKey.publicKey };
    const part = encodeSignedPart({ ...statement, container: 'video/mp4', initialisation }, { wrapped: [] });
    return encodeHeader(part, undefined, runKey.privateKey);
  };
  const headerBytes = large(0).length;
  const most = Math.floor((64 * 2 ** 20) / (headerBytes - envelopeBytes));
  let runs = 0;
  let skippedBytes = 0;
  const verifier = new FileVerifier({
    onRun: () => {
      runs += 1;
    },
    onStretch: assert.fail,
    onRunEnd: () => undefined,
    onSkip: ({ length }) => {
      skippedBytes += length;
    },
  });
  for (let index = 0; index < most + 10; index++) verifier.push(large(index));
  verifier.end();
  assert.equal(runs, most);
  assert.equal(skippedBytes, 10 * headerBytes);
});

test("another run's header in the midst of a run hides nothing of it", () => {
  const [header = Buffer.of()] = one.packets;
  for (const [what, file, told] of [
    ['before a checkpoint', two.packets.toSpliced(3, 0, header), ['2: tampered 0-0', '2: intact 0-20000']],
    [
      'behind a checkpoint',
      two.packets.toSpliced(23, 0, header),
      ['2: intact 0-5000', '2: tampered 5000-5000', '2: intact 5000-20000'],
    ],
    [
      'with its own header again',
      two.packets.toSpliced(23, 0, header, two.packets[0] ?? header),
      ['2: intact 0-5000', '2: tampered 5000-5000', '2: intact 5000-20000'],
    ],
  ] as const) {
    const { told: found, runs, skippedBytes } = verify(Buffer.concat(file));
    assert.deepEqual(found, told, what);
    assert.equal(skippedBytes, 0);
    assert.deepEqual(
      runs.map(({ header: { statement }, final }) => [statement.runId[0], final !== undefined]),
      [
        [2, true],
        [1, false],
      ],
      what,
    );
  }
});

test('two runs whose seconds alternate are not in their place', () => {
  const [a = Buffer.of(), ...ofOne] = one.packets;
  const [b = Buffer.of(), ...ofTwo] = two.packets;
  const file = [
    a,
    ...ofOne.slice(0, 21),
    b,
    ...ofTwo.slice(0, 21),
    ...ofOne.slice(21, 42),
    ...ofTwo.slice(21),
  ];
  const { told } = verify(Buffer.concat(file));
  assert.deepEqual(told, [
    ...['1: intact 0-5000', '1: tampered 5000-5000', '1: missing 5000-10000', '1: unfinished 10000-10000'],
    ...['2: intact 0-5000', '2: tampered 5000-10000', '2: intact 10000-20000'],
  ]);
});

test('of copies of a header with other signatures each is told, whichever comes first', () => {
  const part = encodeSignedPart(one.header.statement, one.header.sealed);
  const [header = Buffer.of(), ...rest] = one.packets;
  const copy = encodeHeader(part, Buffer.from('of somebody'), one.runKey.privateKey);
  const { runs, told } = verify(
    Buffer.concat([copy, header, header, ...rest.slice(0, 30), copy, ...rest.slice(30)]),
  );
  assert.deepEqual(told, ['1: intact 0-20000']);
  assert.deepEqual(
    runs[0]?.copies.map(({ cameraSignature, bytes }) => [cameraSignature?.toString(), bytes]),
    [
      ['of somebody', 2 * copy.length],
      // Its repetition is one more.
      [undefined, 3 * header.length],
    ],
  );
});

test('a certificate is told of the run that it names, wherever it stands behind it, and of no other', () => {
  const certificate = (hash: Buffer): Buffer =>
    encodeCertificate({ runId: one.runId, headerHash: hash, link: one.link, cameraSignature: Buffer.of(1) });
  const [ours, unknown] = [certificate(one.header.hash), certificate(two.header.hash)];
  const first = verify(Buffer.concat([one.bytes, ours, unknown, two.bytes]));
  assert.deepEqual(
    first.certificates.map(({ toMs }) => toMs),
    [20_000],
  );
  assert.equal(first.skippedBytes, unknown.length, 'of a run that has not come yet');
  // The camera goes on while it is locked, and certifies afterwards.
  const [header = Buffer.of(), ...rest] = two.packets;
  for (const file of [
    [one.bytes, two.bytes, ours],
    [one.bytes, header, ours, ...rest],
  ]) {
    const { told, certificates, skippedBytes } = verify(Buffer.concat(file));
    assert.deepEqual(
      certificates.map(({ headerHash, toMs }) => [headerHash, toMs]),
      [[one.header.hash, 20_000]],
    );
    assert.deepEqual(told, ['1: intact 0-20000', '2: intact 0-20000']);
    assert.equal(skippedBytes, 0);
  }
});

test('a certificate reaches up to what it names, if that stands before it', () => {
  const [header = Buffer.of(), ...rest] = one.packets;
  const checkpoints = one.packets.filter((packet) => packet[3] === packetType.checkpoint);
  const certificate = (link: Buffer): Buffer =>
    encodeCertificate({
      ...{ runId: one.runId, headerHash: one.header.hash, link },
      cameraSignature: Buffer.of(1),
    });
  const reachOf = (...file: Buffer[]): (number | undefined)[] =>
    verify(Buffer.concat(file)).certificates.map(({ toMs }) => toMs);
  for (const [index, checkpoint] of checkpoints.entries())
    assert.deepEqual(reachOf(one.bytes, certificate(linkOfPacket(one, checkpoint))), [(index + 1) * 5000]);
  assert.deepEqual(reachOf(one.bytes, certificate(one.link)), [20_000]);
  assert.deepEqual(reachOf(header, certificate(one.header.hash)), [0]);
  assert.deepEqual(reachOf(header, certificate(one.link), ...rest), [undefined], 'before what it names');
  assert.deepEqual(
    reachOf(...one.packets.slice(0, -1), certificate(one.link)),
    [undefined],
    'of a final that is gone',
  );
  assert.deepEqual(reachOf(one.bytes, certificate(Buffer.alloc(32))), [undefined]);
});

test('damage costs the seconds around it and nothing else', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: both.length - 1 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 255 }),
      (start, length, byte) => {
        const damaged = Buffer.from(both);
        for (let at = start; at < Math.min(start + length, both.length); at++)
          damaged[at] = (damaged[at] ?? 0) ^ byte;
        const { told, runs } = verify(damaged);
        const lost = told
          .map((line) => /: (\w+) (\d+)-(\d+)$/.exec(line))
          .filter((match) => match?.[1] !== 'intact')
          .reduce((sum, match) => sum + Number(match?.[3]) - Number(match?.[2]), 0);
        // The worst is a header: its run is known from the repetition on.
        assert.ok(lost <= 15_000, told.join('; '));
        const unharmed =
          start + length <= one.bytes.length ? '2' : start >= one.bytes.length ? '1' : undefined;
        if (unharmed) assert.ok(told.includes(`${unharmed}: intact 0-20000`), told.join('; '));
        assert.equal(runs.length, 2);
        const isToldWhole =
          told.join() === '1: intact 0-20000,2: intact 0-20000' && runs.every(({ final }) => final);
        // A repeated header may be damaged without consequence: what it says is known.
        if (isToldWhole) assert.ok(touchesOnlyRepeatedHeaders(start, start + length));
      },
    ),
    { numRuns: 500 },
  );
});

function touchesOnlyRepeatedHeaders(from: number, to: number): boolean {
  let position = 0;
  for (const { packets } of [one, two]) {
    for (const [index, packet] of packets.entries()) {
      const end = position + packet.length;
      const isRepeated = index > 0 && packet === packets[0];
      if (!isRepeated && from < end && Math.min(to, both.length) > position) return false;
      position = end;
    }
  }
  return true;
}
