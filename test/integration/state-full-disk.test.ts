/** The services' state on a disk without a free block: just then others need to know it. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { mkdtemp, readdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
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
