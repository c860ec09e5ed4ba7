import assert from 'node:assert/strict';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { makeKeyFile, readKeyFile } from './key-file.ts';

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-identity-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const unreadable = { code: 'IDENTITY_UNREADABLE' };
/** The first key of the words that everybody's test chains have. */
const known = {
  key: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  address: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
};

test('a key is made once, for its owner alone, and read back', () =>
  inDirectory(async (directory) => {
    const file = path.join(directory, 'ledger.key');
    assert.equal(await readKeyFile(file), undefined);
    const made = await makeKeyFile(file);
    assert.equal(made.made, true);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await readFile(file, 'latin1'), `${made.key}\n${made.address}\n`);
    assert.deepEqual(await makeKeyFile(file), { ...made, made: false });
    // Nothing of the making is left.
    assert.deepEqual(await readdir(directory), ['ledger.key']);
  }));

test('the address is that of the key, and line ends of other systems do not matter', () =>
  inDirectory(async (directory) => {
    const file = path.join(directory, 'key');
    await writeFile(
      file,
      `${known.key.replace('ac', 'AC')}\r\n0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266\r\n`,
      {
        mode: 0o600,
      },
    );
    assert.deepEqual(await readKeyFile(file), known);
  }));

const order = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141';
const wrong: readonly (readonly [what: string, text: string])[] = [
  ['nothing', ''],
  ['a digit that flipped', `${known.key.replace('0974', '0975')}\n${known.address}\n`],
  ['half a file', known.key.slice(0, 40)],
  ['a key without its address', `${known.key}\n`],
  ['zeros', '\0'.repeat(110)],
  ['a key of zero', `0x${'0'.repeat(64)}\n${known.address}\n`],
  ['a key that is none of the group', `0x${order}\n${known.address}\n`],
  ['a third line', `${known.key}\n${known.address}\n${known.address}\n`],
  ['PEM', '-----BEGIN EC PRIVATE KEY-----\nMHQCAQEE\n-----END EC PRIVATE KEY-----\n'],
  ['something large', 'x'.repeat(100_000)],
];
for (const [what, text] of wrong) {
  test(`a key file that holds ${what} is refused and left as it is`, () =>
    inDirectory(async (directory) => {
      const file = path.join(directory, 'key');
      await writeFile(file, text, { mode: 0o600 });
      await assert.rejects(readKeyFile(file), unreadable);
      await assert.rejects(makeKeyFile(file), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'IDENTITY_UNREADABLE');
        // What is in the file may be a secret.
        assert.ok(!error.message.includes(known.key.slice(2, 20)));
        return true;
      });
      assert.equal(await readFile(file, 'latin1'), text);
      assert.deepEqual(await readdir(directory), ['key']);
    }));
}

test('a key that others can read or change is refused', () =>
  inDirectory(async (directory) => {
    const file = path.join(directory, 'key');
    await makeKeyFile(file);
    for (const mode of [0o644, 0o604, 0o660, 0o602]) {
      await chmod(file, mode);
      await assert.rejects(readKeyFile(file), unreadable, mode.toString(8));
    }
    for (const mode of [0o640, 0o400, 0o600]) {
      await chmod(file, mode);
      assert.ok(await readKeyFile(file), mode.toString(8));
    }
  }));

test('a directory, a dangling link and a place that is not there are refused', () =>
  inDirectory(async (directory) => {
    await mkdir(path.join(directory, 'key'));
    await assert.rejects(readKeyFile(path.join(directory, 'key')), unreadable);
    await assert.rejects(makeKeyFile(path.join(directory, 'nowhere', 'key')), unreadable);
    await symlink('nothing', path.join(directory, 'link'));
    await assert.rejects(makeKeyFile(path.join(directory, 'link')), unreadable);
    assert.deepEqual((await readdir(directory)).sort(), ['key', 'link']);
  }));

test('of twenty that make a key at once, all have the same', () =>
  inDirectory(async (directory) => {
    const file = path.join(directory, 'key');
    const all = await Promise.all(Array.from({ length: 20 }, () => makeKeyFile(file)));
    assert.equal(new Set(all.map(({ address }) => address)).size, 1);
    assert.equal(all.filter(({ made }) => made).length, 1);
    assert.deepEqual(await readdir(directory), ['key']);
  }));

test(
  'what root makes belongs to whom the directory belongs to; services read it and cannot change it',
  {
    skip: process.geteuid?.() !== 0 && 'needs root',
  },
  () =>
    inDirectory(async (directory) => {
      const modeAndOwner = async (name: string, uid: number, gid: number): Promise<number[]> => {
        await chown(directory, uid, gid);
        await makeKeyFile(path.join(directory, name));
        const found = await stat(path.join(directory, name));
        return [found.mode & 0o777, found.uid, found.gid];
      };
      assert.deepEqual(await modeAndOwner('a', 0, 65534), [0o640, 0, 65534]);
      assert.deepEqual(await modeAndOwner('b', 65534, 65534), [0o600, 65534, 65534]);
      assert.deepEqual(await modeAndOwner('c', 0, 0), [0o600, 0, 0]);
    }),
);
