/** Whether a signature of the camera counts, whatever became of its key: ours and the reader in Python, which asks gpg, say the same. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { readKey } from 'openpgp';
import {
  commitmentOf,
  encodeHeader,
  encodeSignedPart,
  makeRunKey,
  RunWriter,
  signedLine,
} from '../../runtime/encrocrypt/v3/index.ts';
import { checkFile } from '../../runtime/verifier/check-file.ts';
import { GpgHome } from '../support/gpg-home.ts';

const python = path.join(import.meta.dirname, '../../runtime/sharing/encrocrypt3.py');
const daySeconds = 86_400;
const madeSeconds = Math.floor(Date.now() / 1000) - 10 * daySeconds;
let home: GpgHome;

before(async () => {
  home = await GpgHome.create();
});
after(() => home.remove());

/** gpg on a day after the keys were made. */
function on(day: number): string[] {
  const text = new Date((madeSeconds + day * daySeconds) * 1000).toISOString();
  return ['--faked-system-time', `${text.slice(0, 19).replaceAll(/[-:]/g, '')}`];
}
const silent = ['--pinentry-mode', 'loopback', '--passphrase', '', '--yes'];

async function gpgWith(input: string, ...args: string[]): Promise<Buffer> {
  const child = spawn('gpg', ['--homedir', home.directory, '--quiet', ...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(input);
  return Buffer.concat(await child.stdout.toArray());
}

async function makeKey(name: string, expires: string): Promise<string> {
  await home.gpg(...on(0), ...silent, '--quick-generate-key', name, 'ed25519', 'sign', expires);
  return home.fingerprint(name);
}

/** A detached signature as the camera's program would make it, on that day. */
async function sign(line: string, key: string, day: number): Promise<Buffer> {
  return gpgWith(line, '--batch', ...on(day), ...silent, '--local-user', key, '--detach-sign');
}

/** What both say of a run that such a camera recorded. */
async function bothSay(
  fingerprint: string,
  signatureOf: (line: string) => Promise<Buffer>,
  later: () => Promise<unknown>,
): Promise<string> {
  const [runId, secret, runKey] = [Buffer.alloc(16, 1), Buffer.alloc(32, 1), makeRunKey()];
  const part = encodeSignedPart(
    {
      ...{ camera: Buffer.from(fingerprint, 'hex'), runId, recording: 'rec', startMs: 0 },
      ...{ clock: { state: 'unknown' }, container: 'video/mp2t', segmentMs: 10_000, checkpointMs: 5000 },
      recipients: [{ type: 'openpgp', id: Buffer.alloc(20, 5) }],
      ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
    },
    { wrapped: [] },
  );
  const signature = await signatureOf(signedLine(part.hash));
  const runPrivateKey = runKey.privateKey;
  const run = new RunWriter({ runId, secret, runPrivateKey, headerHash: part.hash, segmentMs: 10_000 });
  const bytes = Buffer.concat([
    encodeHeader(part, signature, runPrivateKey),
    ...run.data(Buffer.from('video'), 0, true),
    ...run.final(1000, 'time'),
  ]);
  await later();
  const keyFile = await home.exportKey(fingerprint);
  const file = path.join(home.directory, 'recording');
  await writeFile(file, bytes);
  const chunks = (async function* () {
    yield bytes;
  })();
  const camera = await readKey({ armoredKey: await readFile(keyFile, 'utf8') });
  const [found] = (await checkFile('recording', chunks, camera)).runs;
  const output = await new Promise<string>((resolve) => {
    execFile('python3', [python, 'verify', file, '--camera', keyFile], (_, text) => resolve(text));
  });
  const [{ state: pythons }] = JSON.parse(output) as [{ state: string }];
  assert.equal(found?.voucher, pythons);
  return pythons;
}

const nothing = async (): Promise<void> => undefined;

test('a key as it was', async () => {
  const key = await makeKey('plain', 'never');
  assert.equal(await bothSay(key, (line) => sign(line, key, 1), nothing), 'signed');
});

test('a key that has expired since vouches for what it signed before, and for nothing after', async () => {
  const key = await makeKey('expired', '5d');
  assert.equal(await bothSay(key, (line) => sign(line, key, 1), nothing), 'signed');
  const late = await makeKey('late', 'never');
  const shorten = (): Promise<string> =>
    home.gpg(...on(7), ...silent, '--quick-set-expire', late, 'seconds=1');
  assert.equal(await bothSay(late, (line) => sign(line, late, 8), shorten), 'not authentic');
});

test('moving the expiry does not make what was signed before look false', async () => {
  const key = await makeKey('extended', '6d');
  const extend = (): Promise<string> => home.gpg(...on(5), ...silent, '--quick-set-expire', key, '3y');
  assert.equal(await bothSay(key, (line) => sign(line, key, 1), extend), 'signed');
});

test('a signing subkey vouches, until it is revoked', async () => {
  const key = await makeKey('subkey', 'never');
  await home.gpg(...on(0), ...silent, '--quick-add-key', key, 'ed25519', 'sign', 'never');
  const listed = await home.gpg('--with-colons', '--list-keys', key);
  const [, subkey = ''] = [...listed.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map(([, one]) => one);
  const signature = (line: string): Promise<Buffer> => sign(line, `${subkey}!`, 1);
  assert.equal(await bothSay(key, signature, nothing), 'signed');
  const revoke = (): Promise<Buffer> =>
    gpgWith(
      'key 1\nrevkey\ny\n1\n\ny\nsave\n',
      ...['--no-tty', '--command-fd', '0', ...silent, '--edit-key', key],
    );
  assert.equal(await bothSay(key, signature, revoke), 'not authentic');
});

test('a key that is revoked vouches for nothing', async () => {
  const key = await makeKey('revoked', 'never');
  const revoke = async (): Promise<void> => {
    const file = path.join(home.directory, 'openpgp-revocs.d', `${key}.rev`);
    const certificate = await readFile(file, 'utf8');
    await gpgWith(certificate.replace(/^:-----/m, '-----'), '--batch', '--import');
  };
  assert.equal(await bothSay(key, (line) => sign(line, key, 1), revoke), 'not authentic');
});

test("a genuine signature with a stranger's behind it is none", async () => {
  const [key, stranger] = [await makeKey('genuine', 'never'), await makeKey('stranger', 'never')];
  const both = async (line: string): Promise<Buffer> =>
    Buffer.concat([await sign(line, key, 1), await sign(line, stranger, 1)]);
  assert.equal(await bothSay(key, both, nothing), 'not authentic');
});
