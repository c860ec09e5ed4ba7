import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { inspect } from 'node:util';
import { generateKey, type Key, readKey } from 'openpgp';
import { GpgHome } from '../../test/support/gpg-home.ts';
import { coverOf, rootOf } from '../encrocrypt/v3/index.ts';
import { type ErrorCode, isEncroCamError } from '../errors.ts';
import type { MessageDecrypter } from '../pgp/decrypter.ts';
import { gpgDecrypter } from '../pgp/gpg-decrypter.ts';
import { keyFileDecrypter } from '../pgp/key-file-decrypter.ts';
import { fingerprintOf } from '../pgp/keys.ts';
import { type Capability, encodeCapability, type SharedRun } from './capability.ts';
import { shareLink } from './link.ts';
import { encryptShare, readShare, receiversIn } from './share-file.ts';

const keys = path.join(import.meta.dirname, '../../test/vectors/encrocrypt2');
const [ownerPublic, ownerSecret] = ['owner.public.asc', 'owner.secret.asc'].map((name) =>
  path.join(keys, name),
) as [string, string];
const camera = await readKey({ armoredKey: await readFile(path.join(keys, 'camera.public.asc'), 'utf8') });
const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-share-'));
after(() => rm(directory, { recursive: true, force: true }));
const nowMs = Date.UTC(2027, 0, 16);

function capabilityOf(runs = 1): Capability {
  const make = (_: unknown, number: number): SharedRun => {
    const runId = Buffer.alloc(16, number);
    runId.writeUInt32BE(number);
    const nodes = coverOf(rootOf(Buffer.alloc(32, 7), runId), 1, 4095);
    const headerHash = Buffer.concat([runId, runId]);
    return { runId, headerHash, segmentMs: 10_000, fromMs: 10_000, toMs: 20_000, nodes };
  };
  return {
    ...{
      camera: Buffer.from(fingerprintOf(camera), 'hex'),
      fromMs: nowMs - 7_200_000,
      toMs: nowMs - 3_600_000,
    },
    ...{ expiresMs: nowMs + 1, runs: Array.from({ length: runs }, make) },
  };
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const made = path.join(directory, name);
  await writeFile(made, content);
  return made;
}

const ownerDecrypter = (): Promise<MessageDecrypter> => keyFileDecrypter(ownerSecret, async () => '');
const nobody = async (): Promise<MessageDecrypter> => assert.fail('no key is needed for this');

function read(
  text: string,
  options: { decrypter?: () => Promise<MessageDecrypter>; trusted?: Key; at?: number } = {},
): Promise<Capability> {
  const { decrypter = nobody, trusted = camera, at = nowMs } = options;
  return readShare(text, { decrypter, trusted, nowMs: at });
}

async function refuses(reading: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(reading, (error) => isEncroCamError(error, code) && error.hint !== undefined);
}

test('a link is read from the command line and from a file, without any key', async () => {
  const capability = capabilityOf();
  const link = shareLink(encodeCapability(capability));
  assert.deepEqual(await read(link), capability);
  assert.deepEqual(await read(await file('link', `\n${link}\n`)), capability);
});

test('a link that is taken for a file is not shown', async () => {
  const link = shareLink(encodeCapability(capabilityOf()));
  const [, secret = ''] = link.split('#');
  for (const text of [`encrocam-share #${secret}`, `share:#${secret}`, `#${secret}`, secret]) {
    await assert.rejects(read(text), (error) => {
      assert.ok(isEncroCamError(error, 'INPUT_UNREADABLE'));
      const told = inspect(error, { depth: 9 });
      assert.ok(!told.includes(secret.slice(0, 30)) && !told.includes(secret.slice(-30)), told);
      return true;
    });
  }
  assert.deepEqual(await read(link.replace('encrocam-share:', 'HTTP://a.example/')), capabilityOf());
});

test("what was encrypted to somebody's key is opened by a key file, and by gpg", async () => {
  const capability = capabilityOf(700);
  const bytes = encodeCapability(capability);
  assert.ok(bytes.length > 300_000);
  const armored = await file('share.asc', await encryptShare(bytes, await receiversIn(ownerPublic)));
  assert.deepEqual(await read(armored, { decrypter: ownerDecrypter }), capability);
  const home = await GpgHome.create();
  try {
    await home.gpg('--import', ownerSecret);
    const decrypter = async () => gpgDecrypter({ homeDirectory: home.directory });
    assert.deepEqual(await read(armored, { decrypter }), capability);
  } finally {
    await home.remove();
  }
});

test("another key than the receiver's opens nothing", async () => {
  const bytes = encodeCapability(capabilityOf());
  const armored = await file('share.asc', await encryptShare(bytes, await receiversIn(ownerPublic)));
  const { privateKey } = await generateKey({ userIDs: [{ name: 'Mallory' }], format: 'armored' });
  const other = await file('mallory.asc', privateKey);
  await refuses(
    read(armored, { decrypter: () => keyFileDecrypter(other, async () => '') }),
    'SHARE_UNREADABLE',
  );
});

test('an expired share is refused from that very moment on', async () => {
  const link = shareLink(encodeCapability(capabilityOf()));
  await read(link, { at: nowMs });
  await refuses(read(link, { at: nowMs + 1 }), 'SHARE_EXPIRED');
});

test("a share of another camera's recordings is refused", async () => {
  const link = shareLink(encodeCapability({ ...capabilityOf(), camera: Buffer.alloc(20, 9) }));
  await refuses(read(link), 'NOT_AUTHENTIC');
});

test('what is cut, damaged, empty or something else is told as such', async () => {
  const bytes = encodeCapability(capabilityOf());
  const link = shareLink(bytes);
  for (let length = link.indexOf('#') + 1; length < link.length; length++) {
    await refuses(read(link.slice(0, length)), 'SHARE_UNREADABLE');
  }
  const armored = await encryptShare(bytes, await receiversIn(ownerPublic));
  const lines = armored.split('\n');
  for (const [name, content] of [
    ['empty', ''],
    ['text', 'Dear Ana,\n'],
    ['no message', await readFile(ownerPublic, 'utf8')],
    ['cut', armored.slice(0, armored.length / 2)],
    ['without a line', [...lines.slice(0, 4), ...lines.slice(5)].join('\n')],
    ['no share inside', await encryptShare(Buffer.from('hello'), await receiversIn(ownerPublic))],
  ] as const) {
    const made = await file('bad', content);
    await refuses(read(made, { decrypter: ownerDecrypter }), 'SHARE_UNREADABLE').catch((error: unknown) => {
      throw new Error(`${name}: ${String(error)}`);
    });
  }
  await refuses(read(path.join(directory, 'nowhere')), 'INPUT_UNREADABLE');
});

test('a key that cannot encrypt is refused before anything is opened', async () => {
  await refuses(receiversIn(path.join(keys, 'camera.public.asc')), 'KEY_UNUSABLE');
});
