import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEncroCamError } from '../../runtime/errors.ts';
import { silentLogger } from '../../runtime/log.ts';
import { ModelChain, modelContracts, modelSign } from '../../test/support/model-chain.ts';
import type { TreeFile } from '../trees/files.ts';
import type { PeriodTrees } from '../trees/period-trees.ts';
import { Outbox } from './outbox.ts';
import { emptyState } from './state-file.ts';

const camera = `0x${'c0'.repeat(20)}` as const;

test('a chain whose last period ends when no camera can begin one takes no tree off the disk', async () => {
  const chain = new ModelChain(1);
  const look = chain.look.bind(chain);
  chain.look = async (trees) => {
    const view = await look(trees);
    return { ...view, settled: { ...view.settled, count: 1, lastMs: 2 ** 63 } };
  };
  const tree: TreeFile = {
    ...{ camera, chain: 1, contract: modelContracts.checkpoints },
    ...{
      tree: `0x${'11'.repeat(32)}`,
      root: `0x${'22'.repeat(32)}`,
      firstMs: 1000,
      lastMs: 2000,
      leaves: [],
    },
  };
  const refused: string[] = [];
  const trees: PeriodTrees = {
    pending: async () => [tree],
    closePeriod: async () => undefined,
    committed: async () => undefined,
    refused: async (id) => void refused.push(id),
  };
  const outbox = await Outbox.open({
    ...{ chainId: 1, camera, contracts: modelContracts, owner: undefined, ceiling: 10n ** 12n },
    ...{ stuckMs: 300_000, chain, trees, logger: silentLogger, now: () => 3000 },
    store: { read: async () => emptyState(1, camera), write: async () => undefined },
    sign: async (transaction) => modelSign(transaction),
  });
  await assert.rejects(outbox.step(), (error) => isEncroCamError(error, 'CHAIN_WRONG'));
  assert.deepEqual(refused, []);
});
