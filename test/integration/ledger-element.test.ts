/** What a secure element can do wrong, and its key: SoftHSM2, and programs in the place of pkcs11-tool. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openSigner } from '../../ledger/identity/index.ts';
import { openPkcs11Signer } from '../../ledger/identity/pkcs11-signer.ts';
import type { Pkcs11Identity } from '../../runtime/config/types.ts';
import { awkwardPin, createSoftToken, type SoftToken } from '../support/soft-token.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
let place: string;
let token: SoftToken;

before(async () => {
  place = await mkdtemp(path.join(os.tmpdir(), 'encrocam-element-'));
  token = await createSoftToken(awkwardPin);
});

after(async () => {
  await token?.remove();
  await rm(place, { recursive: true, force: true });
});

const element = (change: Partial<Pkcs11Identity> = {}): Pkcs11Identity => ({ ...token.identity, ...change });

/** A program in the place of pkcs11-tool: writes down what it was called with, then goes on with the text. */
async function withTool(
  script: string,
  work: (calls: () => Promise<string[]>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(path.join(place, 'tool-'));
  const log = path.join(directory, 'calls');
  const tool = path.join(directory, 'pkcs11-tool');
  await writeFile(log, '');
  await writeFile(tool, `#!/bin/sh\nprintf '%s\\n' "$*" >> '${log}'\n${script}\n`);
  await chmod(tool, 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${directory}:${before}`;
  try {
    await work(async () => (await readFile(log, 'utf8')).split('\n').filter(Boolean));
  } finally {
    process.env.PATH = before;
  }
}

const realTool = (process.env.PATH ?? '')
  .split(':')
  .map((directory) => path.join(directory, 'pkcs11-tool'))
  .find((file) => existsSync(file));
const real = `exec ${realTool} "$@"`;
/** For requests that log in, these words and failure; all others are real. */
const failingLogin = (said: string): string =>
  `case "$*" in *--login*) echo '${said}' >&2; exit 1;; esac\n${real}`;

describe('a secure element', () => {
  test('the key never leaves it: made there, sensitive and not extractable', async () => {
    const { address } = await openSigner(element({ label: 'kept' }));
    assert.match(address, /^0x/);
    const objects = await token.tool('--list-objects', '--type', 'privkey');
    const own = objects.split(/^(?=Private)/m).find((object) => object.includes('label:      kept'));
    assert.match(own ?? '', /never extractable, local/);
  });

  test('the PIN is on no command line', () =>
    withTool(real, async (calls) => {
      await (await openSigner(element({ label: 'shy' }))).signDigest(randomBytes(32));
      const all = await calls();
      assert.ok(all.length >= 5);
      assert.ok(all.every((call) => !call.includes(token.pin) && !call.includes('b$c')));
    }));

  test('a wrong PIN is tried once, however often it is asked for', () =>
    withTool(real, async (calls) => {
      await openSigner(element({ label: 'pin' }));
      const identity = element({ label: 'pin', pin: '4711' });
      const logins = async (): Promise<number> =>
        (await calls()).filter((call) => call.includes('--login')).length;
      const before = await logins();
      for (let round = 0; round < 3; round++) {
        await assert.rejects(openSigner(identity), { code: 'ELEMENT_PIN' });
      }
      assert.equal((await logins()) - before, 1);
    }));

  test('a wrong PIN is not tried again by the next process either; the right one ends that', () =>
    withTool(real, async (calls) => {
      const stateDirectory = path.join(place, 'state');
      await mkdir(stateDirectory);
      const open = (pin: string): Promise<{ stdout: string }> =>
        run(process.execPath, [
          '--input-type=module',
          '--eval',
          `import { openSigner } from ${JSON.stringify(path.join(root, 'ledger/identity/index.ts'))};
           await openSigner(${JSON.stringify(element({ label: 'pin', pin }))}, { stateDirectory: ${JSON.stringify(stateDirectory)} })
             .then(() => console.log('opened'), (error) => console.log(error.code));`,
        ]);
      const logins = async (): Promise<number> =>
        (await calls()).filter((call) => call.includes('--login')).length;
      for (let round = 0; round < 3; round++) assert.equal((await open('4712')).stdout, 'ELEMENT_PIN\n');
      assert.equal(await logins(), 1);
      assert.ok(!(await readFile(path.join(stateDirectory, 'refused-pin.json'), 'utf8')).includes('4712'));
      assert.equal((await open(token.pin)).stdout, 'opened\n');
      // A later mistake is found out anew.
      assert.equal((await open('4712')).stdout, 'ELEMENT_PIN\n');
      assert.equal((await open(token.pin)).stdout, 'opened\n');
    }));

  test('a token that counts wrong PINs is left alone by who does not remember which', async () => {
    await openSigner(element({ label: 'pin', pin: '4713' })).catch(() => undefined);
    await assert.rejects(openSigner(element({ label: 'pin', pin: '4714' })), (error: Error) => {
      assert.match(error.message, /a wrong one was given before/);
      return true;
    });
    await token.tool('--list-objects');
    await openSigner(element({ label: 'pin' }));
  });

  for (const flag of ['final user PIN try', 'user PIN locked']) {
    test(`a token that says "${flag}" gets no PIN`, () =>
      withTool(`${realTool} "$@" | sed 's/login required/login required, ${flag}/'`, async (calls) => {
        const stateDirectory = place;
        await assert.rejects(openSigner(element(), { stateDirectory }), { code: 'ELEMENT_PIN' });
        assert.equal((await calls()).filter((call) => call.includes('--login')).length, 0);
      }));
  }

  test('no library, something else than a library, and no such token', async () => {
    const unavailable = { code: 'ELEMENT_UNAVAILABLE' };
    await assert.rejects(openSigner(element({ module: '/nowhere.so' })), unavailable);
    await assert.rejects(openSigner(element({ module: '/etc/passwd' })), unavailable);
    await assert.rejects(openSigner(element({ token: 'another' })), (error: Error) => {
      assert.match(error.message, /no token is named another \(there are: encrocam\)/);
      return true;
    });
  });

  test('no pkcs11-tool', async () => {
    const before = process.env.PATH;
    process.env.PATH = '/nowhere';
    try {
      await assert.rejects(openSigner(element()), { code: 'PROGRAM_MISSING' });
    } finally {
      process.env.PATH = before;
    }
  });

  test('one that can make no keys on a curve', async () => {
    await token.configure('slots.mechanisms = CKM_RSA_PKCS\n');
    try {
      for (const label of ['rsa only', 'kept']) {
        await assert.rejects(openSigner(element({ label })), { code: 'ELEMENT_UNSUITABLE' });
      }
    } finally {
      await token.configure();
    }
  });

  const said = (code: string): string =>
    `error: PKCS11 function C_GenerateKeyPair failed: rv = ${code}${code.endsWith(')') ? '' : ' (0x1)'}`;
  for (const [what, code, expected] of [
    ['a full one', 'CKR_DEVICE_MEMORY', 'ELEMENT_UNSUITABLE'],
    ['one without the curve', 'CKR_CURVE_NOT_SUPPORTED', 'ELEMENT_UNSUITABLE'],
    // What tpm2-pkcs11 1.9.0 and OpenSC 0.23 say of a TPM.
    [
      'one without the curve, in words that OpenSC does not know',
      'unknown PKCS11 error (0x140)',
      'ELEMENT_UNSUITABLE',
    ],
    ['one without the curve, in older words', 'CKR_DOMAIN_PARAMS_INVALID', 'ELEMENT_UNSUITABLE'],
    ['one that went away', 'CKR_DEVICE_REMOVED', 'ELEMENT_UNAVAILABLE'],
    ['one that says nothing of use', 'CKR_GENERAL_ERROR', 'ELEMENT_UNAVAILABLE'],
    ['a locked one', 'CKR_PIN_LOCKED', 'ELEMENT_PIN'],
  ] as const) {
    test(`${what} (${code})`, () =>
      withTool(failingLogin(said(code)), async () => {
        await assert.rejects(openSigner(element({ label: 'fresh' })), { code: expected });
      }));
  }

  test('a key of another curve, or two under one label', async () => {
    await token.tool('--keypairgen', '--key-type', 'EC:prime256v1', '--label', 'p256', '--id', '0a');
    await assert.rejects(openSigner(element({ label: 'p256' })), { code: 'ELEMENT_UNSUITABLE' });
    for (const id of ['0b', '0c']) {
      await token.tool('--keypairgen', '--key-type', 'EC:secp256k1', '--label', 'twice', '--id', id);
    }
    await assert.rejects(openSigner(element({ label: 'twice' })), { code: 'ELEMENT_UNSUITABLE' });
  });

  test("a key that the element's own tools made is used", async () => {
    await token.tool(
      '--keypairgen',
      '--key-type',
      'EC:secp256k1',
      '--label',
      'theirs',
      '--id',
      '00112233445566',
    );
    const signer = await openSigner(element({ label: 'theirs' }), { make: false });
    await signer.signDigest(randomBytes(32));
  });

  test('unplugged in the middle, it fails; plugged in again, it signs', async () => {
    const signer = await openSigner(element({ label: 'kept' }));
    await rename(token.directory, `${token.directory}.away`);
    await mkdir(token.directory);
    await assert.rejects(signer.signDigest(randomBytes(32)), { code: 'ELEMENT_UNAVAILABLE' });
    await rm(token.directory, { recursive: true });
    await rename(`${token.directory}.away`, token.directory);
    await signer.signDigest(randomBytes(32));
  });

  test('another element of the same name in its place is not believed', async () => {
    const signer = await openSigner(element({ label: 'kept' }));
    const config = process.env.SOFTHSM2_CONF;
    const other = await createSoftToken(token.pin);
    try {
      // With a key of the same id and label, but its own.
      const id = /label: +kept\n +ID: +(\w+)/.exec(
        await withConfig(config, () => token.tool('--list-objects')),
      )?.[1];
      await other.tool('--keypairgen', '--key-type', 'EC:secp256k1', '--label', 'kept', '--id', id ?? '');
      await assert.rejects(signer.signDigest(randomBytes(32)), { code: 'ELEMENT_UNSUITABLE' });
    } finally {
      await other.remove();
      process.env.SOFTHSM2_CONF = config;
    }
    await signer.signDigest(randomBytes(32));
  });

  test('one that hangs is given up, and its process with it', () =>
    withTool('case "$*" in *--list-slots*) echo $$ > "$0.pid"; exec sleep 1000;; esac', async (calls) => {
      await assert.rejects(openPkcs11Signer({ ...element(), make: true, timeoutMs: 300 }), {
        code: 'ELEMENT_UNAVAILABLE',
        message: 'The secure element does not answer within 0.3 s.',
      });
      assert.equal((await calls()).length, 1);
      const tool = process.env.PATH?.split(':')[0];
      const pid = Number(await readFile(`${tool}/pkcs11-tool.pid`, 'utf8'));
      await wait(100);
      assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    }));
});

test('encrocam identity names the key on the element, keeps a refused PIN in mind, and tries it again when told to', async () => {
  const directory = await mkdtemp(path.join(place, 'config-'));
  await mkdir(path.join(directory, 'state'));
  const identity = async (pin: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> => {
    const contract = `0x${'11'.repeat(20)}`;
    const file = path.join(directory, 'config.json');
    await writeFile(
      file,
      JSON.stringify({
        owner: { keys: ['owner.asc'] },
        signing: { key: 'camera.asc' },
        cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
        recordings: { directory: 'recordings' },
        ledger: {
          chainId: 31337,
          rpcUrls: ['http://127.0.0.1:1/'],
          contracts: { ownership: contract, checkpoints: contract },
          identity: element({ label: 'kept', pin }),
        },
      }),
    );
    const cli = path.join(root, 'runtime/cli.ts');
    return run(process.execPath, [cli, 'identity', '--config', file, ...args]).catch((error) => error);
  };
  const { address } = await openSigner(element({ label: 'kept' }));
  const shown = JSON.parse((await identity(token.pin, '--json')).stdout);
  const { module, token: name } = token.identity;
  assert.deepEqual(shown, { address, chainId: 31337, driver: 'pkcs11', module, token: name, label: 'kept' });
  assert.match((await identity('4715')).stderr, /refused the PIN\./);
  assert.match((await identity('4715')).stderr, /refused this PIN before/);
  assert.match((await identity('4715', '--try-pin')).stderr, /refused the PIN\./);
  assert.match((await identity(token.pin)).stdout, new RegExp(address, 'i'));
});

async function withConfig<T>(config: string | undefined, work: () => Promise<T>): Promise<T> {
  const before = process.env.SOFTHSM2_CONF;
  process.env.SOFTHSM2_CONF = config;
  try {
    return await work();
  } finally {
    process.env.SOFTHSM2_CONF = before;
  }
}
