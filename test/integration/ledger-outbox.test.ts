/** The ledger's service against a real chain: each tree exactly once on it, whatever happens between. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Hex, numberToHex, parseEther, parseGwei } from 'viem';
import type { ContractAddresses } from '../../contracts/deploy.ts';
import { Chain } from '../../ledger/chain/chain.ts';
import type { LedgerConfig } from '../../runtime/config/types.ts';
import { type LedgerProblemKind, ledgerAlarm } from '../../runtime/state/ledger-state.ts';
import { readNewestBlock } from '../../runtime/state/newest-block.ts';
import { type Anvil, deployContracts, startAnvil } from '../support/anvil.ts';
import { type LedgerCamera, makeLedgerCamera, periodMs } from '../support/ledger-camera.ts';
import { startNodeProxy } from '../support/node-proxy.ts';

let anvil: Anvil;
let contracts: ContractAddresses;

before(async () => {
  anvil = await startAnvil({ chainId: 4243 });
  contracts = await deployContracts(anvil.url);
});
after(() => anvil.stop());

async function cameraWith(
  context: TestContext,
  ledger: Partial<LedgerConfig> = {},
  coins = '1',
): Promise<LedgerCamera> {
  const camera = await makeLedgerCamera(contracts, { chainId: 4243, rpcUrls: [anvil.url], ...ledger });
  context.after(() => camera.remove());
  await anvil.rpc('anvil_setBalance', camera.address, numberToHex(parseEther(coins)));
  // A reorganisation would take the coins back that no block has.
  await anvil.rpc('evm_mine');
  return camera;
}

async function onChain(camera: LedgerCamera) {
  const chain = new Chain({ chainId: 4243, rpcUrls: [anvil.url], contracts, confirmations: 1 });
  const snapshot = await chain.snapshot();
  return {
    trees: await snapshot.trees(camera.address),
    owners: await snapshot.owners(camera.address),
    nonce: Number(await anvil.rpc('eth_getTransactionCount', camera.address, 'latest')),
  };
}

/** Mines a block now and then until it is so. */
async function until(
  what: string,
  holds: () => Promise<boolean>,
  options: { mine?: boolean } = {},
): Promise<void> {
  const endMs = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`not within 30 s: ${what}`);
    if (options.mine !== false) await anvil.rpc('evm_mine');
    await delay(30);
  }
}

const committed = (camera: LedgerCamera, trees: number) =>
  until(`${trees} trees are committed`, async () => {
    const state = await camera.state();
    return state?.treesCommitted === trees && state.treesWaiting === 0;
  });

const rpc = (method: string, ...params: unknown[]) => anvil.rpc(method, ...params);
const gwei = (amount: number) => numberToHex(parseGwei(`${amount}`));

/** No block but those that a test makes. */
async function mineByHand(context: TestContext): Promise<void> {
  await rpc('evm_setAutomine', false);
  context.after(() => rpc('evm_setAutomine', true));
}

async function pendingOf(camera: LedgerCamera): Promise<PoolTransaction[]> {
  const { pending } = (await rpc('txpool_content')) as { pending: Record<string, Record<string, object>> };
  const found = Object.entries(pending).find(([address]) => address.toLowerCase() === camera.address);
  return Object.values(found?.[1] ?? {}) as PoolTransaction[];
}

interface PoolTransaction {
  readonly hash: Hex;
  readonly nonce: Hex;
  readonly maxFeePerGas: Hex;
  readonly maxPriorityFeePerGas: Hex;
}

const pool = (camera: LedgerCamera, transactions: number) =>
  until(`${transactions} wait`, async () => (await pendingOf(camera)).length === transactions, {
    mine: false,
  });

async function problem(camera: LedgerCamera, kind: LedgerProblemKind): Promise<void> {
  await until(
    `there is a problem of kind ${kind}`,
    async () => (await camera.state())?.problem?.kind === kind,
    {
      mine: false,
    },
  );
}

