import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type SyntheticRunOptions, segmentMs, syntheticRun } from '../../../test/support/synthetic-run.ts';
import { encodeCheckpoint } from './chain.ts';
import type { Stretch } from './chain-pieces.ts';
import { encodePacket, packetType } from './format.ts';
import type { Header } from './header.ts';
import { leafHash, MerkleRoot } from './merkle.ts';
import { PacketReader } from './reader.ts';
import { RunVerifier } from './run-verifier.ts';
import { RunWriter } from './run-writer.ts';

/** What lies behind the header: 20 packets and a checkpoint, six times, then the final. */
function record(options: SyntheticRunOptions = {}) {
  const { header, packets, runKey } = syntheticRun(options);
  return { header, runKey, packets: packets.slice(1) };
}

/** What a verifier says of a file with these bytes behind the header. */
function verify(header: Header, bytes: Buffer): { stretches: Stretch[]; ended: boolean } {
  const stretches: Stretch[] = [];
  const verifier = new RunVerifier(header, (stretch) => stretches.push(stretch));
  const reader = new PacketReader();
  reader.push(bytes);
  reader.end();
  for (let item = reader.next(); item; item = reader.next()) {
    if (item.kind === 'skip') continue;
    if ('sequence' in item) verifier.take(item);
    else if (item.kind === 'checkpoint' ? !verifier.checkpoint(item.body) : !verifier.finish(item.body))
      reader.reject();
  }
  verifier.end();
  return { stretches, ended: verifier.final !== undefined };
}

/** As `intact 0-5000`. */
function told(header: Header, packets: readonly Buffer[]): string[] {
  const { stretches, ended } = verify(header, Buffer.concat(packets));
  const words = stretches.map(({ verdict, fromMs, toMs }) => `${verdict} ${fromMs}-${toMs}`);
  return ended ? words : [...words, 'no final'];
}

const { header, packets, runKey } = record();
const without = (...gone: number[]): Buffer[] => packets.filter((_, index) => !gone.includes(index));
const replaced = (at: number, by: Buffer): Buffer[] =>
  packets.map((packet, index) => (index === at ? by : packet));
const at = (index: number): Buffer => packets[index] ?? Buffer.alloc(0);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);
const flipped = (packet: Buffer, position: number): Buffer => {
  const copy = Buffer.from(packet);
  copy[position] = (copy[position] ?? 0) ^ 1;
  return copy;
};
const foreign = record({ fill: 2 }).packets;
const forked = record({ runKey, video: () => Buffer.from('another past') }).packets;

/** A packet that nobody signed, of the last moment that a run can have. */
const late = encodePacket(packetType.data, Buffer.from('fffff0fffffe', 'hex'), Buffer.alloc(13));
const isData = (packet: Buffer): boolean => ((packet[3] ?? 0) & packetType.data) !== 0;
/** As checkpoint 3, of the packets and the time of number 2 and 3. */
const skipped = ((): Buffer[] => {
  const { runId } = header.statement;
  const data = forked.slice(42, 83).filter(isData);
  const tree = new MerkleRoot();
  for (const packet of data) tree.add(leafHash(packet));
  const checkpoint = { number: 3, first: 40, count: data.length, fromMs: 10_000, toMs: 20_000 };
  const previous = Buffer.alloc(32, 9);
  return [
    ...data,
    encodeCheckpoint({ ...checkpoint, previous, root: tree.root() }, runId, runKey.privateKey),
  ];
})();

