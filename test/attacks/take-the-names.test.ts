/**
 * A thief has the password of an account that may only append, as docs/guide/append-only-drives.md sets it up, and wants to keep
 * what the camera records next off the drive: he takes the names that it would go under, or writes behind what it has begun.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { conflictName } from '../../runtime/recordings/names.ts';
import { camera, recordingOf, SyncerPlace } from '../integration/syncer-harness.ts';
import { Attacker, startAppendOnlyDrive } from '../support/append-only-drive.ts';
import { driveSettings } from '../support/drive.ts';

async function contents(directory: string): Promise<Map<string, Buffer>> {
  const names = await readdir(directory);
  return new Map(
    await Promise.all(
      names.map(
        async (name): Promise<[string, Buffer]> => [name, await readFile(path.join(directory, name))],
      ),
    ),
  );
}

test('names that are taken beforehand keep no recording off the drive', async (context) => {
  const { server, directory } = await startAppendOnlyDrive(context, 'proftpd', camera);
  const recording = recordingOf(0);
  const taken = [recording, ...Array.from({ length: 20 }, (_, index) => conflictName(recording, index + 1))];
  const thief = await Attacker.enter(server);
  for (const { fileName } of taken)
    assert.ok(await thief.put(`APPE /${camera}/${fileName}`, Buffer.from('x')), fileName);
  thief.leave();
  const place = await SyncerPlace.make(context, { ...driveSettings(server), retention: 'server' });
  const bytes = randomBytes(1_000_000);
  await writeFile(place.local(recording), bytes);
  const sync = place.run('sync', '--once');
  // Something went beside other bytes, and that is told.
  assert.equal(await sync.exitCode(), 2);
  assert.match(sync.stderr, /STORAGE_MISMATCH/);
  const held = await contents(directory);
  assert.equal([...held.values()].filter((one) => one.equals(bytes)).length, 1, [...held.keys()].join(' '));
  for (const { fileName } of taken) assert.equal(held.get(fileName)?.toString(), 'x');
});

test('a recording that somebody appended to goes on in a copy beside it', async (context) => {
  const { server, directory } = await startAppendOnlyDrive(context, 'proftpd', camera);
  const recording = recordingOf(0);
  const place = await SyncerPlace.make(context, { ...driveSettings(server), retention: 'server' });
  const bytes = randomBytes(1_000_000);
  await writeFile(place.local(recording), bytes.subarray(0, 600_000));
  assert.equal(await place.run('sync', '--once').exitCode(), 0);
  const thief = await Attacker.enter(server);
  assert.ok(await thief.put(`APPE /${camera}/${recording.fileName}`, Buffer.from('evil')));
  thief.leave();
  await writeFile(place.local(recording), bytes);
  assert.equal(await place.run('sync', '--once').exitCode(), 2);
  const held = await contents(directory);
  assert.ok(held.get(recording.fileName)?.subarray(0, 600_000).equals(bytes.subarray(0, 600_000)));
  assert.ok(held.get(conflictName(recording, 1).fileName)?.equals(bytes));
});
