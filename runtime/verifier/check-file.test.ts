import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { type SyntheticRun, signedRun, syntheticRun } from '../../test/support/synthetic-run.ts';
import { loadSealingKeys } from '../pgp/seal.ts';
import { type CheckedFile, checkFile } from './check-file.ts';

const keys = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const sealing = await loadSealingKeys(
  [path.join(keys, 'owner.public.asc')],
  path.join(keys, 'camera.secret.asc'),
);
// Its header stands again before packet 100, at 25 s.
const run = await signedRun(sealing, { seconds: 40, headerAgainAt: 100 });
const stranger = syntheticRun({ seconds: 1, fill: 9 });

function check(...parts: readonly Buffer[]): Promise<CheckedFile> {
  const chunks = (async function* () {
    yield Buffer.concat(parts);
  })();
  return checkFile('a file', chunks, sealing.signer.toPublic());
}

function indexAt({ packets }: SyntheticRun, timeMs: number): number {
  return packets.findIndex((packet) => (packet[3] ?? 0) >= 0x80 && packet.readUIntBE(10, 3) === timeMs);
}

function withStranger(timeMs: number): Buffer[] {
  const at = indexAt(run, timeMs);
  return [...run.packets.slice(0, at), stranger.packets[0] ?? Buffer.alloc(0), ...run.packets.slice(at)];
}

function seen(
  { stretches }: { stretches: CheckedFile['runs'][number]['stretches'] } | undefined = { stretches: [] },
) {
  return stretches.map(({ verdict, fromMs, toMs }) => `${verdict} ${fromMs}-${toMs}`);
}

test('a run goes on where its header stands again behind a header that a stranger put in', async () => {
  const { runs, repeatedRuns } = await check(...withStranger(15_000));
  assert.deepEqual(
    runs.map(({ voucher }) => voucher),
    ['signed', 'not authentic'],
  );
  assert.deepEqual(seen(runs[0]), ['intact 0-15000', 'tampered 15000-15000', 'intact 15000-40000']);
  assert.equal(runs[0]?.ended, 'time');
  assert.deepEqual(runs[0]?.link, run.link);
  assert.equal(repeatedRuns, 0);
});

test('a run that only stands there again adds nothing to the first', async () => {
  for (const parts of [[run.bytes], [run.packets[0] ?? Buffer.alloc(0)], run.packets.slice(0, 50)]) {
    const { runs, repeatedRuns } = await check(run.bytes, stranger.bytes, ...parts);
    assert.deepEqual(seen(runs[0]), ['intact 0-40000']);
    assert.deepEqual([runs.length, repeatedRuns, runs[0]?.ended], [2, 1, 'time']);
    assert.deepEqual(runs[0]?.link, run.link);
  }
});
