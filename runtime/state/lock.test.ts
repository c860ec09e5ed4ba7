import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isEncroCamError } from '../errors.ts';
import { acquireFileLock, acquireLock } from './lock.ts';

const isAlreadyRunning = (error: unknown): boolean => isEncroCamError(error, 'ALREADY_RUNNING');

async function temporaryDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-lock-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A process of its own that takes the lock, says so, and holds it until it is killed. */
async function holdElsewhere(directory: string): Promise<{ kill(): Promise<void> }> {
  const script = `
    import { acquireLock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
    await acquireLock(${JSON.stringify(directory)}, 'sync');
    process.stdout.write('held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return {
    kill: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

test('a lock is refused while it is held, and given again after release', async (context) => {
  const directory = await temporaryDirectory(context);
  const lock = await acquireLock(directory, 'sync');
  await assert.rejects(acquireLock(directory, 'sync'), isAlreadyRunning);
  await lock.release();
  await lock.release();
  await (await acquireLock(directory, 'sync')).release();
});

test('recorder and syncer lock independently of each other', async (context) => {
  const directory = await temporaryDirectory(context);
  const recorder = await acquireLock(directory, 'record');
  const syncer = await acquireLock(directory, 'sync');
  await recorder.release();
  await syncer.release();
});

test('two names of one directory are one lock', async (context) => {
  const base = await temporaryDirectory(context);
  const directory = path.join(base, 'recordings');
  await mkdir(directory);
  await symlink(directory, path.join(base, 'link'));
  const lock = await acquireLock(directory, 'sync');
  await assert.rejects(acquireLock(path.join(base, 'link'), 'sync'), isAlreadyRunning);
  await lock.release();
});

test('a lock of another process is refused, and taken over once that process was killed', async (context) => {
  const directory = await temporaryDirectory(context);
  const other = await holdElsewhere(directory);
  await assert.rejects(acquireLock(directory, 'sync'), isAlreadyRunning);
  await other.kill();
  await (await acquireLock(directory, 'sync')).release();
});

test('a holder that only its file tells of is respected while it lives', async (context) => {
  const directory = await temporaryDirectory(context);
  const other = await holdElsewhere(directory);
  const file = path.join(directory, '.state', 'sync.lock');
  const holder = await readFile(file, 'utf8');
  // The same file in another place: there nobody holds the socket, as from another network namespace.
  const elsewhere = await temporaryDirectory(context);
  await mkdir(path.join(elsewhere, '.state'));
  await writeFile(path.join(elsewhere, '.state', 'sync.lock'), holder);
  await assert.rejects(acquireLock(elsewhere, 'sync'), isAlreadyRunning);
  await other.kill();
  await (await acquireLock(elsewhere, 'sync')).release();
});

for (const [what, content] of [
  ['another boot', JSON.stringify({ pid: 1, startTicks: '1', bootId: 'other', pidNamespace: 'pid:[1]' })],
  ['half a file', '{"pid":1,'],
  ['an empty file', ''],
  ['a file of another kind', 'null'],
] as const) {
  test(`a lock file left by ${what} is taken over`, async (context) => {
    const directory = await temporaryDirectory(context);
    await mkdir(path.join(directory, '.state'));
    await writeFile(path.join(directory, '.state', 'sync.lock'), content);
    await (await acquireLock(directory, 'sync')).release();
  });
}

test('a lock file whose process number was reused by another process is taken over', async (context) => {
  const directory = await temporaryDirectory(context);
  const lock = await acquireLock(directory, 'sync');
  const file = path.join(directory, '.state', 'sync.lock');
  const own = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await lock.release();
  await writeFile(file, JSON.stringify({ ...own, pid: process.ppid, startTicks: '0' }));
  await (await acquireLock(directory, 'sync')).release();
});

test('a file is locked under each of its names, and before it or its directory is there', async (context) => {
  const base = await temporaryDirectory(context);
  await symlink(base, path.join(base, 'link'));
  const lock = await acquireFileLock(path.join(base, 'new/file'));
  await mkdir(path.join(base, 'new'));
  await writeFile(path.join(base, 'new/file'), '');
  await assert.rejects(acquireFileLock(path.join(base, 'link/new/file')), isAlreadyRunning);
  await (await acquireFileLock(path.join(base, 'new/other'))).release();
  await lock.release();
  await (await acquireFileLock(path.join(base, 'new/file'))).release();
});
