import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { decodeOwnerFile, encodeOwnerFile, readOwnerFile, writeOwnerFile } from './key-file.ts';
import {
  decodeOwner,
  encodeOwner,
  findCamera,
  isCameraName,
  kekOf,
  newCamera,
  newestKey,
  newKey,
  type Owner,
  replaceCamera,
} from './owner.ts';
import { newWallet } from './wallet.ts';

const owner: Owner = {
  entropy: newWallet().entropy,
  cameras: [
    { ...newCamera('Haustür', 1), address: `0x${'ab'.repeat(20)}` },
    newCamera('garden', 2),
    newCamera('garden', 3),
  ],
};
const passphrase = 'käse kuchen';
let sealed: string;
before(async () => {
  sealed = await encodeOwnerFile(owner, passphrase);
});

const code = (wanted: Parameters<typeof isEncroCamError>[1]) => (error: unknown) =>
  isEncroCamError(error, ...(wanted ? [wanted] : []));

test('what an owner has comes back from the file, which says nothing of it but the address', async () => {
  assert.deepEqual(await decodeOwnerFile(sealed, passphrase), owner);
  // The same passphrase, typed on another system.
  assert.deepEqual(await decodeOwnerFile(sealed, passphrase.normalize('NFD')), owner);
  assert.deepEqual(Object.keys(JSON.parse(sealed)).sort(), [
    'address',
    'digest',
    'format',
    'nonce',
    'scrypt',
    'sealed',
  ]);
  assert.doesNotMatch(sealed, /garden/);
  assert.ok(!sealed.includes(owner.entropy.toString('hex')));
});

test('a wrong passphrase is told apart from a damaged file', async () => {
  await assert.rejects(decodeOwnerFile(sealed, 'kase kuchen'), code('KEY_LOCKED'));
  const digit = sealed.indexOf('"sealed": "0x') + 40;
  const changed = `${sealed.slice(0, digit)}${sealed[digit] === '0' ? '1' : '0'}${sealed.slice(digit + 1)}`;
  for (const text of [
    changed,
    sealed.slice(0, -20),
    '',
    'null',
    '[]',
    '{}',
    '{"format":"EncroCam owner 2"}',
  ]) {
    await assert.rejects(decodeOwnerFile(text, passphrase), code('OWNER_FILE_UNREADABLE'), text);
  }
});

test('the file is replaced whole, is for its user alone, and leaves nothing beside it', async (context) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-owner-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'owner.json');
  await writeOwnerFile(file, passphrase, { ...owner, cameras: [] });
  await chmod(file, 0o644);
  await writeOwnerFile(file, passphrase, owner);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const link = path.join(directory, 'link.json');
  await symlink(file, link);
  await writeOwnerFile(link, 'another', owner);
  assert.deepEqual(await readOwnerFile(file, 'another'), owner);
  assert.deepEqual((await readdir(directory)).sort(), ['link.json', 'owner.json']);
  assert.notEqual(await readFile(file, 'utf8'), sealed);
  await assert.rejects(readOwnerFile(path.join(directory, 'none'), 'x'), code('OWNER_FILE_UNREADABLE'));
  await assert.rejects(writeOwnerFile(path.join(directory, 'no/file'), 'x', owner), code('INPUT_UNREADABLE'));
  await writeFile(file, 'x'.repeat(17 * 1024 * 1024));
  await assert.rejects(readOwnerFile(file, 'x'), code('OWNER_FILE_UNREADABLE'));
});

test('the content is read strictly', () => {
  assert.deepEqual(decodeOwner(encodeOwner(owner)), owner);
  const changes: ((content: ReturnType<typeof JSON.parse>) => void)[] = [
    (content) => delete content.entropy,
    (content) => (content.entropy = '0x00'),
    (content) => (content.more = 1),
    (content) => (content.cameras = {}),
    (content) => (content.cameras[0].name = ''),
    (content) => (content.cameras[0].salt = 'x'),
    (content) => (content.cameras[0].pairedMs = -1),
    (content) => (content.cameras[0].address = '0x12'),
    (content) => (content.cameras[0].keys[0].counter = 0),
    (content) => (content.cameras[0].keys[0].purpose = 'both'),
    (content) => (content.cameras[0].keys[0].key = null),
    (content) => (content.cameras[0].keys[0].madeMs = 1.5),
  ];
  for (const change of changes) {
    const content = JSON.parse(encodeOwner(owner));
    change(content);
    assert.equal(decodeOwner(JSON.stringify(content)), undefined, String(change));
  }
  assert.equal(decodeOwner('{'), undefined);
});

test('cameras are found by name or address, the newest pairing first; names are one line', () => {
  assert.equal(findCamera(owner, 'garden')?.pairedMs, 3);
  assert.equal(findCamera(owner, `0x${'AB'.repeat(20)}`)?.name, 'Haustür');
  assert.equal(findCamera(owner, 'Garden'), undefined);
  assert.ok(isCameraName('front door'));
  for (const name of ['', 'a\nb', 'x'.repeat(65), `0x${'ab'.repeat(20)}`])
    assert.ok(!isCameraName(name), name);
});

test('the newest key is the one with the largest counter of its purpose', () => {
  const camera = newCamera('c', 1);
  const newer = newKey('recordings', 3, 3);
  const older = newKey('recordings', 2, 2);
  const rotated = { ...camera, keys: [...camera.keys, newer, older] };
  assert.equal(newestKey(rotated, 'recordings'), newer);
  assert.equal(newestKey(rotated, 'live')?.counter, 1);
  assert.equal(newestKey({ ...camera, keys: [] }, 'live'), undefined);
  const before = { ...owner, cameras: [camera] };
  assert.deepEqual(replaceCamera(before, camera, rotated).cameras, [rotated]);
});

test('each pairing has a key-encryption key of its own, which follows from words and salt alone', () => {
  const [one, two] = [newCamera('a', 1), newCamera('a', 1)];
  assert.notDeepEqual(kekOf(owner, one), kekOf(owner, two));
  assert.deepEqual(kekOf({ entropy: owner.entropy, cameras: [] }, one), kekOf(owner, one));
});
