/** Lives a camera's ledger as fast as it can until it is killed: `ledger-worker.ts DIRECTORY`. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { hexOf } from '../../ledger/trees/hex.ts';
import { TreeStore } from '../../ledger/trees/store.ts';
import { silentLogger } from '../../runtime/log.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { EndedRunsJournal } from '../../runtime/state/ended-runs.ts';

const [directory = ''] = process.argv.slice(2);
const camera = { name: 'front', localDirectory: path.join(directory, 'front'), driveDirectory: 'front' };
const store = await TreeStore.open({
  recordingsDirectory: directory,
  place: { camera: hexOf(Buffer.alloc(20, 1)), chain: 1, contract: hexOf(Buffer.alloc(20, 2)) },
  periodMs: 1,
  cameras: [camera],
  logger: silentLogger,
});
const journal = new EndedRunsJournal(directory, 'front', silentLogger);
const { fileName: recording } = recordingAt(Date.UTC(2026, 0, 15, 8), 1000);
for (;;) {
  const toMs = Date.now();
  journal.note({
    ...{ run: hexOf(randomBytes(16)), recording, directory: 'front', link: hexOf(randomBytes(32)) },
    ...{ fromMs: toMs - 1, toMs },
  });
  await journal.settled();
  const tree = await store.closePeriod(toMs, { early: true });
  // What a reader of this output saw is on the disk.
  if (tree) process.stdout.write(`${JSON.stringify(tree)}\n`);
  const pending = await store.pending();
  if (pending[0] && pending.length > 2) await store.committed(pending[0].tree);
}