/** Every tree of the disk once, in order, without a gap; `runs` in all of them. */
async function assertOnce(camera: LedgerCamera, runs: number): Promise<void> {
  const { trees } = await onChain(camera);
  const onDisk = await camera.trees();
  assert.deepEqual(
    trees.map(({ tree }) => tree),
    onDisk.ids,
  );
  assert.equal(onDisk.runs, runs);
  for (const [index, { firstMs }] of trees.entries()) {
    if (index > 0) assert.equal(firstMs, trees[index - 1]?.lastMs);
  }
}

test('the owner is claimed and each period is committed once, in order, with a proof of the newest block', async (context) => {
  const owner = anvil.accounts[1]?.address ?? '0x';
  const camera = await cameraWith(context, { owner });
  const service = camera.start();
  for (let period = 1; period <= 3; period++) {
    await camera.recordPeriod();
    await committed(camera, period);
  }
  await service.stop();
  const { trees, owners, nonce } = await onChain(camera);
  assert.equal(trees.length, 3);
  assert.equal(nonce, 4);
  assert.deepEqual(
    owners.map((claim) => claim.owner),
    [owner],
  );
  const state = await camera.state();
  assert.equal(state?.owner?.isClaimed, true);
  assert.equal(state?.problem, undefined);
  assert.ok(state?.stoppedMs);
  assert.match((await readNewestBlock(camera.config.recordings.directory)) ?? '', /^4243:\d+:[0-9a-f]{64}$/);
});

test('a process that is killed between any two requests to a node commits each tree once', async (context) => {
  const owner = anvil.accounts[2]?.address ?? '0x';
  const camera = await cameraWith(context, { owner, confirmations: 1 });
  let killed = 0;
  let periods = 0;
  // Some 20 requests with their answers are two transactions, claim and tree.
  for (const crash of [3, 9, 14, 17, 19, 22, 25, 29, 34, 41]) {
    if (crash % 2 === 1) {
      await camera.recordPeriod();
      periods++;
    }
    const { code, signal, said } = await runProcess(camera, crash);
    if (signal === 'SIGKILL') killed++;
    else assert.equal(code, 0, said);
  }
  assert.ok(killed > 5, `${killed} were killed`);
  // A process that took long to close a period leaves less than a whole one for the last run.
  camera.nowMs += periodMs;
  assert.equal((await runProcess(camera)).code, 0);
  await assertOnce(camera, periods);
  const { owners, nonce, trees } = await onChain(camera);
  assert.deepEqual(
    owners.map((claim) => claim.owner),
    [owner],
  );
  assert.ok(nonce <= 1 + trees.length, 'nothing was sent in vain');
});

