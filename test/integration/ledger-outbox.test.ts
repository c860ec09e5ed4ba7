/** The ledger's service against a real chain: each tree exactly once on it, whatever happens between. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { numberToHex, parseEther } from 'viem';
import type { ContractAddresses } from '../../contracts/deploy.ts';
import { Chain } from '../../ledger/chain/chain.ts';
import type { LedgerConfig } from '../../runtime/config/types.ts';
import { readNewestBlock } from '../../runtime/state/newest-block.ts';
import { type Anvil, deployContracts, startAnvil } from '../support/anvil.ts';
import { type LedgerCamera, makeLedgerCamera } from '../support/ledger-camera.ts';

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
  const endMs = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`not within 10 s: ${what}`);
    if (options.mine !== false) await anvil.rpc('evm_mine');
    await delay(30);
  }
}

const committed = (camera: LedgerCamera, trees: number) =>
  until(`${trees} trees are committed`, async () => {
    const state = await camera.state();
    return state?.treesCommitted === trees && state.treesWaiting === 0;
  });

test('the owner is claimed and each period is committed once, in order, with a proof of the newest block', async (context) => {
  const owner = anvil.accounts[1]?.address ?? '0x';
  const camera = await cameraWith(context, { owner });
  const service = camera.start();
  context.after(() => service.stop());
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
