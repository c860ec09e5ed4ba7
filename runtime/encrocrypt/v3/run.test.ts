import assert from 'node:assert/strict';
import { createPublicKey, randomBytes, randomInt } from 'node:crypto';
import test from 'node:test';
import fc from 'fast-check';
import { decodeCertificate, decodeCheckpoint, decodeFinal, encodeCertificate } from './chain.ts';
import { dataOverheadBytes, envelopeBytes, FormatError, linkOf, maxPosition } from './format.ts';
import { coverOf, rootOf } from './key-tree.ts';
import { leafHash, MerkleRoot } from './merkle.ts';
import { type ChainPacket, type Packet, PacketReader, RunOpener, segmentOf } from './reader.ts';
import { makeRunKey } from './run-key.ts';
import { type PacketParts, RunWriter } from './run-writer.ts';

const segmentMs = 60_000;
const runId = Buffer.alloc(16, 1);
const secret = Buffer.alloc(32, 2);
const headerHash = Buffer.alloc(32, 3);
const runKey = makeRunKey();
const publicKey = createPublicKey(runKey.privateKey);
const root = rootOf(secret, runId);

function newRun(): RunWriter {
  return new RunWriter({
    ...{ runId, headerHash, segmentMs, runPrivateKey: runKey.privateKey },
    secret: Buffer.from(secret),
  });
}

function opener(first = 0, last = 4095): RunOpener {
  return new RunOpener({ runId, segmentMs, nodes: coverOf(root, first, last) });
}

function join(...packets: PacketParts[]): Buffer {
  return Buffer.concat(packets.flat());
}

/** Packets of a file that is whole, each with bytes of its own. */
function packetsOf(file: Buffer, chunkBytes = file.length): Packet[] {
  const reader = new PacketReader();
  const packets: Packet[] = [];
  const drain = (): void => {
    for (let item = reader.next(); item; item = reader.next()) {
      assert.notEqual(item.kind, 'skip');
      const { bytes } = item as Packet;
      packets.push({
        ...(item as Packet),
        bytes: Buffer.from(bytes),
        body: Buffer.from(bytes.subarray(envelopeBytes)),
      } as Packet);
    }
  };
  for (let start = 0; start < file.length; start += chunkBytes) {
    reader.push(file.subarray(start, start + chunkBytes));
    drain();
  }
  reader.end();
  drain();
  return packets;
}

function chained(file: Buffer): ChainPacket[] {
  return packetsOf(file).filter((packet): packet is ChainPacket => 'sequence' in packet);
}

test('what is written is read again, in chunks of any size', () => {
  const run = newRun();
  const file = join(
    run.data(Buffer.from('key frame'), 0, true),
    run.data(Buffer.from('difference'), 125, false),
    run.note({ what: 'gap', milliseconds: 4000, cause: 'the camera was unplugged' }, 4125),
    run.event({ what: 'motion', zone: 'door' }, 4200),
    [run.checkpoint(5000)],
    run.data(Buffer.from('more'), 5125, true),
    run.final(6000, 'stop'),
  );
  for (const chunkBytes of [1, 7, 100, file.length]) {
    const packets = packetsOf(file, chunkBytes);
    const kinds = packets.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['data', 'data', 'note', 'event', 'checkpoint', 'data', 'checkpoint', 'final']);
    const chain = packets.filter((packet): packet is ChainPacket => 'sequence' in packet);
    assert.deepEqual(
      chain.map(({ sequence, timeMs, isKeyFrame }) => [sequence, timeMs, isKeyFrame]),
      [
        [0, 0, true],
        [1, 125, false],
        [2, 4125, false],
        [3, 4200, false],
        [4, 5125, true],
      ],
    );
    assert.deepEqual(
      chain.map((packet) => opener().open(packet)?.toString()),
      [
        'key frame',
        'difference',
        '{"what":"gap","milliseconds":4000,"cause":"the camera was unplugged"}',
        '{"what":"motion","zone":"door"}',
        'more',
      ],
    );
  }
});

