/**
 * Makes `test/vectors/share/expected.json`: `node test/interop/make-share-vectors.ts`. Nothing in it is random: it comes out
 * the same each time, unless the format changed.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { coverOf, rootOf, sha256 } from '../../runtime/encrocrypt/v3/index.ts';
import { type Capability, encodeCapability, type SharedRun } from '../../runtime/sharing/capability.ts';

const startMs = Date.UTC(2027, 0, 15, 8);
const segmentMs = 60_000;
const camera = sha256('camera').subarray(0, 20);

function part(name: string, fromMs: number, toMs: number, first: number, last: number): SharedRun {
  const runId = sha256(`id of ${name}`).subarray(0, 16);
  const nodes = coverOf(rootOf(sha256(`secret of ${name}`), runId), first, last);
  return { runId, headerHash: sha256(`header of ${name}`), segmentMs, fromMs, toMs, nodes };
}

const shares: { what: string; capability: Capability }[] = [
  {
    what: 'from 08:05:30 to 08:07:00 of one run: segments 5 and 6',
    capability: {
      ...{ camera, fromMs: startMs + 330_000, toMs: startMs + 420_000 },
      runs: [part('one', 330_000, 420_000, 5, 6)],
    },
  },
  {
    what: 'over two runs of an hour, from 08:59 to 09:01, with an expiry and a note; to the end of the first',
    capability: {
      ...{ camera, fromMs: startMs + 3_540_000, toMs: startMs + 3_660_000 },
      ...{ expiresMs: startMs + 86_400_000, note: 'front door, für Ana' },
      runs: [part('one', 3_540_000, 3_600_001, 59, 4095), part('two', 0, 60_000, 0, 0)],
    },
  },
];

const expected = shares.map(({ what, capability }) => ({
  ...{ what, camera: camera.toString('hex'), fromMs: capability.fromMs, toMs: capability.toMs },
  nodes: capability.runs.map(({ nodes }) => nodes.map(({ depth, index }) => `${depth}/${index}`)),
  hex: encodeCapability(capability).toString('hex'),
}));
const file = path.join(import.meta.dirname, '../vectors/share/expected.json');
await writeFile(file, `${JSON.stringify({ shares: expected }, undefined, 2)}\n`);
