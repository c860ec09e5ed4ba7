import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { syntheticRun } from '../../test/support/synthetic-run.ts';
import {
  coverOf,
  covers,
  FormatError,
  maxSegments,
  PacketReader,
  RunOpener,
  rootOf,
  segmentKey,
  type TreeNode,
} from '../encrocrypt/v3/index.ts';
import {
  type Capability,
  decodeCapability,
  encodeCapability,
  maxCapabilityBytes,
  type SharedRun,
  sharedKeys,
  sharedRun,
} from './capability.ts';
import { grantOf, overlapOf } from './grant.ts';

const run = syntheticRun({ seconds: 90, statement: { startMs: 1_800_000_000_000 } });
const root = rootOf(run.secret, run.runId);
const keys = { runId: run.runId, segmentMs: run.header.statement.segmentMs, nodes: [root] };
const known = { header: run.header, lengthMs: 90_001, isEnded: true };
const { startMs } = run.header.statement;

function share(fromMs: number, toMs: number, more: Partial<Capability> = {}): Capability {
  const range = overlapOf(known, { fromMs: startMs + fromMs, toMs: startMs + toMs });
  assert.ok(range);
  return {
    ...{ camera: run.header.statement.camera, fromMs: startMs + fromMs, toMs: startMs + toMs },
    runs: [grantOf(known, range, keys)],
    ...more,
  };
}

test('what was written is what is read, with everything in it', () => {
  const capability = share(25_000, 61_000, { expiresMs: startMs + 86_400_000, note: 'Haustür, für Ana' });
  assert.deepEqual(decodeCapability(encodeCapability(capability)), capability);
  const plain = share(0, 10_000);
  assert.deepEqual(decodeCapability(encodeCapability(plain)), plain);
});

test('the vectors are read as listed, and written the same', async () => {
  const file = path.join(import.meta.dirname, '../../test/vectors/share/expected.json');
  const { shares } = JSON.parse(await readFile(file, 'utf8')) as {
    shares: { hex: string; camera: string; fromMs: number; toMs: number; nodes: string[][] }[];
  };
  assert.ok(shares.length > 0);
  for (const { hex, camera, fromMs, toMs, nodes } of shares) {
    const read = decodeCapability(Buffer.from(hex, 'hex'));
    assert.equal(read.camera.toString('hex'), camera);
    assert.deepEqual([read.fromMs, read.toMs], [fromMs, toMs]);
    assert.deepEqual(
      read.runs.map((shared) => shared.nodes.map(({ depth, index }) => `${depth}/${index}`)),
      nodes,
    );
    assert.equal(encodeCapability(read).toString('hex'), hex);
  }
});

test('cut anywhere, or with any one bit changed, it is refused', () => {
  const bytes = encodeCapability(share(25_000, 61_000, { note: 'a' }));
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeCapability(bytes.subarray(0, length)), FormatError, `${length} bytes`);
  }
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => decodeCapability(changed), FormatError, `bit ${bit}`);
  }
  assert.throws(() => decodeCapability(Buffer.concat([bytes, Buffer.of(0)])), FormatError);
  assert.throws(() => decodeCapability(Buffer.alloc(maxCapabilityBytes + 1)), FormatError);
});

test('noise throws nothing but what a reader may throw', () => {
  const bytes = encodeCapability(share(0, 90_000));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(bytes.length), (noise, at) => {
      assert.throws(() => decodeCapability(Buffer.from(noise)), FormatError);
      const mixed = Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
      if (noise.length > 0) assert.throws(() => decodeCapability(mixed), FormatError);
    }),
  );
});

test('what contradicts itself is not written', () => {
  const good = share(25_000, 61_000);
  const [shared] = good.runs;
  assert.ok(shared);
  const [node] = shared.nodes;
  assert.ok(node);
  const bad: [string, Partial<Capability>][] = [
    ['no runs', { runs: [] }],
    ['a run twice', { runs: [shared, shared] }],
    ['an empty range', { toMs: good.fromMs }],
    ['a fingerprint of another length', { camera: Buffer.alloc(19) }],
    ['a time that is none', { expiresMs: 8_640_000_000_000_001 }],
    ['an empty note', { note: '' }],
    ['a note that is too long', { note: 'ü'.repeat(128) }],
    ['nodes that lack a segment', { runs: [{ ...shared, nodes: shared.nodes.slice(1) }] }],
    ['nodes with a hole', { runs: [{ ...shared, nodes: [node, { ...node, index: node.index + 2 }] }] }],
    ['a node twice', { runs: [{ ...shared, nodes: [...shared.nodes, ...shared.nodes] }] }],
    ['two nodes for one', { runs: [{ ...shared, nodes: halvesOf(shared) }] }],
    ['a segment before the part', { runs: [{ ...shared, nodes: coverOf(root, 1, 6) }] }],
    ['a segment behind the part', { runs: [{ ...shared, nodes: coverOf(root, 2, 7) }] }],
    ['no nodes', { runs: [{ ...shared, nodes: [] }] }],
    ['a segment that is too short', { runs: [{ ...shared, segmentMs: 9999 }] }],
    ['an empty part of a run', { runs: [{ ...shared, toMs: shared.fromMs }] }],
  ];
  for (const [what, part] of bad) {
    assert.throws(() => encodeCapability({ ...good, ...part }), FormatError, what);
  }
});

