import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { newest, older, Scene, slotMs } from '../../test/support/camera-scene.ts';
import { conflictName } from '../recordings/names.ts';
import type { CameraSyncOptions } from './camera-sync.ts';
import { maxCopiesMade } from './plan.ts';

test('bytes are on the drive before they are confirmed, and confirmed once the append has ended', async (context) => {
  const scene = await Scene.make(context);
  const seen: [held: number, confirmed: number][] = [];
  scene.drive.fault = (operation, key) => {
    if (operation === 'finish') seen.push([scene.drive.read(key).length, scene.confirmed(newest)]);
    return undefined;
  };
  void scene.run();
  scene.write(newest, randomBytes(1000));
  await scene.until('confirmation', () => scene.confirmed(newest) === 1000);
  assert.deepEqual(seen, [[1000, 0]]);
});

test('the drive counts as up to date also while the recorder writes without a pause', async (context) => {
  let isCaughtUp = false;
  const onCaughtUp = (): void => {
    isCaughtUp = true;
  };
  const scene = await Scene.make(context, { onCaughtUp });
  scene.write(newest, randomBytes(10));
  // Whenever an upload was just confirmed, there is already more to send.
  scene.drive.fault = (operation) => {
    if (!isCaughtUp && operation === 'size') scene.write(newest, randomBytes(10));
    return undefined;
  };
  void scene.run();
  await scene.until('an end of the backlog', () => isCaughtUp);
});

test('one append is held open for many writes', async (context) => {
  const scene = await Scene.make(context);
  let written = 0;
  scene.drive.fault = (operation) => {
    // The recorder writes again before the syncer has time to be idle.
    if (operation !== 'write' || written >= 20) return undefined;
    written += 1;
    scene.ledger.changed(newest.fileName);
    appendFileSync(path.join(scene.directory, newest.fileName), randomBytes(10));
    return undefined;
  };
  await writeFile(path.join(scene.directory, newest.fileName), randomBytes(10));
  void scene.run();
  await scene.until('all bytes', () => scene.confirmed(newest) === 210);
  const appends = scene.drive.operations.filter((operation) => operation.startsWith('append'));
  assert.ok(appends.length < 20, `${appends.length} appends for 21 writes`);
});

test('the newest recording goes first, and an older one does not hold it up', async (context) => {
  const scene = await Scene.make(context);
  const old = randomBytes(6_000_000);
  scene.write(older, old);
  scene.write(newest, randomBytes(100));
  let olderWrites = 0;
  let waited: number | undefined;
  scene.drive.fault = (operation, key) => {
    if (operation !== 'write') return undefined;
    if (key === scene.key(older)) {
      olderWrites += 1;
      if (olderWrites === 3) scene.write(newest, randomBytes(50));
    } else if (olderWrites >= 3) waited ??= olderWrites - 3;
    return undefined;
  };
  void scene.run();
  await scene.until(
    'everything',
    () => scene.confirmed(older) === old.length && scene.confirmed(newest) === 150,
  );
  const first = scene.drive.operations.find((operation) => operation.startsWith('append'));
  assert.equal(first, `append ${scene.key(newest)}`);
  assert.ok(waited !== undefined && waited <= 16, `waited for ${waited} pieces of the older one`);
});

test('what was sent but not confirmed is compared again after the connection broke', async (context) => {
  const scene = await Scene.make(context);
  scene.failNext('finish', { kind: 'disconnect-keeping', keptBytes: 0 });
  const bytes = randomBytes(5000);
  scene.write(newest, bytes);
  void scene.run();
  await scene.until('confirmation', () => scene.confirmed(newest) === 5000);
  assert.equal(scene.drive.operations.filter((operation) => operation.startsWith('append')).length, 1);
  assert.ok(scene.drive.operations.includes(`read ${scene.key(newest)}`));
  assert.ok(scene.drive.read(scene.key(newest)).equals(bytes));
});