async function runProcess(camera: LedgerCamera, crash = 0) {
  const program = path.join(import.meta.dirname, '../support/ledger-process.ts');
  const env = { ...process.env, CRASH: `${crash}` };
  const child = spawn(process.execPath, [program, camera.configFile, `${camera.nowMs}`], { env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, said };
}

test('a tree whose block is taken back by a reorganisation is on the chain in the end, once', async (context) => {
  await mineByHand(context);
  const camera = await cameraWith(context, { confirmations: 4 });
  camera.start();
  await camera.recordPeriod();
  await pool(camera, 1);
  await rpc('anvil_mine', '0x2');
  await until('it is in a block', async () => (await camera.state())?.activity === 'confirming', {
    mine: false,
  });
  // The blocks are replaced by empty ones, and nobody has the transaction but the camera.
  await rpc('anvil_reorg', 2, []);
  await rpc('anvil_dropAllTransactions');
  assert.equal((await onChain(camera)).trees.length, 0);
  await pool(camera, 1);
  await committed(camera, 1);
  await assertOnce(camera, 1);
});

test('a reorganisation deeper than the confirmations is told, and what it took is sent again', async (context) => {
  await mineByHand(context);
  const camera = await cameraWith(context, { confirmations: 2 });
  camera.start();
  await camera.recordPeriod();
  await pool(camera, 1);
  await committed(camera, 1);
  await rpc('anvil_mine', '0x1');
  const { trees } = await onChain(camera);
  const height = Number(await rpc('eth_blockNumber'));
  await rpc('anvil_reorg', height - Number(trees[0]?.height) + 1, []);
  await rpc('anvil_dropAllTransactions');
  await until('it is there again', async () => (await onChain(camera)).trees.length === 1);
  assert.match(camera.log.join(''), /error the chain lost transactions/i);
  await committed(camera, 1);
  await assertOnce(camera, 1);
});

test('a transaction that nodes forget is offered again, and one that is stuck for more, under the same number', async (context) => {
  await mineByHand(context);
  const camera = await cameraWith(context);
  camera.start();
  await camera.recordPeriod();
  await pool(camera, 1);
  const [first] = await pendingOf(camera);
  await rpc('anvil_dropTransaction', first?.hash);
  await pool(camera, 1);
  assert.deepEqual(
    (await pendingOf(camera)).map(({ nonce }) => nonce),
    [first?.nonce],
  );
  camera.nowMs += 1000;
  await until('more is offered', async () => (await pendingOf(camera))[0]?.hash !== first?.hash, {
    mine: false,
  });
  const waiting = await pendingOf(camera);
  const [second] = waiting;
  assert.equal(waiting.length, 1);
  assert.equal(second?.nonce, first?.nonce);
  for (const fee of ['maxFeePerGas', 'maxPriorityFeePerGas'] as const) {
    assert.ok(BigInt(second?.[fee] ?? 0) * 8n >= BigInt(first?.[fee] ?? 0) * 9n, fee);
  }
  await committed(camera, 1);
  await assertOnce(camera, 1);
});

test('while the chain is dearer than the ceiling nothing is sent; then all of it is, at once', async (context) => {
  await mineByHand(context);
  const camera = await cameraWith(context, { maximumFeeGwei: 20 });
  await rpc('anvil_setNextBlockBaseFeePerGas', gwei(30));
  await rpc('evm_mine');
  camera.start();
  await camera.recordPeriod();
  await problem(camera, 'fee');
  await camera.recordPeriod();
  await until('two trees wait', async () => (await camera.state())?.treesWaiting === 2, { mine: false });
  assert.equal((await pendingOf(camera)).length, 0);
  assert.equal(camera.log.filter((line) => line.includes('dearer than the ceiling')).length, 2);
  await rpc('anvil_setNextBlockBaseFeePerGas', gwei(1));
  await rpc('evm_mine');
  await pool(camera, 1);
  await committed(camera, 2);
  await assertOnce(camera, 2);
  assert.equal((await onChain(camera)).nonce, 1);
});

test('an empty wallet is told, and once it is filled everything goes on', async (context) => {
  const camera = await cameraWith(context, {}, '0');
  camera.start();
  await camera.recordPeriod();
  await problem(camera, 'empty');
  const state = await camera.state();
  assert.match(state?.problem?.text ?? '', new RegExp(camera.address));
  const { chainId } = camera.config.ledger;
  assert.equal(chainId, 4243);
  const at = { periodMs, nowMs: camera.nowMs };
  assert.equal(ledgerAlarm(state, at), undefined);
  assert.ok(ledgerAlarm(state, { ...at, nowMs: camera.nowMs + periodMs + 1 }));
  await rpc('anvil_setBalance', camera.address, numberToHex(parseEther('0.005')));
  await committed(camera, 1);
  assert.equal((await camera.state())?.problem, undefined);
  assert.match(camera.log.join(''), /wallet runs low/);
});

test('after days offline what waited is committed in few transactions, in order', async (context) => {
  const node = await startNodeProxy(anvil.url);
  context.after(() => node.stop());
  const camera = await cameraWith(context, { rpcUrls: [node.url] });
  node.isDown = true;
  const periods = 55;
  await camera.recordPeriodsAlone(periods - 2);
  camera.start();
  for (const period of [periods - 1, periods]) {
    await camera.recordPeriod();
    await until('it is closed', async () => (await camera.state())?.treesWaiting === period, { mine: false });
  }
  assert.equal((await camera.state())?.problem?.kind, 'nodes');
  node.isDown = false;
  await committed(camera, periods);
  await assertOnce(camera, periods);
  assert.equal((await onChain(camera)).nonce, 2);
  const told = camera.log.filter((line) => line.includes('the ledger waits'));
  assert.ok(told.length <= 3, `${told.length} lines in 2 hours`);
  assert.doesNotMatch(camera.log.join(''), /very-secret-key/);
});

test('nodes that lie about receipts change nothing, and one that lies about the chain stops everything', async (context) => {
  const [honest, liar] = [await startNodeProxy(anvil.url), await startNodeProxy(anvil.url)];
  for (const node of [honest, liar]) context.after(() => node.stop());
  liar.lie = (method, _, truth) =>
    method === 'eth_getTransactionReceipt' || method === 'eth_getTransactionByHash' ? null : truth;
  const camera = await cameraWith(context, { rpcUrls: [honest.url, liar.url] });
  camera.start();
  await camera.recordPeriod();
  await committed(camera, 1);
  liar.lie = (method, _, truth) => (method === 'eth_getTransactionCount' ? '0x63' : truth);
  await camera.recordPeriod();
  await problem(camera, 'nodes');
  assert.equal((await onChain(camera)).trees.length, 1);
  liar.lie = undefined;
  await committed(camera, 2);
  await assertOnce(camera, 2);
});

test('a disk that was lost: what the chain has is not sent again, and what overlaps goes into the next tree', async (context) => {
  const camera = await cameraWith(context);
  const recordings = camera.config.recordings.directory;
  let service = camera.start();
  await camera.recordPeriod();
  await committed(camera, 1);
  await camera.recordPeriod();
  await committed(camera, 2);
  await service.stop();
  const { nonce } = await onChain(camera);
  // The state alone: trees are there, and are found on the chain.
  await rm(path.join(recordings, '.state'), { recursive: true });
  await mkdir(path.join(recordings, '.state'));
  service = camera.start();
  await committed(camera, 2);
  await service.stop();
  assert.equal((await onChain(camera)).nonce, nonce);
  // Everything: a new disk, whose clock was wrong for an hour.
  for (const name of ['.state', 'ledger']) await rm(path.join(recordings, name), { recursive: true });
  camera.nowMs -= periodMs;
  await camera.record();
  camera.nowMs += periodMs;
  camera.start();
  await problem(camera, 'conflict');
  camera.nowMs += periodMs;
  await committed(camera, 3);
  assert.match(camera.log.join(''), /error .*somebody else uses the key of this camera/i);
  const { trees } = await onChain(camera);
  assert.deepEqual([trees.at(-1)?.tree], (await camera.trees()).ids);
  assert.equal(trees.at(-1)?.firstMs, trees.at(-2)?.lastMs);
});

test('another chain and missing contracts are told, and waited for', async (context) => {
  const other = await cameraWith(context, { chainId: 1 });
  const lost = await cameraWith(context);
  Object.assign(lost.config.ledger.contracts, { checkpoints: lost.address });
  for (const camera of [other, lost]) {
    await camera.recordPeriod();
    const service = camera.start();
    await problem(camera, 'chain');
    assert.equal((await camera.state())?.treesWaiting, 1);
    await service.stop();
  }
  assert.match((await other.state())?.problem?.text ?? '', /chain 4243, not of 1/);
  assert.match((await lost.state())?.problem?.text ?? '', /no contract/);
});

test('contracts that were put there a moment ago are used at once', async (context) => {
  const chain = await startAnvil({ chainId: 4244 });
  context.after(() => chain.stop());
  const camera = await makeLedgerCamera(await deployContracts(chain.url), {
    ...{ chainId: 4244, rpcUrls: [chain.url], confirmations: 12 },
  });
  context.after(() => camera.remove());
  await chain.rpc('anvil_setBalance', camera.address, numberToHex(parseEther('1')));
  await camera.recordPeriod();
  camera.start();
  const sent = async () => Number(await chain.rpc('eth_getTransactionCount', camera.address, 'latest')) === 1;
  await until('it is sent', sent, { mine: false });
  await chain.rpc('anvil_mine', '0x10');
  await committed(camera, 1);
});
