import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cli = fileURLToPath(new URL('../../runtime/cli.ts', import.meta.url));
let directory: string;

const base = {
  owner: { keys: ['owner.asc'] },
  signing: { key: 'camera.asc' },
  cameras: [{ name: 'front', input: { device: '/dev/video0' } }],
  recordings: { directory: 'recordings' },
};
const contract = `0x${'11'.repeat(20)}`;
const ledger = {
  chainId: 31337,
  rpcUrls: ['http://127.0.0.1:1/'],
  contracts: { ownership: contract, checkpoints: contract },
};

before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-identity-'));
});
after(() => rm(directory, { recursive: true }));

async function identity(
  config: object,
  ...args: string[]
): Promise<{ stdout: string; stderr: string; code?: number }> {
  const file = path.join(directory, 'config.json');
  await writeFile(file, JSON.stringify(config));
  return run(process.execPath, [cli, 'identity', '--config', file, ...args]).catch((error) => error);
}

test('the key lies beside the configuration, and is the same the next time', async () => {
  const first = await identity({ ...base, ledger }, '--json');
  const { address, ...rest } = JSON.parse(first.stdout);
  const key = path.join(directory, 'ledger.key');
  assert.deepEqual(rest, { chainId: 31337, driver: 'file', key });
  const [secret = '', named] = (await readFile(key, 'latin1')).split('\n');
  assert.equal(named, address);
  const text = await identity({ ...base, ledger });
  assert.match(text.stdout, new RegExp(`ethereum:${address}@31337`, 'i'));
  // The checksum of EIP-55, by which a wallet sees that a digit was mistyped.
  assert.ok(!text.stdout.includes(address));
  for (const { stdout, stderr } of [first, text]) assert.ok(!`${stdout}${stderr}`.includes(secret.slice(2)));
});

test('a camera without a ledger has none', async () => {
  const { code, stderr } = await identity(base);
  assert.equal(code, 1);
  assert.match(stderr, /has no ledger/);
});
