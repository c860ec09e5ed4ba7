import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { deterministicAddresses } from '../../contracts/deploy.ts';
import type { LedgerConfig } from '../../runtime/config/types.ts';
import { type Anvil, anvilAccount, startAnvil } from '../support/anvil.ts';

const root = path.join(import.meta.dirname, '../..');
const patienceMs = 60_000;

function start(file: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  // A session of its own: there is no terminal to ask on.
  const child = spawn(process.execPath, [file, ...args], {
    ...{ cwd: root, detached: true, env: { ...process.env, ...environment } },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
  void closed.then(() => clearTimeout(timer));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  /** Resolves as soon as `pattern` was said. */
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(output);
      if (found) return found;
      assert.equal(child.exitCode ?? child.signalCode, null, `ended without ${pattern}: ${output}`);
      await Promise.race([once(child.stdout, 'data'), closed]);
    }
  };
  const end = async (): Promise<{ code: number | null; output: string }> => {
    const [code] = (await closed) as [number | null];
    return { code, output };
  };
  return { child, said, end };
}

/** The section as it is printed. */
function sectionIn(output: string): Pick<LedgerConfig, 'chainId' | 'rpcUrls' | 'contracts'> {
  const text = /^"ledger": [\s\S]*?^\}$/m.exec(output)?.[0];
  assert.ok(text, output);
  return JSON.parse(`{${text}}`).ledger;
}

describe('make chain', () => {
  it('has the contracts, prints what to configure, fills a wallet, and leaves nothing behind', async () => {
    const probe = await startAnvil();
    await probe.stop();
    const chain = start('demo/chain.ts', [], { PORT: `${probe.port}`, SECONDS: '1' });
    const [output] = await chain.said(/[\s\S]*Ctrl-C ends it.*\n/);
    const section = sectionIn(output);
    assert.deepEqual(section.rpcUrls, [probe.url]);
    assert.equal(section.chainId, 31337);
    assert.deepEqual(section.contracts, deterministicAddresses());
    assert.notEqual(await probe.rpc('eth_getCode', section.contracts.ownership, 'latest'), '0x');

    const camera = `0x${'c0'.repeat(20)}`;
    chain.child.stdin.write('nonsense\n');
    await chain.said(/That is no address/);
    chain.child.stdin.write(`${camera}\n`);
    await chain.said(/has 10 coins/);
    assert.equal(BigInt((await probe.rpc('eth_getBalance', camera, 'latest')) as string), 10n ** 19n);

    chain.child.kill('SIGINT');
    assert.equal((await chain.end()).code, 0);
    await assert.rejects(probe.rpc('eth_chainId'), /fetch failed/);
  });
});

describe('make deploy', () => {
  let anvil: Anvil;
  let directory: string;
  before(async () => {
    anvil = await startAnvil({ chainId: 777 });
    directory = await mkdtemp(path.join(tmpdir(), 'encrocam-deploy-'));
  });
  after(async () => {
    await anvil.stop();
    await rm(directory, { recursive: true });
  });
  const deploy = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
    start('ledger/deploy/main.ts', args, environment).end();

  it('takes the key from a file, and again from the environment, and finds what is there', async () => {
    const key = path.join(directory, 'key');
    await writeFile(key, `${anvilAccount(0).privateKey}\n`, { mode: 0o600 });
    const first = await deploy(['--rpc', anvil.url, '--key', key]);
    assert.equal(first.code, 0, first.output);
    assert.match(first.output, new RegExp(`paid by ${anvilAccount(0).address}`));
    assert.deepEqual(sectionIn(first.output), {
      ...{ chainId: 777, rpcUrls: [anvil.url], contracts: deterministicAddresses() },
    });
    const second = await deploy(['--rpc', anvil.url], {
      ENCROCAM_DEPLOY_KEY: anvilAccount(1).privateKey.slice(2),
    });
    assert.equal(second.code, 0, second.output);
    assert.equal(second.output.match(/was there already/g)?.length, 2);
  });

  it('says what is missing, and never shows the key or the address of the node', async () => {
    const secret = `0x${'ff'.repeat(32)}`;
    const poor = `0x${'11'.repeat(32)}`;
    const fresh = await startAnvil();
    try {
      const url = `${fresh.url}/?access-key-0123`;
      for (const [args, ENCROCAM_DEPLOY_KEY, expected] of [
        [[], secret, /address of a node/],
        [['--rpc', url], secret, /not that of a wallet/],
        [['--rpc', url, '--key', path.join(directory, 'none')], undefined, /none cannot be read/],
        [['--rpc', url], undefined, /no terminal/],
        [['--rpc', url], poor, /not on the chain: .*(funds|gas)/i],
        [['--rpc', 'http://127.0.0.1:1/access-key-0123'], poor, /not on the chain: .*request failed/i],
      ] as const) {
        const { code, output } = await deploy(args, { ENCROCAM_DEPLOY_KEY });
        assert.equal(code, 1, output);
        assert.match(output, expected);
        assert.doesNotMatch(output, /ffffffff|11111111|access-key/);
      }
    } finally {
      await fresh.stop();
    }
  });
});
