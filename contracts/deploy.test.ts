import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createPublicClient, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { anvilAccount, startAnvil } from '../test/support/anvil.ts';
import { deployContracts, deterministicAddresses } from './deploy.ts';
import { checkpointsAbi, ownershipAbi } from './index.ts';

const account = (index: number) => privateKeyToAccount(anvilAccount(index).privateKey);

describe('deploying', () => {
  it('puts the contracts where their code says, on any chain, and does nothing the second time', async () => {
    for (const [index, chainId] of [31337, 4242].entries()) {
      const anvil = await startAnvil({ chainId });
      try {
        const first = await deployContracts(anvil.url, account(index));
        const { ownership, checkpoints } = first;
        assert.equal(first.chainId, chainId);
        assert.ok(ownership.gasUsed > 100_000n && checkpoints.transaction);
        assert.deepEqual(deterministicAddresses(), {
          ...{ ownership: ownership.address, checkpoints: checkpoints.address },
        });
        const second = await deployContracts(anvil.url, account(2));
        assert.deepEqual(second.ownership, { ...ownership, gasUsed: 0n, transaction: undefined });
        assert.deepEqual(second.checkpoints, { ...checkpoints, gasUsed: 0n, transaction: undefined });
      } finally {
        await anvil.stop();
      }
    }
  });

  it('works on a chain without the factory, at addresses of its own', async () => {
    const anvil = await startAnvil({ args: ['--disable-default-create2-deployer'] });
    try {
      const { ownership, checkpoints } = await deployContracts(anvil.url, account(0));
      const expected = deterministicAddresses();
      assert.notEqual(ownership.address, expected.ownership);
      const reader = createPublicClient({ transport: http(anvil.url) });
      const args = [ownership.address] as const;
      const { address } = ownership;
      assert.equal(
        await reader.readContract({ address, abi: ownershipAbi, functionName: 'claimsOf', args }),
        0n,
      );
      assert.equal(
        await reader.readContract({
          ...{ address: checkpoints.address, abi: checkpointsAbi, functionName: 'count', args },
        }),
        0n,
      );
    } finally {
      await anvil.stop();
    }
  });
});