test('bytes altered on the drive between two sessions are not appended to', async (context) => {
  const scene = await Scene.make(context);
  void scene.run();
  const bytes = randomBytes(5000);
  scene.write(newest, bytes);
  await scene.until('confirmation', () => scene.confirmed(newest) === 5000);
  const altered = Buffer.from(bytes);
  altered[4000] = (altered[4000] ?? 0) ^ 1;
  scene.drive.files.set(scene.key(newest), altered);
  scene.failNext('append', { kind: 'disconnect' });
  const more = randomBytes(300);
  scene.write(newest, more);
  const copy = scene.key(conflictName(newest, 1));
  await scene.until('a conflict copy', () => scene.drive.read(copy).length === 5300);
  assert.ok(scene.drive.read(copy).equals(Buffer.concat([bytes, more])));
  assert.ok(scene.drive.read(scene.key(newest)).equals(altered));
  assert.ok(scene.log.some((line) => line.startsWith('<3>') && line.includes('STORAGE_MISMATCH')));
  assert.equal(scene.sync.complete, false);
});

test('what a power cut took from the disk is left on the drive, told, and not uploaded again', async (context) => {
  const scene = await Scene.make(context);
  const bytes = randomBytes(5000);
  scene.drive.add(scene.key(newest), Buffer.concat([bytes, randomBytes(800)]));
  scene.write(newest, bytes);
  void scene.run();
  await scene.until('confirmation', () => scene.confirmed(newest) === 5000);
  assert.ok(scene.log.some((line) => line.startsWith('<4>') && line.includes('bytes=800')));
  assert.equal(scene.drive.read(scene.key(newest)).length, 5800);
  assert.equal(scene.drive.files.has(scene.key(conflictName(newest, 1))), false);
  // Should it go on all the same, the two differ for good.
  scene.write(newest, randomBytes(100));
  await scene.until(
    'a conflict copy',
    () => scene.drive.read(scene.key(conflictName(newest, 1))).length === 5100,
  );
  assert.equal(scene.drive.read(scene.key(newest)).length, 5800);
});

test('a file that others wrote to within a session is noticed before the next append', async (context) => {
  const scene = await Scene.make(context);
  void scene.run();
  const bytes = randomBytes(500);
  scene.write(newest, bytes);
  await scene.until('confirmation', () => scene.confirmed(newest) === 500);
  // The next append is due after the time for which the size is trusted.
  const untilMs = scene.clock.now() + 2000;
  await scene.until('rest', () => scene.clock.now() > untilMs);
  scene.drive.add(scene.key(newest), Buffer.from('other'));
  scene.write(newest, randomBytes(100));
  const copy = scene.key(conflictName(newest, 1));
  await scene.until('a conflict copy', () => scene.drive.read(copy).length === 600);
  assert.ok(scene.drive.read(scene.key(newest)).equals(Buffer.concat([bytes, Buffer.from('other')])));
});

test('a size that is not what was sent confirms nothing', async (context) => {
  const scene = await Scene.make(context);
  scene.drive.fault = (operation, key) =>
    operation === 'size' && scene.drive.read(key).length > 0 ? { kind: 'lie', sizeBytes: 7 } : undefined;
  scene.write(newest, randomBytes(5000));
  void scene.run();
  await scene.until(
    'the problem',
    () => scene.sync.state().lastProblem?.includes('STORAGE_PROTOCOL') === true,
  );
  assert.equal(scene.confirmed(newest), 0);
  assert.equal(scene.sync.bytesUploaded, 0);
});

test('a refusal is said once, not at every attempt, and so is its end', async (context) => {
  const scene = await Scene.make(context);
  let attempts = 0;
  scene.drive.fault = (operation) => {
    if (operation !== 'connect') return undefined;
    attempts += 1;
    return attempts <= 8 ? { kind: 'refuse', code: 'STORAGE_UNTRUSTED' } : undefined;
  };
  scene.write(newest, randomBytes(10));
  void scene.run();
  await scene.until('confirmation', () => scene.confirmed(newest) === 10);
  assert.equal(scene.log.filter((line) => line.includes('STORAGE_UNTRUSTED')).length, 1, scene.log.join(''));
  assert.equal(scene.log.filter((line) => line.includes('uploads go on')).length, 1);
  assert.equal(scene.sync.state().lastProblem, undefined);
});