test('checkpoints and the final name what came before, and cover every packet', () => {
  const run = newRun();
  const packets = Array.from({ length: 5 }, (_, index) =>
    run.data(randomBytes(100), index * 125, index === 0),
  );
  const first = run.checkpoint(5000);
  const second = run.checkpoint(10_000);
  const [final] = run.final(11_000, 'time');
  const checkpoint = decodeCheckpoint(first.subarray(envelopeBytes), runId, publicKey);
  const tree = new MerkleRoot();
  for (const parts of packets) tree.add(leafHash(Buffer.concat([...parts])));
  assert.deepEqual(checkpoint, {
    ...{ number: 0, first: 0, count: 5, fromMs: 0, toMs: 5000 },
    ...{ previous: headerHash, root: tree.root() },
  });
  const empty = decodeCheckpoint(second.subarray(envelopeBytes), runId, publicKey);
  assert.deepEqual(empty, {
    ...{ number: 1, first: 5, count: 0, fromMs: 5000, toMs: 10_000 },
    ...{ previous: linkOf(runId, first.subarray(envelopeBytes)), root: new MerkleRoot().root() },
  });
  const end = decodeFinal(final?.subarray(envelopeBytes) ?? Buffer.alloc(0), runId, publicKey);
  assert.deepEqual(end, {
    ...{ number: 2, count: 5, timeMs: 11_000, reason: 'time' },
    previous: linkOf(runId, second.subarray(envelopeBytes)),
  });
  assert.deepEqual(run.link, linkOf(runId, final?.subarray(envelopeBytes) ?? Buffer.alloc(0)));
});

test('every byte of checkpoint and final is signed, for this run and by this key', () => {
  const run = newRun();
  const checkpoint = run.checkpoint(5000).subarray(envelopeBytes);
  const final = (run.final(6000, 'stop')[0] ?? Buffer.alloc(0)).subarray(envelopeBytes);
  const cases = [
    [checkpoint, decodeCheckpoint],
    [final, decodeFinal],
  ] as const;
  for (const [body, decode] of cases) {
    assert.ok(decode(body, runId, publicKey));
    for (let position = 0; position < body.length; position++) {
      const changed = Buffer.from(body);
      changed[position] = (changed[position] ?? 0) ^ 0x80;
      assert.equal(decode(changed, runId, publicKey), undefined, `byte ${position}`);
    }
    assert.equal(decode(body, Buffer.alloc(16, 9), publicKey), undefined);
    assert.equal(decode(body, runId, createPublicKey(makeRunKey().privateKey)), undefined);
    assert.equal(decode(body.subarray(1), runId, publicKey), undefined);
  }
  assert.equal(decodeFinal(checkpoint, runId, publicKey), undefined);
});

test('every byte of a packet is authenticated, and its run and sequence with it', () => {
  const run = newRun();
  const bytes = join(run.data(Buffer.from('video'), 1000, true));
  const [packet] = chained(bytes);
  assert.ok(packet);
  assert.equal(opener().open(packet)?.toString(), 'video');
  for (let position = 4; position < bytes.length; position++) {
    const changed = Buffer.from(bytes);
    changed[position] = (changed[position] ?? 0) ^ 1;
    // A length that changed makes another packet of it, or none.
    const found = new PacketReader();
    found.push(changed);
    found.end();
    for (let item = found.next(); item; item = found.next()) {
      if (item.kind === 'data') assert.equal(opener().open(item), undefined, `byte ${position}`);
    }
  }
  const elsewhere = new RunOpener({ runId: Buffer.alloc(16, 9), segmentMs, nodes: [root] });
  assert.equal(elsewhere.open(packet), undefined);
});

test('a range opens its segments, and not one packet of those beside it', () => {
  const run = newRun();
  const file = join(
    ...Array.from({ length: 240 }, (_, second) =>
      run.data(Buffer.from(`s${second}`), second * 1000, second % 2 === 0),
    ),
  );
  const packets = chained(file);
  for (const [first, last] of [
    [0, 0],
    [1, 1],
    [1, 2],
    [3, 3],
  ] as const) {
    const range = opener(first, last);
    for (const packet of packets) {
      const inside = segmentOf(packet, segmentMs);
      const text = range.open(packet)?.toString();
      assert.equal(text, inside >= first && inside <= last ? `s${packet.timeMs / 1000}` : undefined);
    }
  }
});

test('a group of pictures is finished in the segment that it began in, at most one segment long', () => {
  const run = newRun();
  const at = (timeMs: number, isKeyFrame: boolean): PacketParts =>
    run.data(Buffer.from('x'), timeMs, isKeyFrame);
  const file = join(
    at(0, true),
    at(59_000, true),
    at(61_000, false),
    at(63_000, true),
    at(190_000, false),
    at(200_000, false),
  );
  assert.deepEqual(
    chained(file).map((packet) => segmentOf(packet, segmentMs)),
    [0, 0, 0, 1, 3, 3],
  );
  assert.ok(chained(file).every((packet) => opener().open(packet)?.toString() === 'x'));
  assert.equal(segmentOf({ timeMs: 0, parity: 1 }, segmentMs), -1);
});

