import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { type SyntheticRun, signedRun } from '../../test/support/synthetic-run.ts';
import { type FilePlace, FileVerifier, type Stretch } from '../encrocrypt/v3/index.ts';
import { loadSealingKeys } from '../pgp/seal.ts';
import { RememberedReads } from '../viewer/remembered-reads.ts';
import type { RandomAccess } from '../viewer/source.ts';
import { leadIn } from './lead-in.ts';

const keys = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const sealing = await loadSealingKeys(
  [path.join(keys, 'owner.public.asc')],
  path.join(keys, 'camera.secret.asc'),
);
/** Of five seconds, two or three packets fit into the first window. */
const [seconds, packetBytes] = [60, 400_000];

function accessTo(bytes: Buffer): RandomAccess & { readonly bytesRead: () => number } {
  let bytesRead = 0;
  return {
    ...{ sizeBytes: bytes.length, probeBytes: 4096 },
    async read(offset, length) {
      const piece = bytes.subarray(offset, offset + length);
      bytesRead += piece.length;
      return piece;
    },
    bytesRead: () => bytesRead,
  };
}

/** Where the data packet of a second begins. */
function offsetOf({ packets }: SyntheticRun, second: number): number {
  const isIt = (packet: Buffer): boolean =>
    (packet[3] ?? 0) >= 0x80 && packet.readUIntBE(10, 3) === second * 1000;
  const index = packets.findIndex(isIt);
  return packets.slice(0, index).reduce((sum, packet) => sum + packet.length, 0);
}

function assertIntact(pieces: readonly Buffer[], place: FilePlace, [fromMs, toMs]: [number, number]): void {
  const stretches: Stretch[] = [];
  const verifier = new FileVerifier(
    {
      onRun: () => undefined,
      onStretch: (_, stretch) => stretches.push(stretch),
      onRunEnd: () => undefined,
      onSkip: () => assert.fail('nothing is to be skipped'),
    },
    place,
  );
  for (const piece of pieces) verifier.push(piece);
  verifier.end();
  const intact = stretches.find(({ verdict }) => verdict === 'intact');
  assert.ok(intact && intact.fromMs <= fromMs && intact.toMs >= toMs, JSON.stringify(stretches));
}

const run = await signedRun(sealing, {
  ...{ seconds, packetsPerSecond: 1, video: () => Buffer.alloc(packetBytes, 7) },
});

test('from any packet on, what leads to it makes what follows checkable, without reading the file', async () => {
  for (const second of [1, 7, 24, 25, 44, 59]) {
    const offset = offsetOf(run, second);
    const access = accessTo(run.bytes);
    const lead = await leadIn(new RememberedReads(access), { offset, header: run.header });
    assert.ok(lead);
    assert.ok(access.bytesRead() < 9 * 2 ** 20, `${second}: ${access.bytesRead()}`);
    assert.ok(run.bytes.subarray(lead.offset, offset).equals(lead.bytes));
    const toMs = Math.min(seconds * 1000, second * 1000 + 5000);
    assertIntact([lead.bytes, run.bytes.subarray(offset)], { ...lead, header: run.header }, [
      second * 1000,
      toMs,
    ]);
  }
});

test('of a run that is not the first of its file, and of a place at a checkpoint, too', async () => {
  const other = await signedRun(sealing, { fill: 2, seconds: 12, packetsPerSecond: 1 });
  const bytes = Buffer.concat([run.bytes, other.bytes]);
  for (const second of [0, 1, 4, 7]) {
    const offset = run.bytes.length + offsetOf(other, second);
    const access = accessTo(bytes);
    const lead = await leadIn(new RememberedReads(access), { offset, header: other.header });
    assert.ok(lead, `${second}`);
    assert.ok(access.bytesRead() < 2 ** 21, `${second}: ${access.bytesRead()}`);
    const place = { ...lead, header: other.header };
    assertIntact([lead.bytes, bytes.subarray(offset)], place, [second * 1000, 11_000]);
  }
  const before = other.packets.findIndex((packet) => packet[3] === 0x02);
  const offset = run.bytes.length + Buffer.concat(other.packets.slice(0, before)).length;
  const lead = await leadIn(new RememberedReads(accessTo(bytes)), { offset, header: other.header });
  assert.deepEqual([lead?.offset, lead?.bytes.length], [offset, 0]);
});

test('where no header is, or no checkpoint for too long, there is nothing that leads there', async () => {
  const noise = Buffer.alloc(3_000_000, 1);
  const { header } = run;
  assert.equal(await leadIn(new RememberedReads(accessTo(noise)), { offset: 2_000_000, header }), undefined);
  const bare = run.packets.filter((packet) => packet[3] !== 0x02);
  const far = Buffer.concat([...bare, Buffer.alloc(120_000_000, 1)]);
  const offset = far.length - 1;
  assert.equal(await leadIn(new RememberedReads(accessTo(far)), { offset, header }), undefined);
});
