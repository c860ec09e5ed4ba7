/** The directory driver on a disk that is full, and on one that is mounted read-only: a small tmpfs, which needs root. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '../../runtime/log.ts';
import { DirectoryStorage } from '../../runtime/storage/directory/storage.ts';
import { drivePath } from '../../runtime/storage/storage.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { appendBytes, hasCode } from './storage-contract.ts';

describe('the directory driver on a small disk', () => {
  let directory: string;
  let disk: SmallDisk;
  let storage: DirectoryStorage;

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'encrocam-small-'));
    disk = await SmallDisk.mount(directory, 2 ** 20);
    storage = new DirectoryStorage({ directory }, { logger: silentLogger });
    await storage.connect();
  });
  after(async () => {
    await storage.close();
    await disk.unmount();
    await rmdir(directory);
  });

  it('says that the drive is full, and works on once there is room', async () => {
    const file = drivePath('/', 'fills');
    await assert.rejects(appendBytes(storage, file, randomBytes(2 * 2 ** 20)), hasCode('STORAGE_FULL'));
    await storage.remove(file);
    await appendBytes(storage, file, randomBytes(1000));
    assert.equal(await storage.size(file), 1000);
  });

  it('says that a disk which is mounted read-only refuses', async () => {
    await disk.makeReadOnly();
    await assert.rejects(
      appendBytes(storage, drivePath('/', 'x'), Buffer.from('x')),
      hasCode('STORAGE_REFUSED'),
    );
    await assert.rejects(storage.remove(drivePath('/', 'fills')), hasCode('STORAGE_REFUSED'));
  });
});
