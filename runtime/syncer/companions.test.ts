import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { newest, older, Scene, slotMs, startMs } from '../../test/support/camera-scene.ts';
import { proofFileName } from '../recordings/companions.ts';
import { recordingAt } from '../recordings/names.ts';
import type { CameraSyncOptions } from './camera-sync.ts';
import { dayMs } from './retention.ts';

const proofOf = (name: { fileName: string }, number = 1): { fileName: string } => ({
  fileName: proofFileName(name.fileName, number),
});
const tree = { fileName: 'tree-20260115T080000Z-0123456789abcdef.json' };
const treeKey = `/camera/${tree.fileName}`;

async function make(
  context: TestContext,
  options: Partial<CameraSyncOptions> = {},
): Promise<Scene & { trees: string }> {
  const trees = await mkdtemp(path.join(tmpdir(), 'encrocam-trees-'));
  context.after(() => rm(trees, { recursive: true, force: true }));
  return Object.assign(await Scene.make(context, { treeDirectory: trees, ...options }), { trees });
}

const appends = (scene: Scene): string[] =>
  scene.drive.operations.filter((one) => one.startsWith('append ')).map((one) => one.slice('append '.length));

test('proofs and trees go to the drive, each proof after its recording, and the recordings first', async (context) => {
  const scene = await make(context);
  await writeFile(path.join(scene.trees, tree.fileName), 'a tree');
  await writeFile(path.join(scene.trees, 'notes.txt'), 'not ours');
  scene.write(proofOf(older), Buffer.from('a proof'));
  scene.write({ fileName: 'x.proof.json' }, Buffer.from('of nothing of ours'));
  scene.write(older, randomBytes(200_000));
  scene.write(newest, randomBytes(100));
  void scene.run();
  await scene.until('the proof', () =>
    scene.drive.read(scene.key(proofOf(older))).equals(Buffer.from('a proof')),
  );
  await scene.until('the tree', () => scene.drive.read(treeKey).equals(Buffer.from('a tree')));
  const order = appends(scene);
  assert.ok(order.indexOf(scene.key(older)) < order.indexOf(scene.key(proofOf(older))));
  assert.deepEqual(
    [...scene.drive.files.keys()].sort(),
    [
      treeKey,
      ...[older.fileName, proofOf(older).fileName, newest.fileName]
        .map((fileName) => scene.key({ fileName }))
        .sort(),
    ].sort(),
  );
});

test('one that comes later is found, while the recorder writes without a pause, and nothing is sent twice', async (context) => {
  const scene = await make(context);
  scene.drive.fault = (operation) => {
    if (operation === 'finish' && scene.confirmed(older) > 0) scene.write(newest, randomBytes(10));
    return undefined;
  };
  scene.write(newest, randomBytes(10));
  scene.write(older, randomBytes(1000));
  void scene.run();
  await scene.until('recordings', () => scene.confirmed(older) === 1000);
  scene.write(proofOf(older), Buffer.from('late'));
  await scene.until('the proof', () => scene.drive.read(scene.key(proofOf(older))).length === 4);
  const untilMs = scene.clock.now() + 10 * 60_000;
  await scene.until('ten minutes', () => scene.clock.now() > untilMs);
  assert.equal(appends(scene).filter((key) => key === scene.key(proofOf(older))).length, 1);
});

test('a proof that changed goes beside the one before, and one that was cut off is gone on with', async (context) => {
  const scene = await make(context);
  scene.write(older, randomBytes(1000));
  scene.drive.add(scene.key(proofOf(older)), Buffer.from('other'));
  scene.drive.add(scene.key(proofOf(older, 2)), Buffer.from('longer than the new one'));
  scene.drive.add(treeKey, Buffer.from('a tr'));
  await writeFile(path.join(scene.trees, tree.fileName), 'a tree');
  scene.write(proofOf(older), Buffer.from('the new one'));
  void scene.run();
  const third = scene.key(proofOf(older, 3));
  await scene.until('the proof', () => scene.drive.read(third).equals(Buffer.from('the new one')));
  await scene.until('the tree', () => scene.drive.read(treeKey).equals(Buffer.from('a tree')));
  assert.equal(scene.drive.read(scene.key(proofOf(older))).toString(), 'other');
  scene.write(proofOf(older), Buffer.from(', and more'));
  await scene.until('the rest', () => scene.drive.read(third).equals(Buffer.from('the new one, and more')));
});

test("another file under a tree's name is left as it is, and told of once", async (context) => {
  const scene = await make(context);
  scene.drive.add(treeKey, Buffer.from('nonsense'));
  await writeFile(path.join(scene.trees, tree.fileName), 'a tree');
  scene.write(newest, randomBytes(10));
  void scene.run();
  const untilMs = scene.clock.now() + 300_000;
  await scene.until('five minutes', () => scene.clock.now() > untilMs);
  assert.equal(scene.drive.read(treeKey).toString(), 'nonsense');
  assert.equal(scene.log.filter((line) => line.includes('under a tree')).length, 1);
});

test('a drive that refuses them, or breaks over them, gets the recordings all the same, and is asked again later', async (context) => {
  for (const kind of ['refuse', 'disconnect'] as const) {
    const scene = await make(context);
    let isRefusing = true;
    let tries = 0;
    scene.drive.fault = (operation, key) => {
      if (!isRefusing || operation !== 'append' || !key.includes('.proof')) return undefined;
      tries += 1;
      return kind === 'refuse' ? { kind, code: 'STORAGE_REFUSED' } : { kind };
    };
    scene.write(proofOf(older), Buffer.from('a proof'));
    scene.write(older, randomBytes(1000));
    void scene.run();
    await scene.until('a refusal', () => tries === 1);
    scene.write(newest, randomBytes(5000));
    await scene.until('the newest', () => scene.confirmed(newest) === 5000);
    assert.equal(tries, 1, kind);
    isRefusing = false;
    await scene.until('the proof', () => scene.drive.read(scene.key(proofOf(older))).length === 7);
    await scene.stop();
  }
});

test('with --once it ends when they are on the drive, too', async (context) => {
  const scene = await make(context, { once: true });
  await writeFile(path.join(scene.trees, tree.fileName), 'a tree');
  scene.write(newest, randomBytes(100_000));
  scene.write(proofOf(newest), Buffer.from('a proof'));
  await scene.run();
  assert.equal(scene.drive.read(treeKey).toString(), 'a tree');
  assert.equal(scene.drive.read(scene.key(proofOf(newest))).toString(), 'a proof');
  assert.deepEqual(scene.sync.confirmedCompanions(), { [proofOf(newest).fileName]: 7 });
  assert.equal(scene.sync.complete, true);
});

test('a proof whose recording the drive would remove is not sent; that of one that is gone from the disk is', async (context) => {
  const old = recordingAt(startMs - 90 * dayMs, slotMs);
  const gone = recordingAt(startMs - dayMs, slotMs);
  const scene = await make(context, { driveRetentionMs: 30 * dayMs, once: true });
  scene.write(proofOf(old), Buffer.from('a proof'));
  scene.write(proofOf(gone), Buffer.from('a proof'));
  scene.write(newest, randomBytes(10));
  await scene.run();
  assert.deepEqual(
    [...scene.drive.files.keys()].sort(),
    [scene.key(proofOf(gone)), scene.key(newest)].sort(),
  );
});