test('a full drive is said so, costs nothing that it holds, and is tried again', async (context) => {
  const removed: string[] = [];
  const scene = await Scene.make(context);
  let full = true;
  scene.drive.fault = (operation, key) => {
    if (operation === 'remove') removed.push(key);
    return full && operation === 'finish' ? { kind: 'refuse', code: 'STORAGE_FULL' } : undefined;
  };
  scene.write(newest, randomBytes(5000));
  void scene.run();
  await scene.until('the problem', () => scene.sync.state().lastProblem?.includes('STORAGE_FULL') === true);
  full = false;
  await scene.until('confirmation', () => scene.confirmed(newest) === 5000);
  assert.deepEqual(removed, []);
});

test('an older recording that the drive refuses does not keep the newest from being uploaded', async (context) => {
  const scene = await Scene.make(context);
  const refused = scene.key(older);
  let refusals = 0;
  scene.drive.fault = (operation, key) => {
    if (operation !== 'append' || key !== refused) return undefined;
    refusals += 1;
    return { kind: 'refuse', code: 'STORAGE_REFUSED' };
  };
  scene.write(older, randomBytes(100));
  scene.write(newest, randomBytes(10));
  void scene.run();
  await scene.until('a refusal', () => refusals > 0);
  for (let bytes = 20; bytes <= 60; bytes += 10) {
    scene.write(newest, randomBytes(10));
    await scene.until('confirmation', () => scene.confirmed(newest) === bytes);
  }
  assert.equal(refusals, 1);
  assert.equal(scene.sync.state().backlogFiles, 1);
});

test('what the drive would remove at once is not sent to it', async (context) => {
  const scene = await Scene.make(context, { driveRetentionMs: slotMs / 2, once: true });
  scene.write(older, randomBytes(100));
  scene.write(newest, randomBytes(10));
  await scene.run();
  assert.deepEqual([...scene.drive.files.keys()], [scene.key(newest)]);
  assert.equal(scene.sync.complete, true);
});

test('what is due for removal goes from the drive, and a drive that forbids it is still uploaded to', async (context) => {
  const listed: string[][] = [];
  const planCleanUp: CameraSyncOptions['planCleanUp'] = async (listing) => {
    listed.push(listing.map((file) => file.name));
    return listing.map((file) => file.name).filter((name) => name.startsWith('old'));
  };
  const scene = await Scene.make(context, { planCleanUp, once: true });
  for (const name of ['old-1', 'old-2', 'kept']) scene.drive.add(`/camera/${name}`, Buffer.from('x'));
  scene.drive.fault = (operation, key) =>
    operation === 'remove' && key.endsWith('old-2') ? { kind: 'refuse', code: 'STORAGE_REFUSED' } : undefined;
  scene.write(newest, randomBytes(10));
  await scene.run();
  assert.deepEqual(listed, [['old-1', 'old-2', 'kept']]);
  assert.deepEqual(
    [...scene.drive.files.keys()].sort(),
    ['/camera/kept', '/camera/old-2', scene.key(newest)].sort(),
  );
  assert.equal(scene.sync.complete, true);
});

test('a recording that is gone from the drive before its time is told and uploaded again', async (context) => {
  const scene = await Scene.make(context, { driveRetentionMs: 1000 * slotMs });
  for (const name of [older, newest]) scene.write(name, randomBytes(100));
  const ended = scene.run();
  await scene.until('both on the drive', () => scene.confirmed(older) + scene.confirmed(newest) === 200);
  scene.drive.files.delete(scene.key(older));
  scene.sync.requestCleanUp();
  await scene.until('it is there again', () => scene.drive.read(scene.key(older)).length === 100);
  scene.sync.stop();
  await ended;
  assert.match(scene.log.join(''), /gone from the drive before their time/);
  assert.equal(scene.sync.state().vanishedRecordings, 1);
  assert.equal(scene.drive.read(scene.key(older)).length, 100);
});

