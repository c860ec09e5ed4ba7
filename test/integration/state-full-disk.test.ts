/** The services' state on a disk without a free block: just then others need to know it. */
import assert from 'node:assert/strict';
import { on } from 'node:events';
import { appendFileSync, watch } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { acquireLock, tellAgainMs } from '../../runtime/state/lock.ts';
import { readSyncerState, type SyncerState, writeState } from '../../runtime/state/state.ts';
import { SmallDisk } from '../support/small-disk.ts';

const state = (updatedMs: number, file = 'rec'): SyncerState => ({
  service: 'sync',
  pid: 1,
  startedMs: 0,
  updatedMs,
  location: 'none',
  cameras: [
    {
      name: 'front-door',
      activity: 'following',
      backlogBytes: 0,
      backlogFiles: 0,
      bytesUploaded: 0,
      confirmedBytes: { [file]: updatedMs },
    },
  ],
});

test('a full disk takes the state in the place of the old one; one that does not fit is refused and told', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-state-'));
  const disk = await SmallDisk.mount(directory, 2 ** 18);
  try {
    await writeState(directory, state(1));
    assert.throws(() => {
      for (;;) appendFileSync(path.join(directory, 'filler'), Buffer.alloc(4096));
    }, /ENOSPC/);
    await writeState(directory, state(2));
    assert.equal((await readSyncerState(directory))?.updatedMs, 2);
    await assert.rejects(writeState(directory, state(3, 'x'.repeat(10_000))), { code: 'ENOSPC' });
    assert.equal((await readSyncerState(directory))?.updatedMs, 2);
    assert.deepEqual(await readdir(path.join(directory, '.state')), ['sync.json']);
  } finally {
    await disk.unmount();
    await rmdir(directory);
  }
});

test('a full disk keeps nobody from the lock, which is named to other namespaces when there is room', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-lock-'));
  const disk = await SmallDisk.mount(directory, 2 ** 18);
  try {
    await mkdir(path.join(directory, '.state'));
    const filler = path.join(directory, 'filler');
    assert.throws(() => {
      for (;;) appendFileSync(filler, Buffer.alloc(4096));
    }, /ENOSPC/);
    context.mock.timers.enable({ apis: ['setInterval'] });
    const lock = await acquireLock(directory, 'record');
    await assert.rejects(acquireLock(directory, 'record'), { code: 'ALREADY_RUNNING' });
    const file = path.join(directory, '.state/record.lock');
    assert.equal(await readFile(file, 'utf8').catch(() => ''), '');
    context.mock.timers.tick(tellAgainMs);
    await rm(filler);
    const watcher = watch(path.dirname(file));
    const changes = on(watcher, 'change');
    context.mock.timers.tick(tellAgainMs);
    for await (const _ of changes) if ((await readFile(file, 'utf8')) !== '') break;
    assert.equal(JSON.parse(await readFile(file, 'utf8')).pid, process.pid);
    watcher.close();
    await lock.release();
    await assert.rejects(access(file), { code: 'ENOENT' });
    await (await acquireLock(directory, 'record')).release();
  } finally {
    await disk.unmount();
    await rmdir(directory);
  }
});