test('time never goes back, and a run that is over takes nothing more', () => {
  const run = newRun();
  const file = join(run.data(Buffer.from('a'), 5000, true), run.data(Buffer.from('b'), 4000, false));
  assert.deepEqual(
    chained(file).map(({ timeMs }) => timeMs),
    [5000, 5000],
  );
  run.final(6000, 'stop');
  assert.throws(() => run.data(Buffer.from('c'), 7000, true), FormatError);
  assert.throws(() => run.note({ what: 'x' }, 7000), FormatError);
});

test('what does not fit is refused before anything is written', () => {
  const run = newRun();
  assert.throws(() => run.data(Buffer.alloc(0), 0, true), FormatError);
  assert.throws(() => run.data(Buffer.alloc(10 * 1024 * 1024 + 1), 0, true), FormatError);
  assert.throws(() => run.data(Buffer.of(1), -1, true), FormatError);
  assert.throws(() => run.data(Buffer.of(1), maxPosition + 1, true), FormatError);
  assert.throws(() => run.note({ what: 'x'.repeat(4096) }, 0), FormatError);
  assert.equal(run.packets, 0);
  assert.equal(run.fits(maxPosition), true);
  assert.equal(run.fits(maxPosition + 1), false);
});

test("the writer wipes the run's secret", () => {
  const given = Buffer.alloc(32, 9);
  new RunWriter({ runId, headerHash, segmentMs, runPrivateKey: runKey.privateKey, secret: given });
  assert.deepEqual(given, Buffer.alloc(32));
});

test('a certificate says what it vouches for', () => {
  const certificate = {
    runId,
    headerHash,
    link: Buffer.alloc(32, 4),
    cameraSignature: Buffer.from('signature'),
  };
  const body = encodeCertificate(certificate).subarray(envelopeBytes);
  assert.deepEqual(decodeCertificate(body), certificate);
  assert.throws(() => decodeCertificate(body.subarray(0, 80)), FormatError);
});

test('at 8 packets a second and a checkpoint every 5 s it costs less than 0.3 % of 285 MB an hour', () => {
  const run = newRun();
  let overhead = 0;
  for (let second = 0; second < 60; second++) {
    for (let part = 0; part < 8; part++) {
      const packet = join(run.data(Buffer.alloc(1000), second * 1000 + part * 125, part === 0));
      overhead += packet.length - 1000;
    }
    if (second % 5 === 4) overhead += run.checkpoint((second + 1) * 1000).length;
  }
  assert.equal(dataOverheadBytes, 25);
  const headersAnHour = 6 * 2000;
  assert.ok(60 * overhead + headersAnHour < 0.003 * 285e6, `${60 * overhead} bytes an hour`);
});

test('damage anywhere costs the packets that it touches and no others', () => {
  const run = newRun();
  const plain = Array.from({ length: 30 }, (_, index) => randomBytes(20 + 10 * index));
  const packets = plain.map((bytes, index) => join(run.data(bytes, index * 125, index % 8 === 0)));
  const whole = Buffer.concat(packets);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: whole.length - 1 }),
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom('noise', 'cut'),
      (start, length, kind) => {
        const end = Math.min(whole.length, start + length);
        const noise = Buffer.from(whole.subarray(start, end).map((byte) => byte ^ (1 + randomInt(255))));
        const middle = kind === 'noise' ? noise : Buffer.alloc(0);
        const damaged = Buffer.concat([whole.subarray(0, start), middle, whole.subarray(end)]);
        const reader = new PacketReader();
        reader.push(damaged);
        reader.end();
        const found: string[] = [];
        for (let item = reader.next(); item; item = reader.next()) {
          if (item.kind === 'skip') continue;
          // What is left of a marker may, by chance, begin what looks like a checkpoint; nothing has signed that.
          const opened = item.kind === 'data' ? opener().open(item) : undefined;
          if (opened) found.push(opened.toString('hex'));
          else reader.reject();
        }
        let position = 0;
        // Where a cut is, the next packet's first byte may by chance be the one that was lost: then it is that one's.
        const certain = plain.filter((_, index) => {
          const from = position;
          position += packets[index]?.length ?? 0;
          return position <= start - envelopeBytes || from >= end + envelopeBytes;
        });
        const texts = plain.map((bytes) => bytes.toString('hex'));
        assert.ok(
          found.join() === texts.filter((text) => found.includes(text)).join(),
          'in order, and each once',
        );
        assert.ok(
          certain.every((bytes) => found.includes(bytes.toString('hex'))),
          'none is lost',
        );
        assert.ok(found.length <= texts.length && (kind === 'cut' || found.length < texts.length));
      },
    ),
    { numRuns: 300 },
  );
});
