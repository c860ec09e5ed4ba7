import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Address, zeroAddress } from 'viem';
import {
  type ContractsOnAnvil,
  lowerCase,
  type Outcome,
  refusalIn,
  startContracts,
} from '../test/support/contracts-on-anvil.ts';
import { ownershipAbi } from './index.ts';

describe('ownership on a real node', () => {
  let chain: ContractsOnAnvil;
  before(async () => {
    chain = await startContracts({ accounts: 6 });
  });
  after(() => chain.anvil.stop());

  const address = (index: number): Address => chain.accounts[index] ?? zeroAddress;
  const claim = (camera: number, owner: Address): Promise<Outcome> =>
    chain.send(camera, { functionName: 'claim', args: [owner] });
  const contract = () => ({ address: chain.addresses.ownership, abi: ownershipAbi }) as const;
  const ownerOf = async (camera: Address): Promise<unknown> =>
    lowerCase(await chain.reader.readContract({ ...contract(), functionName: 'ownerOf', args: [camera] }));
  const claimsOf = (camera: Address): Promise<bigint> =>
    chain.reader.readContract({ ...contract(), functionName: 'claimsOf', args: [camera] });
  const claimAt = async (camera: Address, index: bigint): Promise<unknown> =>
    lowerCase(
      await chain.reader.readContract({ ...contract(), functionName: 'claimAt', args: [camera, index] }),
    );
  const [alice, bob] = [
    '0x00000000000000000000000000000000000a11ce',
    '0x0000000000000000000000000000000000000b0b',
  ] as const;

  it('has nobody for a camera that never claimed', async () => {
    assert.equal(await ownerOf(address(5)), zeroAddress);
    assert.equal(await claimsOf(address(5)), 0n);
    await assert.rejects(claimAt(address(5), 0n), (error) => {
      assert.deepEqual(refusalIn(error), { error: 'NoSuchClaim', args: [address(5), 0n, 0n] });
      return true;
    });
  });

  it('takes the three cases of the paper, each with its event, and keeps the history', async () => {
    const camera = address(0);
    const first = await claim(0, alice);
    assert.ok('events' in first);
    assert.deepEqual(first.events, [{ name: 'Claimed', args: { camera, owner: alice } }]);
    assert.equal(await ownerOf(camera), alice);

    const again = await claim(0, alice);
    assert.ok('events' in again);
    assert.deepEqual(again.events, [{ name: 'Reclaimed', args: { camera, owner: alice } }]);
    assert.equal(await claimsOf(camera), 1n);
    assert.deepEqual(await claimAt(camera, 0n), [alice, first.time], 'not even its time');

    const moved = await claim(0, bob);
    assert.ok('events' in moved);
    assert.deepEqual(moved.events, [{ name: 'Transferred', args: { camera, from: alice, to: bob } }]);
    assert.equal(await ownerOf(camera), bob);

    const back = await claim(0, alice);
    assert.ok('events' in back);
    assert.equal(await claimsOf(camera), 3n);
    assert.deepEqual(await Promise.all([0n, 1n, 2n].map((index) => claimAt(camera, index))), [
      [alice, first.time],
      [bob, moved.time],
      [alice, back.time],
    ]);
    await assert.rejects(claimAt(camera, 3n), (error) => {
      assert.deepEqual(refusalIn(error), { error: 'NoSuchClaim', args: [camera, 3n, 3n] });
      return true;
    });
  });

  it('refuses the zero address, before and after a claim', async () => {
    const refused = { error: 'OwnerIsZero', args: [] };
    assert.deepEqual(await claim(1, zeroAddress), refused);
    assert.equal(await claimsOf(address(1)), 0n);
    await claim(1, alice);
    assert.deepEqual(await claim(1, zeroAddress), refused);
    assert.equal(await ownerOf(address(1)), alice);
  });

  it('lets nobody but the camera claim: a claim is always about its sender', async () => {
    await claim(2, alice);
    await claim(3, bob);
    assert.equal(await ownerOf(address(2)), alice);
    assert.equal(await ownerOf(address(3)), bob);
    const changing = ownershipAbi.filter((one) => one.type === 'function' && one.stateMutability !== 'view');
    assert.deepEqual(
      changing.map((one) => [one.name, one.inputs.map(({ name }) => name)]),
      [['claim', ['owner']]],
    );
  });

  it('lets a camera own itself or another camera: an owner is just an address', async () => {
    await claim(4, address(4));
    assert.equal(await ownerOf(address(4)), address(4));
  });

  it('takes no coins', async () => {
    const value = 1n;
    for (const to of [chain.addresses.ownership, chain.addresses.checkpoints]) {
      await assert.rejects(chain.reader.call({ account: address(0), to, value }), /revert/);
    }
  });
});