/** What `25_000` to `61_000` takes, in more nodes than it need be. */
function halvesOf({ nodes }: SharedRun): TreeNode[] {
  const halves = [2, 3, 4, 5, 6].flatMap((segment) => coverOf(root, segment, segment));
  assert.ok(nodes.length < halves.length);
  return halves;
}

test('whatever the range, no segment beside it can be opened, and every one in it can', () => {
  const lengthMs = maxSegments * 4000;
  const long = { ...known, lengthMs, isEnded: false };
  const moment = fc.integer({ min: 0, max: lengthMs - 1 });
  fc.assert(
    fc.property(moment, moment, (one, other) => {
      const [fromMs, toMs] = [Math.min(one, other), Math.max(one, other) + 1];
      const { nodes } = grantOf(long, { fromMs, toMs }, keys);
      const [first, last] = [Math.floor(fromMs / 10_000), Math.floor((toMs - 1) / 10_000)];
      for (const outside of [first - 1, last + 1]) {
        assert.ok(nodes.every((node) => !covers(node, outside)));
        for (const node of nodes) assert.throws(() => segmentKey(node, outside), FormatError);
      }
      for (const inside of [first, last]) {
        const above = nodes.filter((node) => covers(node, inside));
        assert.equal(above.length, 1);
        assert.deepEqual(segmentKey(above[0] ?? root, inside), segmentKey(root, inside));
      }
      // Nor is a key that was given a key of anything beside it.
      const given = new Set(nodes.map(({ key }) => key.toString('hex')));
      const beside = [
        ...(first > 0 ? coverOf(root, 0, first - 1) : []),
        ...(last < maxSegments - 1 ? coverOf(root, last + 1, maxSegments - 1) : []),
      ];
      assert.ok(beside.every(({ key }) => !given.has(key.toString('hex'))));
    }),
    { numRuns: 300 },
  );
});

test('of a recording, the packets of the segments that were given open, and not one beside them', () => {
  for (let round = 0; round < 30; round++) {
    const [a, b] = [randomBytes(2).readUInt16BE() % 90_000, randomBytes(2).readUInt16BE() % 90_000];
    const [fromMs, toMs] = [Math.min(a, b), Math.max(a, b) + 1];
    const given = sharedKeys(decodeCapability(encodeCapability(share(fromMs, toMs))), run.header);
    assert.ok(given);
    const opener = new RunOpener(given);
    const reader = new PacketReader();
    reader.push(run.bytes);
    reader.end();
    const [first, last] = [Math.floor(fromMs / 10_000), Math.floor((toMs - 1) / 10_000)];
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind !== 'data') continue;
      const segment = Math.floor(item.timeMs / 10_000);
      const isGiven = segment >= first && segment <= last;
      assert.equal(opener.open(item) !== undefined, isGiven, `${item.timeMs} of ${fromMs} to ${toMs}`);
    }
  }
});

test('a run that was shared to its end is one node, and one that still grows is not given away ahead', () => {
  assert.equal(share(0, 95_000).runs[0]?.nodes.length, 1);
  assert.deepEqual(share(0, 95_000).runs[0]?.nodes[0]?.depth, 0);
  const growing = { ...known, isEnded: false };
  const { nodes } = grantOf(growing, { fromMs: 0, toMs: 90_001 }, keys);
  assert.ok(nodes.every((node) => !covers(node, 10)));
});

test('a range beside the run has nothing in it', () => {
  assert.equal(overlapOf(known, { fromMs: startMs - 5000, toMs: startMs }), undefined);
  assert.equal(overlapOf(known, { fromMs: startMs + 90_001, toMs: startMs + 99_000 }), undefined);
  assert.deepEqual(overlapOf(known, { fromMs: startMs - 5000, toMs: startMs + 1 }), { fromMs: 0, toMs: 1 });
});

test('a run that only claims the id of a shared one gets no keys', () => {
  const capability = share(0, 90_000);
  const stranger = syntheticRun({ seconds: 5, statement: { startMs } });
  assert.deepEqual(stranger.runId, run.runId);
  assert.equal(sharedRun(capability, stranger.header), undefined);
  assert.ok(sharedRun(capability, run.header));
});

test('who was given a part cannot have it given on as a part by us', () => {
  const nodes = coverOf(root, 1, 2);
  assert.throws(() => grantOf(known, { fromMs: 0, toMs: 1 }, { ...keys, nodes }), TypeError);
});
