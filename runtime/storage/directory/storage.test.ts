import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isEncroCamError } from '../../errors.ts';
import { silentLogger } from '../../log.ts';
import { drivePath, type Storage } from '../storage.ts';
import { DirectoryStorage } from './storage.ts';

const refused = (error: unknown): boolean => isEncroCamError(error, 'STORAGE_REFUSED');

async function append(storage: Storage, ...names: string[]): Promise<void> {
  const appender = await storage.append(drivePath('/', ...names));
  await appender.write(Buffer.from('written'));
  await appender.finish();
}

describe('the directory driver', () => {
  let top: string;
  let base: string;
  let storage: DirectoryStorage;

  before(async () => {
    top = await mkdtemp(path.join(tmpdir(), 'encrocam-base-'));
    base = path.join(top, 'base');
    await mkdir(path.join(base, 'real'), { recursive: true });
    await mkdir(path.join(top, 'base-sibling'));
    await writeFile(path.join(top, 'outside'), 'outside');
    storage = new DirectoryStorage({ directory: base }, { logger: silentLogger });
    await storage.connect();
  });
  after(async () => {
    await storage.close();
    await rm(top, { recursive: true });
  });

  it('notices that its base is not there', async () => {
    const absent = new DirectoryStorage({ directory: path.join(top, 'absent') }, { logger: silentLogger });
    await assert.rejects(absent.connect(), (error) => isEncroCamError(error, 'STORAGE_UNREACHABLE'));
    const noDirectory = new DirectoryStorage(
      { directory: path.join(top, 'outside') },
      { logger: silentLogger },
    );
    await assert.rejects(noDirectory.connect(), (error) => isEncroCamError(error, 'STORAGE_UNREACHABLE'));
  });

  it('follows no symbolic link out of its base', async () => {
    await symlink(top, path.join(base, 'up'));
    await symlink(path.join(top, 'base-sibling'), path.join(base, 'sibling'));
    await symlink(path.join(top, 'outside'), path.join(base, 'file-link'));
    for (const directory of ['up', 'sibling']) {
      await assert.rejects(append(storage, directory, 'x'), refused);
      await assert.rejects(storage.list(drivePath('/', directory)), refused);
      await assert.rejects(storage.makeDirectory(drivePath('/', directory, 'made')), refused);
      await assert.rejects(storage.remove(drivePath('/', directory, 'outside')), refused);
      await assert.rejects(storage.size(drivePath('/', directory, 'outside')), refused);
    }
    await assert.rejects(append(storage, 'file-link'), refused);
    await assert.rejects(async () => {
      for await (const _ of storage.read(drivePath('/', 'file-link'), 0)) assert.fail('it was read');
    }, refused);
    assert.equal(await readFile(path.join(top, 'outside'), 'utf8'), 'outside');
  });

  it('follows a symbolic link inside its base', async () => {
    await symlink('real', path.join(base, 'alias'));
    await append(storage, 'alias', 'x');
    assert.equal(await readFile(path.join(base, 'real', 'x'), 'utf8'), 'written');
  });

  it('does not wait at a named pipe', { timeout: 5000 }, async () => {
    execFileSync('mkfifo', [path.join(base, 'pipe')]);
    assert.equal(await storage.size(drivePath('/', 'pipe')), undefined);
    await assert.rejects(append(storage, 'pipe'), refused);
  });
});
