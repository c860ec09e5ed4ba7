/** Proofs and trees on real drives, also where the camera's account may only append: drive and proof alone are enough. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { decodeProofFile, decodeTreeFile, proofHolds } from '../../ledger/trees/files.ts';
import { runsOfFile } from '../../ledger/trees/found-runs.ts';
import { type Hex, hexOf } from '../../ledger/trees/hex.ts';
import { TreeStore } from '../../ledger/trees/store.ts';
import { silentLogger } from '../../runtime/log.ts';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import type { RecordingName } from '../../runtime/recordings/names.ts';
import { EndedRunsJournal } from '../../runtime/state/ended-runs.ts';
import { ftpSoftware } from '../ftp-servers/index.ts';
import { startAppendOnlyDrive } from '../support/append-only-drive.ts';
import { driveSettings } from '../support/drive.ts';
import { syntheticRun } from '../support/synthetic-run.ts';
import { camera, recordingOf, SyncerPlace } from './syncer-harness.ts';

const ledgerPlace = {
  camera: hexOf(Buffer.alloc(20, 1)),
  chain: 31337,
  contract: hexOf(Buffer.alloc(20, 2)),
};

for (const software of ftpSoftware) {
  test(`${software}, where nothing can be replaced: recording and proof on the drive are enough, also when runs came later`, async (context) => {
    const { server, directory } = await startAppendOnlyDrive(context, software, camera);
    const place = await SyncerPlace.make(context, driveSettings(server));
    const name = recordingOf(3);
    const journal = new EndedRunsJournal(place.recordings, camera, silentLogger);
    /** Records a run, and has it committed. */
    const record = async (fill: number): Promise<void> => {
      const statement = { recording: name.fileName, startMs: name.startMs };
      const run = syntheticRun({ fill, statement });
      await writeFile(place.local(name), run.bytes, { flag: 'a' });
      journal.note({
        ...{ run: hexOf(run.runId), recording: name.fileName, directory: camera, link: hexOf(run.link) },
        ...{ fromMs: name.startMs, toMs: name.startMs + 30_000 },
      });
      await journal.settled();
      const store = await TreeStore.open({
        recordingsDirectory: place.recordings,
        place: ledgerPlace,
        periodMs: 1,
        cameras: [{ name: camera, localDirectory: path.dirname(place.local(name)), driveDirectory: camera }],
        logger: silentLogger,
      });
      const tree = await store.closePeriod(Date.now(), { early: true });
      await store.committed(tree?.tree as Hex);
    };
    await record(1);
    await place.run('sync', '--once').exitCode();
    assert.deepEqual(await checkProof(directory, name, 1), 1);
    await record(2);
    assert.equal(await place.run('sync', '--once').exitCode(), 0);
    assert.deepEqual(await checkProof(directory, name, 2), 2);
    const trees = (await readdir(directory)).filter((file) => file.startsWith('tree-'));
    assert.equal(trees.length, 2);
    for (const tree of trees) decodeTreeFile(await readFile(path.join(directory, tree), 'utf8'), tree);
    // Nothing is sent again, and nothing else is there.
    assert.equal(await place.run('sync', '--once').exitCode(), 0);
    assert.deepEqual((await readdir(directory)).sort(), [
      ...[name.fileName, proofFileName(name.fileName), proofFileName(name.fileName, 2), ...trees].sort(),
    ]);
  });
}

/** Checks the proof with what is on the drive alone. @returns how many runs it proves. */
async function checkProof(directory: string, name: RecordingName, number: number): Promise<number> {
  const file = path.join(directory, proofFileName(name.fileName, number));
  const proof = decodeProofFile(await readFile(file, 'utf8'), file);
  const runs = await runsOfFile(path.join(directory, name.fileName));
  const held = runs.filter(({ header, link }) => {
    const { recording, runId } = header.statement;
    const found = { recording, run: hexOf(runId), link: hexOf(link) };
    const one = proof.runs.find(({ run }) => run === found.run);
    return one !== undefined && proofHolds(proof.camera, found, one);
  });
  assert.equal(held.length, runs.length);
  return held.length;
}
