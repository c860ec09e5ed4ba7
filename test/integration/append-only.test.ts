/** The camera on a drive where its account may only append, as docs/guide/append-only-drives.md sets it up. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { guideBlock, ownerAccount } from '../ftp-servers/append-only.ts';
import { ftpSoftware } from '../ftp-servers/index.ts';
import { Attacker, startAppendOnlyDrive } from '../support/append-only-drive.ts';
import { driveSettings } from '../support/drive.ts';
import { bytesOf, Cable, camera, recordingOf, SyncerPlace } from './syncer-harness.ts';

const run = promisify(execFile);
const refusal = 'the drive does not let old recordings be removed';

for (const software of ftpSoftware) {
  test(`${software}: uploads go on through broken lines, and a refused removal is told once`, async (context) => {
    const { server, directory } = await startAppendOnlyDrive(context, software, camera);
    const cable = await Cable.lay(context, server.host, server.port);
    const settings = { ...driveSettings(server), port: cable.port, retentionDays: 4 };
    const place = await SyncerPlace.make(context, settings);
    const [newest, older] = [recordingOf(0), recordingOf(2)];
    const olderBytes = randomBytes(3_000_000);
    await writeFile(place.local(older), olderBytes);
    const { uid, gid } = await stat(directory);
    const put = async (name: string, bytes: Uint8Array): Promise<void> => {
      await writeFile(path.join(directory, name), bytes);
      await chown(path.join(directory, name), uid, gid);
    };
    await put(older.fileName, olderBytes.subarray(0, 1_000_000));
    // Every hour: a clock that seems to have jumped would postpone retention.
    const there = Array.from({ length: 6 * 24 }, (_, hour) => recordingOf(hour + 3).fileName);
    for (const name of there) await put(name, Buffer.from('x'));

    const writer = place.write(newest);
    let sync = place.run('sync');
    await sync.said(refusal);
    await sync.said('the drive is up to date');
    await writer.more(2_000_000);
    await server.kill();
    await writer.more(2_000_000);
    await server.restart();
    await sync.said('uploads go on');
    cable.cut();
    await writer.more(2_000_000);
    cable.mend();
    await writer.more(1_000_000);
    assert.equal(sync.stderr.split(refusal).length - 1, 1, sync.stderr);
    await sync.kill();
    await writer.more(1_000_000);
    sync = place.run('sync');
    await writer.more(1_000_000);
    await writer.stop();
    await place.state('an end of the backlog', ({ pid, cameras }) => {
      const [one] = cameras;
      return pid === sync.pid && one?.activity === 'following' && one.backlogBytes === 0;
    });
    const status = place.run('status');
    await status.exitCode();
    assert.match(
      status.stdout,
      /retention +left to the drive, which refuses removals \(\d+ past retention there\)/,
    );
    assert.equal(await sync.terminate(), 0, sync.stderr);

    const remote = (name: string): Promise<Buffer> => bytesOf(path.join(directory, name));
    assert.ok(
      (await remote(newest.fileName)).equals(await readFile(place.local(newest))),
      'the newest differs',
    );
    assert.ok((await remote(older.fileName)).equals(olderBytes), 'the older one differs');
    assert.deepEqual((await readdir(directory)).sort(), [...there, older.fileName, newest.fileName].sort());
  });
}

test('with storage.retention "server" nothing is asked to be removed, and the owner can remove', async (context) => {
  const { server, directory } = await startAppendOnlyDrive(context, 'proftpd', camera);
  const settings = { ...driveSettings(server), retention: 'server', retentionDays: 4 };
  const place = await SyncerPlace.make(context, settings);
  const there = Array.from({ length: 6 * 24 }, (_, hour) => recordingOf(hour + 1).fileName);
  for (const name of there) await writeFile(path.join(directory, name), 'x');
  await writeFile(place.local(recordingOf(0)), randomBytes(1000));
  const sync = place.run('sync', '--once');
  assert.equal(await sync.exitCode(), 0, sync.stderr);
  assert.doesNotMatch(sync.stderr, /remove/);
  assert.equal((await readdir(directory)).length, there.length + 1);

  const owner = await Attacker.enter(server, ownerAccount);
  context.after(() => owner.leave());
  const file = `/${camera}/${there.at(-1)}`;
  assert.equal(await owner.say(`DELE ${file}`), true, owner.replies.join());
  assert.equal((await readdir(directory)).length, there.length);
});

/** The guide's script on a directory, with a `systemctl` that only notes what it is told. */
async function retention(context: TestContext) {
  const place = await mkdtemp(path.join(os.tmpdir(), 'encrocam-retention-'));
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const recordings = path.join(place, 'recordings');
  context.after(async () => {
    const [command = 'chattr', ...args] = [...asRoot, 'chattr', '-R', '-a', recordings];
    await run(command, args);
    await rm(place, { recursive: true, force: true });
  });
  const script = path.join(place, 'encrocam-retention');
  await writeFile(script, await guideBlock('/usr/local/sbin/encrocam-retention'));
  await writeFile(path.join(place, 'systemctl'), `#!/bin/sh\necho "$@" >> ${place}/told\n`);
  for (const file of [script, path.join(place, 'systemctl')]) await chmod(file, 0o755);
  await mkdir(path.join(recordings, camera), { recursive: true });
  const file = path.join(recordings, camera, recordingOf(0).fileName);
  await writeFile(file, 'x');
  return {
    file,
    directory: path.dirname(file),
    told: () => readFile(path.join(place, 'told'), 'utf8'),
    remove: async (...more: string[]) => {
      const environment = ['env', `PATH=${place}:/usr/sbin:/usr/bin:/sbin:/bin`];
      const [command = 'env', ...args] = [...asRoot, ...environment, script, recordings, ...more];
      await run(command, args);
    },
  };
}

test("the guide's retention goes by the time that an account cannot set", async (context) => {
  const { file, directory, remove } = await retention(context);
  await utimes(file, 0, 0);
  await remove('1');
  assert.equal((await readdir(directory)).length, 1);
  await remove('0');
  assert.equal((await readdir(directory)).length, 0);
});

test("the guide's retention opens directories that can only be added to, and closes them again", async (context) => {
  const { file, directory, told, remove } = await retention(context);
  await remove('1', 'pure-ftpd.service');
  await assert.rejects(unlink(file), { code: 'EPERM' });
  assert.equal(await told(), 'freeze pure-ftpd.service\nthaw pure-ftpd.service\n');
  await remove('0', 'pure-ftpd.service');
  assert.equal((await readdir(directory)).length, 0);
  await writeFile(file, 'x');
  await assert.rejects(unlink(file), { code: 'EPERM' });
});
