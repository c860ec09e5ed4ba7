/** The trees of a process that is killed again and again, at any point. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { decodeProofFile, decodeTreeFile, type TreeFile } from '../../ledger/trees/files.ts';
import { silentLogger } from '../../runtime/log.ts';
import { readEndedRuns } from '../../runtime/state/ended-runs.ts';

const kills = 15;
const worker = path.join(import.meta.dirname, '../support/ledger-worker.ts');

test('whenever it is killed, each run is in one tree, each tree stays as it was, and periods follow each other', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-killed-'));
  context.after(() => rm(directory, { recursive: true }));
  await mkdir(path.join(directory, 'front'));
  const told = new Map<string, TreeFile>();
  const trees = async (): Promise<TreeFile[]> => {
    const names = (await readdir(path.join(directory, 'ledger'))).filter((name) => name.startsWith('tree-'));
    const read = names.map(async (name) =>
      decodeTreeFile(await readFile(path.join(directory, 'ledger', name), 'utf8'), name),
    );
    return (await Promise.all(read)).sort((a, b) => a.firstMs - b.firstMs);
  };
  for (let kill = 0; kill < kills; kill++) {
    const child = spawn(process.execPath, [worker, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    const before = told.size;
    const closed = once(child, 'close');
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      // Another moment each time, from the first tree on.
      setTimeout(() => child.kill('SIGKILL'), kill * 7);
    });
    await closed;
    for (const line of output.split('\n').slice(0, -1)) {
      const tree = JSON.parse(line) as TreeFile;
      told.set(tree.tree, tree);
    }
    assert.ok(told.size > before, 'it got on');
    const onDisk = await trees();
    for (const tree of told.values())
      assert.deepEqual(
        onDisk.find((one) => one.tree === tree.tree),
        tree,
      );
  }
  const all = await trees();
  const runs = all.flatMap(({ leaves }) => leaves.map(({ run }) => run));
  assert.equal(new Set(runs).size, runs.length, 'a run is in two trees');
  for (const [index, { firstMs }] of all.entries()) {
    if (index > 0) assert.equal(firstMs, all[index - 1]?.lastMs);
  }
  // Noted and in no tree is only what the last kill left.
  const settled = new Set(runs);
  const waiting = (await readEndedRuns(directory, silentLogger))
    .flatMap((file) => file.runs)
    .filter(({ run }) => !settled.has(run));
  assert.ok(waiting.length <= 1, `${waiting.length} runs wait`);
  for (const name of (await readdir(path.join(directory, 'front'))).filter((one) => !one.startsWith('.'))) {
    decodeProofFile(await readFile(path.join(directory, 'front', name), 'utf8'), name);
  }
  context.diagnostic(`${all.length} trees of ${runs.length} runs`);
});
