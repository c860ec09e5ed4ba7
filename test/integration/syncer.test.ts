/** `encrocam sync` and `encrocam status` as they are run, against real drives that break. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { conflictName } from '../../runtime/recordings/names.ts';
import { writeLedgerState } from '../../runtime/state/ledger-state.ts';
import type { SyncerState } from '../../runtime/state/state.ts';
import { ftpSoftware, startFtpServer } from '../ftp-servers/index.ts';
import { driveSettings } from '../support/drive.ts';
import { bytesOf, Cable, camera, recordingOf, SyncerPlace } from './syncer-harness.ts';

const inStep = (state: SyncerState): boolean =>
  state.cameras.every(({ activity, backlogBytes }) => activity === 'following' && backlogBytes === 0);

async function drive(context: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-drive-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const directoryStorage = (directory: string) => ({ driver: 'directory', directory });

for (const software of ftpSoftware) {
  test(`${software}: after a killed server, a cut line and a killed syncer the drive equals the disk`, async (context) => {
    const server = await startFtpServer({ software });
    context.after(() => server.stop());
    const cable = await Cable.lay(context, server.host, server.port);
    const place = await SyncerPlace.make(context, { ...driveSettings(server), port: cable.port });
    const [newest, older] = [recordingOf(0), recordingOf(2)];
    const olderBytes = randomBytes(3_000_000);
    await writeFile(place.local(older), olderBytes);
    const remote = (name: string): string => path.join(server.rootDirectory, camera, name);

    const writer = place.write(newest);
    let sync = place.run('sync');
    await sync.said('the drive is up to date');
    await writer.more(3_000_000);

    await server.kill();
    await writer.more(2_000_000);
    await server.restart();
    await sync.said('uploads go on');
    await writer.more(2_000_000);

    cable.cut();
    await writer.more(2_000_000);
    cable.mend();
    await writer.more(2_000_000);

    await sync.kill();
    await writer.more(1_000_000);
    sync = place.run('sync');
    await writer.more(2_000_000);
    await writer.stop();
    await place.state('an end of the backlog', (state) => state.pid === sync.pid && inStep(state));
    assert.equal(await sync.terminate(), 0, sync.stderr);

    const local = await readFile(place.local(newest));
    assert.ok((await bytesOf(remote(newest.fileName))).equals(local), 'the newest recording differs');
    assert.ok((await bytesOf(remote(older.fileName))).equals(olderBytes), 'the older recording differs');
    assert.deepEqual((await readdir(path.dirname(remote('x')))).sort(), [older.fileName, newest.fileName]);
  });
}

test('a copy with other bytes is left alone, and one conflict copy is made and continued', async (context) => {
  const directory = await drive(context);
  const place = await SyncerPlace.make(context, directoryStorage(directory));
  const [name, longer, shorter] = [recordingOf(2), recordingOf(3), recordingOf(4)];
  const bytes = randomBytes(200_000);
  for (const recording of [name, longer, shorter]) await writeFile(place.local(recording), bytes);
  const remote = (recording: { fileName: string }): string =>
    path.join(directory, camera, recording.fileName);
  await mkdir(path.join(directory, camera));
  const altered = Buffer.from(bytes.subarray(0, 150_000));
  altered[149_000] = (altered[149_000] ?? 0) ^ 1;
  await writeFile(remote(name), altered);
  await writeFile(remote(longer), Buffer.concat([bytes, bytes]));
  await writeFile(remote(shorter), bytes.subarray(0, 70_000));

  const first = place.run('sync', '--once');
  assert.equal(await first.exitCode(), 2, first.stderr);
  assert.match(first.stderr, /STORAGE_MISMATCH/);
  assert.ok((await readFile(remote(name))).equals(altered));
  assert.ok((await readFile(remote(longer))).equals(Buffer.concat([bytes, bytes])));
  assert.ok((await readFile(remote(shorter))).equals(bytes));
  assert.ok((await readFile(remote(conflictName(name, 1)))).equals(bytes));

  const more = randomBytes(1000);
  await appendFile(place.local(name), more);
  const second = place.run('sync', '--once');
  assert.equal(await second.exitCode(), 2, second.stderr);
  assert.ok((await readFile(remote(conflictName(name, 1)))).equals(Buffer.concat([bytes, more])));
  assert.equal((await readdir(path.join(directory, camera))).length, 4);
});

test('--once brings the drive up to date, applies retention on both sides, and ends with 0', async (context) => {
  const directory = await drive(context);
  const recordings = { directory: 'recordings', retentionDays: 2 };
  const place = await SyncerPlace.make(
    context,
    { ...directoryStorage(directory), retentionDays: 4 },
    { recordings },
  );
  // Every hour: a clock that seems to have jumped would postpone retention.
  const hours = Array.from({ length: 6 * 24 }, (_, hour) => recordingOf(hour));
  await mkdir(path.join(directory, camera));
  for (const [hour, name] of hours.entries()) {
    if (hour < 3 * 24) await writeFile(place.local(name), randomBytes(100));
    else await writeFile(path.join(directory, camera, name.fileName), 'x');
  }
  await writeFile(path.join(place.recordings, camera, 'notes.txt'), 'mine');
  const sync = place.run('sync', '--once');
  assert.equal(await sync.exitCode(), 0, sync.stderr);
  const local = await readdir(path.join(place.recordings, camera));
  const remote = await readdir(path.join(directory, camera));
  // The recording that ended exactly at the limit is younger than it by a part of an hour.
  assert.deepEqual(
    local.sort(),
    [...hours.slice(0, 2 * 24 + 1).map((name) => name.fileName), 'notes.txt'].sort(),
  );
  assert.deepEqual(
    remote.sort(),
    hours
      .slice(0, 4 * 24 + 1)
      .map((name) => name.fileName)
      .sort(),
  );
});

test('--once ends with 2 when the drive cannot be reached, and local recordings stay', async (context) => {
  const recordings = { directory: 'recordings', retentionDays: 1 };
  const place = await SyncerPlace.make(context, directoryStorage('/nonexistent/drive'), { recordings });
  const hours = Array.from({ length: 72 }, (_, hour) => recordingOf(hour));
  for (const name of hours) await writeFile(place.local(name), randomBytes(10));
  const sync = place.run('sync', '--once');
  assert.equal(await sync.exitCode(), 2, sync.stderr);
  assert.equal((await readdir(path.join(place.recordings, camera))).length, hours.length);
});

test('a local recording that vanishes while it is uploaded is no error', async (context) => {
  const directory = await drive(context);
  const place = await SyncerPlace.make(context, directoryStorage(directory));
  const [newest, older] = [recordingOf(0), recordingOf(1)];
  await writeFile(place.local(older), randomBytes(1000));
  const sync = place.run('sync');
  await sync.said('the drive is up to date');
  await appendFile(place.local(newest), randomBytes(1000));
  await place.state('an upload', (state) => (state.cameras[0]?.bytesUploaded ?? 0) >= 2000);
  await unlink(place.local(newest));
  await appendFile(place.local(older), randomBytes(500));
  await place.state('a further upload', (state) => (state.cameras[0]?.bytesUploaded ?? 0) >= 2500);
  assert.equal(await sync.terminate(), 0, sync.stderr);
  assert.doesNotMatch(sync.stderr, /"level":"(warn|error)"/);
});

test('a second syncer on the same recordings is refused, and status tells of the first', async (context) => {
  const directory = await drive(context);
  const place = await SyncerPlace.make(context, directoryStorage(directory));
  await writeFile(place.local(recordingOf(0)), randomBytes(1000));
  const sync = place.run('sync');
  await place.state('an end of the backlog', inStep);
  const second = place.run('sync', '--once');
  assert.equal(await second.exitCode(), 1);
  assert.match(second.stderr, /ALREADY_RUNNING/);

  const json = place.run('status', '--json');
  assert.equal(await json.exitCode(), 2, 'no recorder runs');
  const status = JSON.parse(json.stdout) as Record<string, Record<string, unknown>>;
  assert.equal(status.syncer?.activity, 'running');
  assert.equal(status.syncer?.pid, sync.pid);
  assert.equal(status.recorder?.activity, 'never-started');

  await sync.kill();
  const after = place.run('status');
  assert.equal(await after.exitCode(), 2);
  assert.match(after.stdout, /syncer +gone without saying so/);
});

/** Keeps what it was asked for. */
async function startMonitor(context: TestContext) {
  const asked: string[] = [];
  const events = new EventEmitter();
  const monitor = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
    events.emit('asked');
  }).listen(0, '127.0.0.1');
  await once(monitor, 'listening');
  context.after(() => monitor.close());
  const { port } = monitor.address() as AddressInfo;
  return { asked, events, url: `http://127.0.0.1:${port}/secret-of-the-monitor` };
}

