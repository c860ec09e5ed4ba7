/**
 * What every storage driver does, as a suite: `storageContract('vsftpd', () => open())`. It asserts error codes and
 * bytes on the disk behind the drive, never prose.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { type DrivePath, drivePath, type Storage } from '../../runtime/storage/storage.ts';

export interface StorageUnderTest {
  readonly storage: Storage;
  /** The directory on this disk that is `/` on the drive. */
  readonly rootDirectory: string;
  stop(): Promise<void>;
}

export const hasCode =
  (...codes: Parameters<typeof isEncroCamError>[1][]) =>
  (error: unknown): true => {
    assert.ok(isEncroCamError(error, ...codes), `expected ${codes.join(' or ')}, got ${String(error)}`);
    return true;
  };

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

export async function appendBytes(storage: Storage, file: DrivePath, bytes: Uint8Array): Promise<void> {
  const appender = await storage.append(file);
  await appender.write(bytes);
  await appender.finish();
}

export function storageContract(name: string, open: () => Promise<StorageUnderTest>): void {
  describe(`storage contract: ${name}`, () => {
    let underTest: StorageUnderTest;
    let storage: Storage;
    let directoryCount = 0;
    let directory: DrivePath;
    let onDisk: (fileName: string) => string;
    const at = (fileName: string): DrivePath => drivePath(directory, fileName);

    before(async () => {
      underTest = await open();
      storage = underTest.storage;
      await storage.connect();
    });
    after(async () => {
      await storage.close();
      await underTest.stop();
    });
    beforeEach(async () => {
      directoryCount++;
      directory = drivePath('/', 'cameras', `front-${directoryCount}`);
      onDisk = (fileName) => path.join(underTest.rootDirectory, directory, fileName);
      await storage.makeDirectory(directory);
    });

    it('makes a directory with its parents, and again without complaint', async () => {
      const deep = drivePath(directory, 'a', 'b', 'c');
      await storage.makeDirectory(deep);
      await storage.makeDirectory(deep);
      await appendBytes(storage, drivePath(deep, 'x'), Buffer.from('x'));
      assert.equal(await readFile(onDisk('a/b/c/x'), 'latin1'), 'x');
    });

    it('lists nothing where there is no directory, and nothing in an empty one', async () => {
      assert.deepEqual(await storage.list(drivePath(directory, 'absent')), []);
      assert.deepEqual(await storage.list(directory), []);
    });

    it('lists files with their sizes, and no directories', async () => {
      await writeFile(onDisk('one'), Buffer.alloc(1));
      await writeFile(onDisk('rec-20261122T130000Z-3600s.encrocam'), Buffer.alloc(70_000));
      await mkdir(onDisk('below'));
      const files = (await storage.list(directory)).map(({ name, sizeBytes }) => [name, sizeBytes]);
      assert.deepEqual(files.sort(), [
        ['one', 1],
        ['rec-20261122T130000Z-3600s.encrocam', 70_000],
      ]);
    });

    it('tells names with spaces, patterns and dashes as they are', async () => {
      const names = [
        ' leading',
        'in  the middle',
        '*',
        '-la',
        '[a]',
        'ü',
        '5 Jan 01 2020 rec',
        '~',
        'a;b=c; d',
      ];
      for (const [index, fileName] of names.entries())
        await writeFile(onDisk(fileName), Buffer.alloc(index + 1));
      const files = await storage.list(directory);
      assert.deepEqual(
        new Map(files.map((file) => [file.name, file.sizeBytes])),
        new Map(names.map((fileName, index) => [fileName, index + 1])),
      );
      for (const [index, fileName] of names.entries()) {
        assert.equal(await storage.size(at(fileName)), index + 1, fileName);
      }
    });

    it('tells the size of a file, and that there is none', async () => {
      await writeFile(onDisk('five'), 'fives');
      assert.equal(await storage.size(at('five')), 5);
      assert.equal(await storage.size(at('absent')), undefined);
      assert.equal(await storage.size(drivePath(directory, 'absent', 'absent')), undefined);
    });

    it('appends to a file that is missing and to one that is there', async () => {
      const bytes = randomBytes(300_000);
      await appendBytes(storage, at('grows'), bytes.subarray(0, 100_000));
      await appendBytes(storage, at('grows'), bytes.subarray(100_000));
      assert.deepEqual(await readFile(onDisk('grows')), bytes);
      assert.equal(await storage.size(at('grows')), 300_000);
    });

    it('makes appended bytes readable while the append goes on', async () => {
      const appender = await storage.append(at('live'));
      await appender.write(Buffer.from('first'));
      await untilSize(onDisk('live'), 5);
      await appender.write(Buffer.from('second'));
      await untilSize(onDisk('live'), 11);
      await appender.finish();
      assert.equal(await readFile(onDisk('live'), 'latin1'), 'firstsecond');
    });

    it('takes many small and large writes in order', async () => {
      const sizes = [1, 2, 65_536, 3, 1_000_000, 17, 4096, 1];
      const parts = sizes.map((size) => randomBytes(size));
      const appender = await storage.append(at('parts'));
      for (const part of parts) await appender.write(part);
      await appender.finish();
      assert.deepEqual(await readFile(onDisk('parts')), Buffer.concat(parts));
    });

    it('does no harm by finishing an append without a byte', async () => {
      await (await storage.append(at('nothing'))).finish();
      await appendBytes(storage, at('something'), Buffer.from('s'));
      assert.equal(await storage.size(at('something')), 1);
    });

    it('can be used again after an append was aborted', async () => {
      const appender = await storage.append(at('aborted'));
      await appender.write(Buffer.from('part'));
      await appender.abort();
      await storage.connect();
      await appendBytes(storage, at('after'), Buffer.from('a'));
      assert.equal(await storage.size(at('after')), 1);
    });

    it('refuses an append where there is no directory', async () => {
      const appender = await storage.append(drivePath(directory, 'absent', 'x'));
      await assert.rejects(async () => {
        await appender.write(Buffer.from('x'));
        await appender.finish();
      }, hasCode('STORAGE_REFUSED'));
      assert.equal(await storage.size(drivePath(directory, 'absent', 'x')), undefined);
    });

    it('reads a whole file, a part, the end, and nothing behind the end', async () => {
      const bytes = randomBytes(500_000);
      await writeFile(onDisk('read'), bytes);
      assert.deepEqual(await collect(storage.read(at('read'), 0)), bytes);
      assert.deepEqual(await collect(storage.read(at('read'), 123_456)), bytes.subarray(123_456));
      assert.deepEqual(await collect(storage.read(at('read'), 1000, 10)), bytes.subarray(1000, 1010));
      assert.deepEqual(await collect(storage.read(at('read'), 499_990, 100)), bytes.subarray(499_990));
      assert.deepEqual(await collect(storage.read(at('read'), 500_000)), Buffer.alloc(0));
      assert.deepEqual(await collect(storage.read(at('read'), 600_000, 5)), Buffer.alloc(0));
      assert.deepEqual(await collect(storage.read(at('read'), 5, 0)), Buffer.alloc(0));
    });

    it('refuses to read a file that does not exist', async () => {
      await assert.rejects(collect(storage.read(at('absent'), 0)), hasCode('STORAGE_REFUSED'));
    });

    it('goes on working after reads that were left early', async () => {
      const bytes = randomBytes(8_000_000);
      await writeFile(onDisk('large'), bytes);
      for (let round = 0; round < 5; round++) {
        for await (const chunk of storage.read(at('large'), round * 1000)) {
          assert.deepEqual(Buffer.from(chunk), bytes.subarray(round * 1000, round * 1000 + chunk.length));
          break;
        }
        assert.equal(await storage.size(at('large')), 8_000_000);
      }
    });

    it('reads what grows to the length that it had', async () => {
      await writeFile(onDisk('growing'), 'abc');
      assert.equal((await collect(storage.read(at('growing'), 1))).toString(), 'bc');
      await appendFile(onDisk('growing'), 'def');
      assert.equal((await collect(storage.read(at('growing'), 1))).toString(), 'bcdef');
    });

    it('removes a file, and does nothing where there is none', async () => {
      await writeFile(onDisk('gone'), 'x');
      await storage.remove(at('gone'));
      await storage.remove(at('gone'));
      assert.equal(await storage.size(at('gone')), undefined);
    });

    it('renames a file', async () => {
      await writeFile(onDisk('before'), 'same');
      await storage.rename(at('before'), at('after'));
      assert.equal(await readFile(onDisk('after'), 'latin1'), 'same');
      assert.equal(await storage.size(at('before')), undefined);
      await assert.rejects(storage.rename(at('absent'), at('x')), hasCode('STORAGE_REFUSED'));
    });

    it('gives calls that are made at once their turns', async () => {
      await writeFile(onDisk('busy'), 'busy');
      const answers = await Promise.all([
        storage.size(at('busy')),
        storage.list(directory).then((files) => files.length),
        collect(storage.read(at('busy'), 0)).then(String),
        storage.size(at('busy')),
      ]);
      assert.deepEqual(answers, [4, 1, 'busy', 4]);
    });

    it('says that it is not connected after it was closed, and connects again', async () => {
      const appender = await storage.append(at('cut'));
      await appender.write(Buffer.from('x'));
      await storage.close();
      await assert.rejects(appender.write(Buffer.from('y')), hasCode('STORAGE_UNREACHABLE'));
      await assert.rejects(storage.size(at('cut')), hasCode('STORAGE_UNREACHABLE'));
      await storage.connect();
      await storage.connect();
      assert.deepEqual(await storage.size(at('absent')), undefined);
    });

    it('ends a read that hangs when it is closed', async () => {
      await writeFile(onDisk('hang'), randomBytes(4_000_000));
      const reader = storage.read(at('hang'), 0)[Symbol.asyncIterator]();
      await reader.next();
      await storage.close();
      await storage.connect();
      assert.equal(await storage.size(at('hang')), 4_000_000);
    });
  });
}

/** Waits until a file on this disk has the size, by asking again: another process writes it. */
export async function untilSize(file: string, sizeBytes: number, timeoutMs = 10_000): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    const found = await readFile(file).catch(() => undefined);
    if (found && found.length >= sizeBytes) return;
    assert.ok(Date.now() < deadlineMs, `${file} has ${found?.length ?? 'no'} bytes, not ${sizeBytes}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
