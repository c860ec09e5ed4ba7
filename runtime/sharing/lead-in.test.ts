import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { type SyntheticRun, signedRun } from '../../test/support/synthetic-run.ts';
import { loadSealingKeys } from '../pgp/seal.ts';
import { checkFile } from '../verifier/check-file.ts';
import type { RandomAccess } from '../viewer/source.ts';
import { judgePart } from './judge-part.ts';
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

const run = await signedRun(sealing, {
  ...{ seconds, packetsPerSecond: 1, video: () => Buffer.alloc(packetBytes, 7) },
});

test('from any packet on, what leads to it makes what follows checkable, without reading the file', async () => {
  for (const second of [1, 7, 24, 25, 44, 59]) {
    const offset = offsetOf(run, second);
    const access = accessTo(run.bytes);
    const lead = await leadIn(access, offset);
    assert.ok(lead);
    assert.ok(access.bytesRead() < 9 * 2 ** 20, `${second}: ${access.bytesRead()}`);
    const chunks = (async function* () {
      yield lead;
      yield run.bytes.subarray(offset);
    })();
    const { runs, skippedBytes } = await checkFile('part', chunks, sealing.signer.toPublic());
    assert.equal(skippedBytes, 0);
    const [checked] = runs;
    assert.ok(checked);
    const toMs = Math.min(seconds * 1000, second * 1000 + 5000);
    assert.ok(judgePart(checked, { fromMs: second * 1000, toMs }).isSound, `${second}`);
  }
});

test('where no header is, or no checkpoint for too long, there is nothing that leads there', async () => {
  const noise = Buffer.alloc(3_000_000, 1);
  assert.equal(await leadIn(accessTo(noise), 2_000_000), undefined);
  const bare = run.packets.filter((packet) => packet[3] !== 0x02);
  const far = Buffer.concat([...bare, Buffer.alloc(120_000_000, 1)]);
  assert.equal(await leadIn(accessTo(far), far.length - 1), undefined);
});