// Packet 42 is a data packet within 10 to 15 s; the third checkpoint, number 2, is at 62.
const attacks: readonly (readonly [what: string, packets: readonly Buffer[], told: readonly string[]])[] = [
  ['nothing', packets, ['intact 0-30000']],
  ['a packet left out', without(50), ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000']],
  [
    'a packet changed',
    replaced(50, flipped(at(50), 20)),
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'a packet re-timed',
    replaced(50, flipped(at(50), 12)),
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'a packet repeated',
    [...packets.slice(0, 51), at(50), ...packets.slice(51)],
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'two packets exchanged',
    replaced(50, at(51)).map((packet, index) => (index === 51 ? at(50) : packet)),
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'a packet moved over a checkpoint',
    [...without(50).slice(0, 70), at(50), ...without(50).slice(70)],
    ['intact 0-10000', 'tampered 10000-20000', 'intact 20000-30000'],
  ],
  [
    'a packet of another run put in',
    [...packets.slice(0, 50), foreign[50] ?? Buffer.alloc(0), ...packets.slice(50)],
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'a packet of another run in its place',
    replaced(50, foreign[50] ?? Buffer.alloc(0)),
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'five seconds left out, the checkpoint left',
    without(...range(42, 62)),
    ['intact 0-10000', 'missing 10000-15000', 'intact 15000-30000'],
  ],
  [
    'five seconds left out with their checkpoint',
    without(...range(42, 63)),
    ['intact 0-10000', 'missing 10000-15000', 'intact 15000-30000'],
  ],
  ['a checkpoint left out', without(62), ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000']],
  [
    'a checkpoint changed',
    replaced(62, flipped(at(62), 40)),
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'a checkpoint repeated',
    [...packets.slice(0, 63), at(62), ...packets.slice(63)],
    ['intact 0-15000', 'tampered 15000-15000', 'intact 15000-30000'],
  ],
  ['the beginning left out', without(...range(0, 42)), ['missing 0-10000', 'intact 10000-30000']],
  [
    'the end cut off in a packet',
    [...packets.slice(0, 110), at(110).subarray(0, 20)],
    ['intact 0-25000', 'unfinished 25000-26000', 'no final'],
  ],
  ['the end cut off behind a checkpoint', packets.slice(0, 105), ['intact 0-25000', 'no final']],
  [
    'the last five seconds left out, the final left',
    without(...range(105, 126)),
    ['intact 0-25000', 'missing 25000-30000'],
  ],
  ['something added behind the final', [...packets, at(50)], ['intact 0-30000', 'tampered 30000-30000']],
  ['everything but the final left out', packets.slice(-1), ['missing 0-30000']],
  ['the last checkpoint copied to the beginning', [at(125), ...packets], ['tampered 0-0', 'intact 0-30000']],
  [
    'the last ten seconds copied to the beginning',
    [...packets.slice(84, 126), ...packets],
    ['tampered 0-0', 'intact 0-30000'],
  ],
  [
    'the final copied to the beginning',
    [...packets.slice(-1), ...packets],
    ['tampered 0-0', 'intact 0-30000'],
  ],
  [
    'the last checkpoint copied to the beginning, and the first left out',
    [at(125), ...without(20)],
    ['tampered 0-5000', 'intact 5000-30000'],
  ],
  [
    'the third checkpoint copied behind everything, and all up to the fourth left out',
    [...packets.slice(84), at(62)],
    ['missing 0-20000', 'intact 20000-30000', 'tampered 30000-30000'],
  ],
  [
    'a packet with a late time behind the final',
    [...packets, late],
    ['intact 0-30000', 'tampered 30000-30000'],
  ],
  [
    'a packet with a late time at an end without final',
    [...packets.slice(0, 63), late],
    ['intact 0-15000', 'unfinished 15000-20000', 'no final'],
  ],
  [
    'more packets than a checkpoint can cover put into five seconds',
    [
      ...packets.slice(0, 50),
      Buffer.concat(Array.from({ length: 131_073 }, () => late)),
      ...packets.slice(50),
    ],
    ['intact 0-10000', 'tampered 10000-15000', 'intact 15000-30000'],
  ],
  [
    'all checkpoints moved behind all data',
    [...packets.filter((packet) => isData(packet)), ...packets.filter((packet) => !isData(packet))],
    ['tampered 0-5000', 'missing 5000-30000'],
  ],
  [
    'another past from 10 s on that leaves out a number, and no time',
    [...packets.slice(0, 42), ...skipped],
    ['intact 0-10000', 'tampered 10000-20000', 'no final'],
  ],
  [
    'two pasts from 10 s on, one behind the other',
    [...packets.slice(0, 42), ...forked.slice(42, 63), ...packets.slice(42)],
    ['intact 0-10000', 'tampered 10000-30000'],
  ],
  [
    'another run with the same key, spliced in',
    [...packets.slice(0, 42), ...record({ fill: 3, runKey }).packets.slice(42)],
    ['intact 0-10000', 'unfinished 10000-15000', 'no final'],
  ],
  [
    'another past from 10 s on, signed with the same key',
    [...packets.slice(0, 42), ...forked.slice(42)],
    ['intact 0-10000', 'tampered 10000-30000'],
  ],
  [
    'the final of another past, signed with the same key',
    [...packets.slice(0, -1), ...forked.slice(-1)],
    ['intact 0-30000', 'tampered 30000-30000'],
  ],
];
for (const [what, changed, expected] of attacks) {
  test(`${what}: ${expected.join(', ')}`, () => {
    assert.deepEqual(told(header, changed), expected);
  });
}

test('what is said covers the whole time, in order and without holes, whatever was done', () => {
  const change = fc.record({
    kind: fc.constantFrom('remove', 'flip', 'repeat', 'swap', 'cut'),
    index: fc.integer({ min: 0, max: packets.length - 1 }),
    other: fc.integer({ min: 0, max: packets.length - 1 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), (changes) => {
      const changed = [...packets];
      for (const { kind, index, other } of changes) {
        const [one, another] = [changed[index], changed[other]];
        if (!one || !another) continue;
        if (kind === 'remove') changed.splice(index, 1);
        if (kind === 'flip') changed[index] = flipped(one, other % one.length);
        if (kind === 'repeat') changed.splice(other, 0, one);
        if (kind === 'swap') [changed[index], changed[other]] = [another, one];
        if (kind === 'cut') changed.length = index;
      }
      const { stretches, ended } = verify(header, Buffer.concat(changed));
      let positionMs = 0;
      for (const { fromMs, toMs, verdict, found, expected } of stretches) {
        assert.equal(fromMs, positionMs);
        assert.ok(toMs >= fromMs);
        if (verdict === 'intact') assert.equal(found, expected);
        positionMs = toMs;
      }
      if (ended) assert.equal(positionMs, 30_000);
      const isSame = Buffer.concat(changed).equals(Buffer.concat(packets));
      const isWhole = ended && stretches.every(({ verdict }) => verdict === 'intact');
      assert.equal(isWhole, isSame, 'anything that was done is told');
    }),
    { numRuns: 500 },
  );
});

test('a note is told once a checkpoint vouches for it, and one that was put in is not', () => {
  const secret = Buffer.alloc(32, 1);
  const { runId } = header.statement;
  const run = new RunWriter({
    ...{ runId, secret, runPrivateKey: runKey.privateKey, headerHash: header.hash, segmentMs },
  });
  const note = Buffer.concat([...run.note({ what: 'gap', milliseconds: 500 }, 1000)]);
  const checkpoint = run.checkpoint(5000);
  const forged = Buffer.concat([...run.note({ what: 'gap', milliseconds: 900_000 }, 6000)]);
  for (const [packets, expected] of [
    [[note, checkpoint], [500]],
    [[note], []],
    [[note, forged, checkpoint], []],
    [[forged, note, checkpoint], [500]],
  ] as const) {
    const notes: unknown[] = [];
    const verifier = new RunVerifier(
      header,
      () => undefined,
      ({ content }) => notes.push(JSON.parse(content.toString()).milliseconds),
    );
    const reader = new PacketReader();
    reader.push(Buffer.concat([...packets]));
    reader.end();
    for (let item = reader.next(); item; item = reader.next()) {
      if ('sequence' in item) verifier.take(item);
      else if (item.kind === 'checkpoint') verifier.checkpoint(item.body);
    }
    verifier.end();
    assert.deepEqual(notes, expected);
  }
});
