/** Trees of the ledger: as large as they get, and as a camera makes one a day; and checking a proof. */
import {
  decodeTreeFile,
  encodeTreeFile,
  makeTreeFile,
  proofHolds,
  type TreeLeaf,
} from '../../ledger/trees/files.ts';
import { hexOf } from '../../ledger/trees/hex.ts';
import { proofOfLeaf } from '../../ledger/trees/proof.ts';
import { LedgerTree } from '../../ledger/trees/tree.ts';
import { sha256 } from '../../runtime/encrocrypt/v3/index.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import type { Figure } from '../report.ts';
import { quantile } from '../report.ts';

const hourMs = 3_600_000;
const startMs = Date.UTC(2026, 0, 1);
const large = 100_000;
const rounds = 5;
const checks = 2000;
const place = { camera: hexOf(Buffer.alloc(20, 1)), chain: 1, contract: hexOf(Buffer.alloc(20, 2)) };

export async function measureMerkle(): Promise<Figure[]> {
  const runs = Array.from({ length: large }, (_, index): TreeLeaf => {
    const fromMs = startMs + index * hourMs;
    const { fileName: recording } = recordingAt(fromMs, hourMs);
    const [run, link] = [hexOf(sha256(`run ${index}`).subarray(0, 16)), hexOf(sha256(`link ${index}`))];
    return { recording, directory: 'front-door', run, link, fromMs, toMs: fromMs + hourMs };
  });
  const period = { firstMs: startMs, lastMs: startMs + large * hourMs };
  const file = makeTreeFile(place, period, runs);
  const text = encodeTreeFile(file);
  const tree = new LedgerTree(runs);
  const proofs = Array.from({ length: checks }, (_, index) => (index * 7919) % large).map((index) => ({
    run: runs[index] as TreeLeaf,
    proof: proofOfLeaf(file, tree, index),
  }));
  const day = runs.slice(0, 24);
  const small = makeTreeFile(place, { firstMs: startMs, lastMs: startMs + 24 * hourMs }, day);
  return [
    figure(`tree of ${large} runs, made`, 'ms', await timed(() => new LedgerTree(runs))),
    figure(
      'the same, all paths from it',
      'ms',
      await timed(() => runs.forEach((_, index) => void tree.path(index))),
    ),
    figure('its file, read and checked', 'ms', await timed(() => decodeTreeFile(text, 'tree'))),
    figure('its file', 'MB', text.length / 1e6),
    figure(
      `proof of a run among ${large}, checked`,
      'us',
      (1000 / checks) *
        (await timed(() => {
          for (const { run, proof } of proofs)
            if (!proofHolds(place.camera, run, proof)) throw new Error('it does not hold');
        })),
    ),
    figure(
      'tree of 24 runs and its file, made',
      'ms',
      await timed(() => encodeTreeFile(makeTreeFile(place, period, day))),
    ),
    figure('its file', 'kB', encodeTreeFile(small).length / 1e3),
  ];
}

const figure = (name: string, unit: string, value: number): Figure => ({
  name: `ledger: ${name}`,
  unit,
  value,
});

/** Milliseconds, the median of some. */
async function timed(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const beganMs = performance.now();
    work();
    times.push(performance.now() - beganMs);
  }
  return quantile(times, 0.5);
}