test("what the drive's own retention removed is told and not uploaded again", async (context) => {
  const scene = await Scene.make(context, { driveRetentionMs: slotMs });
  // The older one is past retention once the other slot is over; the fake clock runs on meanwhile.
  scene.clock.advance(-slotMs / 2);
  for (const name of [older, newest]) scene.write(name, randomBytes(100));
  const ended = scene.run();
  await scene.until('both on the drive', () => scene.confirmed(older) + scene.confirmed(newest) === 200);
  scene.clock.advance(slotMs / 2 + 1);
  scene.drive.files.delete(scene.key(older));
  scene.sync.requestCleanUp();
  await scene.until('a word about it', () => scene.log.some((line) => line.includes(older.fileName)));
  scene.sync.stop();
  await ended;
  assert.match(scene.log.join(''), /the drive removed recordings past retention/);
  assert.equal(scene.sync.state().vanishedRecordings, undefined);
  assert.equal(scene.drive.files.has(scene.key(older)), false);
});

test('a recording that a listing leaves out is not taken for gone', async (context) => {
  const scene = await Scene.make(context);
  for (const name of [older, newest]) scene.write(name, randomBytes(100));
  const ended = scene.run();
  await scene.until('both on the drive', () => scene.confirmed(older) + scene.confirmed(newest) === 200);
  scene.drive.unlisted.add(scene.key(older));
  const listings = (): number => scene.drive.operations.filter((one) => one.startsWith('list')).length;
  const before = listings();
  scene.sync.requestCleanUp();
  await scene.until('another listing', () => listings() > before);
  await scene.until('it is known again', () => scene.confirmed(older) === 100);
  scene.sync.stop();
  await ended;
  assert.equal(scene.sync.state().vanishedRecordings, undefined);
  assert.equal(scene.drive.read(scene.key(older)).length, 100);
  assert.equal(scene.drive.files.size, 2);
});

test('names that somebody took beforehand keep nothing from being uploaded', async (context) => {
  const scene = await Scene.make(context, { once: true });
  for (let conflict = 0; conflict <= 16; conflict++) {
    scene.drive.add(scene.key(conflict === 0 ? newest : conflictName(newest, conflict)), Buffer.from('x'));
  }
  const bytes = randomBytes(100);
  scene.write(newest, bytes);
  await scene.run();
  assert.ok([...scene.drive.files.keys()].some((key) => scene.drive.read(key).equals(bytes)));
});

test('a drive is not called up to date while a recording was given up', async (context) => {
  const scene = await Scene.make(context);
  // Whatever is sent there is changed at once, and the connection breaks.
  scene.drive.fault = (operation, key) => {
    if (operation !== 'write') return undefined;
    scene.drive.files.set(key, Buffer.from('changed'));
    return { kind: 'disconnect' };
  };
  scene.write(newest, randomBytes(100));
  void scene.run();
  await scene.until('giving up', () => scene.log.some((line) => line.includes('given up')));
  assert.deepEqual(
    scene.log.filter((line) => line.includes('the drive is up to date')),
    [],
  );
  assert.equal(scene.sync.complete, false);
  assert.equal(scene.drive.files.size, maxCopiesMade);
});

for (const [what, sizeBytes] of [
  ['negative', -1],
  ['not a number', Number.NaN],
  ['no whole number', 0.5],
  ['beyond all drives', Number.MAX_SAFE_INTEGER],
] as const) {
  test(`a file whose listed size is ${what} is never appended to`, async (context) => {
    const scene = await Scene.make(context, { once: true });
    scene.drive.add(scene.key(newest), Buffer.from('x'));
    scene.drive.fault = (operation, key) =>
      operation === 'size' && key === scene.key(newest) ? { kind: 'lie', sizeBytes } : undefined;
    const bytes = randomBytes(100);
    scene.write(newest, bytes);
    await scene.run();
    assert.equal(scene.drive.read(scene.key(newest)).toString(), 'x');
    assert.ok(scene.drive.read(scene.key(conflictName(newest, 1))).equals(bytes));
  });
}

test('a stop confirms what was sent before it', async (context) => {
  const scene = await Scene.make(context);
  const ended = scene.run();
  const bytes = randomBytes(2000);
  scene.write(newest, bytes);
  await scene.until('bytes on the drive', () => scene.drive.read(scene.key(newest)).length === 2000);
  scene.sync.stop();
  await ended;
  assert.equal(scene.confirmed(newest), 2000);
  assert.equal(scene.sync.state().activity, 'stopped');
  assert.ok((await readFile(path.join(scene.directory, newest.fileName))).equals(bytes));
});