test('without a drive the monitor is called while recording progresses, and told of a start', async (context) => {
  const { asked, events, url } = await startMonitor(context);
  const place = await SyncerPlace.make(
    context,
    { driver: 'none' },
    { monitor: { url, intervalSeconds: 5, startAndFailSignals: true } },
  );
  const sync = place.run('sync');
  await once(events, 'asked');
  assert.deepEqual(asked, ['/secret-of-the-monitor/start']);
  const writer = place.write(recordingOf(0));
  await once(events, 'asked');
  await writer.stop();
  assert.deepEqual(asked.slice(1), ['/secret-of-the-monitor']);
  assert.equal(await sync.terminate(), 0, sync.stderr);
  assert.doesNotMatch(sync.stderr, /secret-of-the-monitor/);
});

test('the monitor is told when checkpoints wait for coins, although recording goes on', async (context) => {
  const { asked, events, url } = await startMonitor(context);
  const address = `0x${'01'.repeat(20)}`;
  const contracts = { ownership: address, checkpoints: address };
  const place = await SyncerPlace.make(
    context,
    { driver: 'none' },
    {
      monitor: { url, intervalSeconds: 5, startAndFailSignals: true },
      ledger: { chainId: 1, rpcUrls: ['http://127.0.0.1:1'], contracts, periodMinutes: 1 },
    },
  );
  const nowMs = Date.now();
  const state = {
    service: 'ledger',
    pid: process.pid,
    startedMs: nowMs,
    updatedMs: nowMs,
    chainId: 1,
  } as const;
  const problem = { kind: 'empty', text: 'The wallet cannot pay.', sinceMs: nowMs } as const;
  await writeLedgerState(place.recordings, { ...state, problem, oldestWaitingMs: nowMs - 61_000 });
  const sync = place.run('sync');
  await once(events, 'asked');
  const writer = place.write(recordingOf(0));
  await once(events, 'asked');
  assert.deepEqual(
    asked,
    ['/start', '/fail'].map((signal) => `/secret-of-the-monitor${signal}`),
  );
  assert.match(sync.stderr, /checkpoints wait for coins.*The wallet cannot pay/);
  await writeLedgerState(place.recordings, state);
  await once(events, 'asked');
  assert.equal(asked[2], '/secret-of-the-monitor');
  await writer.stop();
  assert.equal(await sync.terminate(), 0, sync.stderr);
});

test('wrong arguments are usage errors', async (context) => {
  const place = await SyncerPlace.make(context, { driver: 'none' });
  for (const [command, ...args] of [
    ['sync', '--camera', 'no-such-camera'],
    ['sync', 'surplus'],
    ['status', 'surplus'],
  ] as const) {
    const run = place.run(command, ...args);
    assert.equal(await run.exitCode(), 1);
    assert.match(run.stderr, /\[USAGE\]/);
  }
});
