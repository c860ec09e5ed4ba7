/** Reading a real chain through several nodes, of which some are silent and some lie. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createWalletClient, type Hex, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { checkpointsAbi, ownershipAbi } from '../../contracts/index.ts';
import { Chain } from '../../ledger/chain/chain.ts';
import { treeId } from '../../ledger/trees/tree.ts';
import { isEncroCamError } from '../../runtime/errors.ts';
import { type Anvil, deployContracts, startAnvil } from '../support/anvil.ts';
import { type NodeProxy, startNodeProxy } from '../support/node-proxy.ts';

let anvil: Anvil;
let contracts: { ownership: `0x${string}`; checkpoints: `0x${string}` };
const nodes: NodeProxy[] = [];
const root: Hex = `0x${'ab'.repeat(32)}`;

before(async () => {
  anvil = await startAnvil({ chainId: 4242 });
  contracts = await deployContracts(anvil.url);
  for (let index = 0; index < 3; index++) nodes.push(await startNodeProxy(anvil.url));
});
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await anvil.stop();
});
beforeEach(() => {
  for (const node of nodes) Object.assign(node, { lie: undefined, isDown: false, isSilent: false });
});

/** Numbers of accounts. */
const [camera, owner, another] = [0, 1, 2] as const;
const addressOf = (index: number) => anvil.accounts[index]?.address ?? '0x';

function open(count = 3, chainId = 4242, timeoutMs = 2000): Chain {
  const rpcUrls = nodes.slice(0, count).map(({ url }) => url);
  return new Chain({ chainId, rpcUrls, contracts, confirmations: 1, timeoutMs });
}

function walletOf(index: number) {
  const account = privateKeyToAccount(anvil.accounts[index]?.privateKey ?? '0x');
  return createWalletClient({ account, transport: http(anvil.url) });
}

test('what cameras claimed and committed is read as it is, with the times of its blocks', async () => {
  const wallet = walletOf(camera);
  const ownership = { address: contracts.ownership, abi: ownershipAbi, chain: null } as const;
  for (const account of [owner, another]) {
    await wallet.writeContract({ ...ownership, functionName: 'claim', args: [addressOf(account)] });
  }
  for (const first of [1000n, 2000n]) {
    const head = { root, leaves: 6, firstMs: Number(first), lastMs: Number(first) + 1000 };
    const checkpoint = {
      ...{ tree: treeId(addressOf(camera), head), leaves: 6, root },
      ...{ firstMs: first, lastMs: first + 1000n },
    };
    await wallet.writeContract({
      ...{ address: contracts.checkpoints, abi: checkpointsAbi, chain: null },
      ...{ functionName: 'commit', args: [checkpoint] },
    });
  }
  const snapshot = await open().snapshot();
  assert.deepEqual(
    (await snapshot.owners(addressOf(camera))).map((claim) => claim.owner),
    [addressOf(owner), addressOf(another)],
  );
  const trees = await snapshot.trees(addressOf(camera));
  assert.deepEqual(
    trees.map(({ firstMs, lastMs, leaves }) => [firstMs, lastMs, leaves]),
    [
      [1000, 2000, 6],
      [2000, 3000, 6],
    ],
  );
  for (const { height, timeMs } of trees) {
    assert.equal((await snapshot.chain.blockAt(height))?.timeMs, timeMs);
  }
  assert.deepEqual(await snapshot.trees(addressOf(owner)), []);
  assert.equal(await snapshot.chain.blockAt(1_000_000n), undefined);
});

test('nothing is concluded where a node lies, whichever it is and whatever about', async () => {
  const lies: [string, (truth: unknown) => unknown][] = [
    ['eth_call', (truth) => String(truth).replaceAll('ab', 'cd')],
    ['eth_getBlockByNumber', (truth) => ({ ...(truth as object), timestamp: '0x1' })],
    ['eth_getBlockByNumber', (truth) => ({ ...(truth as object), hash: root })],
    ['eth_getCode', () => '0x'],
  ];
  for (const [lied, tell] of lies) {
    for (const liar of nodes) {
      for (const node of nodes) node.lie = undefined;
      liar.lie = (method, _, truth) => (method === lied ? tell(truth) : truth);
      const reading = open()
        .snapshot()
        .then((snapshot) => snapshot.trees(addressOf(camera)));
      await assert.rejects(reading, (error) => isEncroCamError(error, 'CHAIN_DISAGREES'), lied);
    }
  }
});

test('a node that is away is done without while most answer, and told of without its access key', async () => {
  const [first, second] = nodes as [NodeProxy, NodeProxy];
  first.isDown = true;
  assert.equal((await (await open().snapshot()).trees(addressOf(camera))).length, 2);
  second.isSilent = true;
  await assert.rejects(open(3, 4242, 300).snapshot(), (error) => {
    assert.ok(isEncroCamError(error, 'CHAIN_UNREACHABLE'));
    assert.match(error.message, /1 of 3 nodes answer/);
    assert.doesNotMatch(`${error.message} ${error.hint}`, /very-secret-key/);
    return true;
  });
});

test('one of two nodes alone is not believed', async () => {
  const [first] = nodes as [NodeProxy];
  first.isDown = true;
  await assert.rejects(open(2).snapshot(), (error) => isEncroCamError(error, 'CHAIN_UNREACHABLE'));
});

test('a node that was away is asked again', async () => {
  const [first] = nodes as [NodeProxy];
  const chain = open(1);
  first.isDown = true;
  await assert.rejects(chain.newestBlock());
  first.isDown = false;
  assert.ok((await chain.newestBlock()).height > 0n);
});

test('a node that lags behind holds the newest block back, and is no liar', async () => {
  const [first] = nodes as [NodeProxy];
  const height = (await open().newestBlock()).height;
  first.lie = (method, _, truth) =>
    method === 'eth_blockNumber' ? `0x${(height - 1n).toString(16)}` : truth;
  assert.equal((await open().newestBlock()).height, height - 1n);
});

test('another chain, and an address without contract, are refused', async () => {
  await assert.rejects(open(3, 1).snapshot(), (error) => isEncroCamError(error, 'CHAIN_WRONG'));
  const lost = new Chain({
    ...{ chainId: 4242, rpcUrls: nodes.map(({ url }) => url), confirmations: 1 },
    contracts: { ...contracts, checkpoints: addressOf(owner) },
  });
  const snapshot = await lost.snapshot();
  await assert.rejects(snapshot.trees(addressOf(camera)), (error) => isEncroCamError(error, 'CHAIN_WRONG'));
});

test('only what has enough confirmations is seen', async () => {
  const chain = new Chain({
    ...{ chainId: 4242, rpcUrls: nodes.map(({ url }) => url), contracts, confirmations: 3 },
  });
  const before = await chain.newestBlock(1);
  const snapshot = await chain.snapshot();
  assert.equal(snapshot.block.height, before.height - 2n);
  assert.equal((await snapshot.trees(addressOf(camera))).length, 0);
  await anvil.rpc('anvil_mine', '0x2');
  assert.equal((await (await chain.snapshot()).trees(addressOf(camera))).length, 2);
});
