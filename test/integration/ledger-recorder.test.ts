/** What the real recorder leaves for the ledger: each run once, with its last link, whatever ended it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeProofFile, proofHolds, type TreeFile } from '../../ledger/trees/files.ts';
import { runsOfFile } from '../../ledger/trees/found-runs.ts';
import { hexOf } from '../../ledger/trees/hex.ts';
import { TreeStore } from '../../ledger/trees/store.ts';
import { silentLogger } from '../../runtime/log.ts';
import { encrocam, Place, testPicture } from './recorder-harness.ts';

const front = { name: 'front', input: testPicture, encoder: { name: 'libx264', keyFrameIntervalSeconds: 1 } };
const place = { camera: hexOf(Buffer.alloc(20, 1)), chain: 31337, contract: hexOf(Buffer.alloc(20, 2)) };

test('runs that ended in order and one that kill -9 ended are in the tree, as the recording itself has them', async (context) => {
  const at = await Place.make(context, [front], {
    recordings: { directory: 'recordings', keepFreeMegabytes: 0, hoursPerRecording: 168 },
  });
  for (const end of ['kill', 'stop', 'stop'] as const) {
    const recorder = at.start();
    await recorder.line('video is coming');
    // A checkpoint is there, and something behind it.
    await delay(end === 'kill' ? 6500 : 1000);
    if (end === 'kill') await recorder.kill();
    else assert.equal(await recorder.stop(), 0);
  }
  const [file = ''] = await at.files('front');
  const runs = await runsOfFile(file);
  assert.deepEqual(
    runs.map(({ final }) => final?.reason),
    [undefined, 'stop', 'stop'],
  );
  const options = {
    recordingsDirectory: at.recordings,
    place,
    periodMs: 1,
    cameras: [{ name: 'front', localDirectory: path.dirname(file), driveDirectory: 'front' }],
    logger: silentLogger,
  };
  const store = await TreeStore.open(options);
  const tree = (await store.closePeriod(Date.now(), { early: true })) as TreeFile;
  assert.deepEqual(
    tree.leaves.map(({ run, link, recording, directory, fromMs }) => ({
      run,
      link,
      recording,
      directory,
      fromMs,
    })),
    runs.map(({ header: { statement }, link }) => ({
      ...{
        run: hexOf(statement.runId),
        link: hexOf(link),
        recording: path.basename(file),
        directory: 'front',
      },
      fromMs: statement.startMs,
    })),
  );
  for (const { fromMs, toMs } of tree.leaves) assert.ok(toMs > fromMs && toMs - fromMs < 60_000);

  const { status, stdout, stderr } = spawnSync(encrocam, ['proof', file, '--json'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const proof = decodeProofFile(stdout, 'stdout');
  for (const [index, leaf] of tree.leaves.entries()) {
    const one = proof.runs[index];
    assert.ok(one && proofHolds(place.camera, leaf, one));
  }

  // Notes and trees are lost: recordings tell the same, but for the run that may be written still.
  for (const name of await readdir(at.recordings)) {
    if (name !== 'front') await rm(path.join(at.recordings, name), { recursive: true });
  }
  const again = await (await TreeStore.open(options)).closePeriod(Date.now(), { early: true });
  assert.deepEqual(
    again?.leaves.map(({ run, link }) => [run, link]),
    tree.leaves.map(({ run, link }) => [run, link]),
  );
});
