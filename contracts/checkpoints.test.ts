import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Address, type Hex, keccak256, stringToHex, zeroAddress } from 'viem';
import {
  type Checkpoint,
  type ContractsOnAnvil,
  checkpointOf,
  lowerCase,
  type Outcome,
  refusalIn,
  startContracts,
} from '../test/support/contracts-on-anvil.ts';
import { checkpointsAbi } from './index.ts';

const largest = 2n ** 64n - 1n;
const root = (name: string): Hex => keccak256(stringToHex(name));

describe('checkpoints on a real node', () => {
  let chain: ContractsOnAnvil;
  before(async () => {
    chain = await startContracts({ accounts: 9 });
  });
  after(() => chain.anvil.stop());

  const address = (index: number): Address => chain.accounts[index] ?? zeroAddress;
  const make = (camera: number, firstMs: bigint, lastMs: bigint, leaves = 3): Checkpoint =>
    checkpointOf(address(camera), { leaves, root: root(`${camera} ${firstMs}`), firstMs, lastMs });
  const commit = (camera: number, checkpoint: Checkpoint): Promise<Outcome> =>
    chain.send(camera, { functionName: 'commit', args: [checkpoint] });
  const commitAll = (camera: number, checkpoints: readonly Checkpoint[]): Promise<Outcome> =>
    chain.send(camera, { functionName: 'commitAll', args: [checkpoints] });
  const contract = () => ({ address: chain.addresses.checkpoints, abi: checkpointsAbi }) as const;
  const count = (camera: number): Promise<bigint> =>
    chain.reader.readContract({ ...contract(), functionName: 'count', args: [address(camera)] });
  const checkpointAt = async (camera: number, index: bigint): Promise<unknown> =>
    lowerCase(
      await chain.reader.readContract({
        ...contract(),
        ...{ functionName: 'checkpointAt', args: [address(camera), index] },
      }),
    );
  const indexOf = (camera: number, { tree, firstMs }: Pick<Checkpoint, 'tree' | 'firstMs'>) =>
    chain.reader.readContract({
      ...contract(),
      ...{ functionName: 'indexOf', args: [address(camera), tree, firstMs] },
    });
  const refuses = async (reading: Promise<unknown>, error: string, args: unknown[]): Promise<void> => {
    await assert.rejects(reading, (thrown) => {
      assert.deepEqual(refusalIn(thrown), { error, args });
      return true;
    });
  };

  it('keeps what a camera commits, with the time of the block, and says so in an event', async () => {
    const [one, two] = [make(0, 1000n, 2000n, 1), make(0, 2000n, 5000n, 4_294_967_295)];
    const outcomes = [await commit(0, one), await commit(0, two)];
    for (const [index, checkpoint] of [one, two].entries()) {
      const outcome = outcomes[index];
      assert.ok(outcome && 'events' in outcome);
      assert.deepEqual(outcome.events, [
        { name: 'Committed', args: { camera: address(0), index: BigInt(index), ...checkpoint } },
      ]);
      assert.deepEqual(await checkpointAt(0, BigInt(index)), [checkpoint, outcome.time, outcome.height]);
      assert.equal(await indexOf(0, checkpoint), BigInt(index));
    }
    assert.equal(await count(0), 2n);
    await refuses(checkpointAt(0, 2n), 'NoSuchCheckpoint', [address(0), 2n, 2n]);
  });

  it('keeps each camera its own list, also for one period and one root', async () => {
    const same = { leaves: 2, root: root('same'), firstMs: 10n, lastMs: 20n };
    const [mine, theirs] = [checkpointOf(address(1), same), checkpointOf(address(2), same)];
    assert.notEqual(mine.tree, theirs.tree);
    assert.ok('events' in (await commit(1, mine)));
    assert.ok('events' in (await commit(2, theirs)));
    assert.deepEqual([await count(1), await count(2)], [1n, 1n]);
    await refuses(indexOf(1, theirs), 'UnknownTree', [address(1), theirs.tree]);
  });

  it('refuses a tree of another camera', async () => {
    const stolen = make(1, 30n, 40n);
    const mine = checkpointOf(address(2), stolen);
    assert.deepEqual(await commit(2, stolen), { error: 'WrongTree', args: [stolen.tree, mine.tree] });
    assert.equal(await count(2), 1n);
  });

  it('refuses an id that does not fit root, number of leaves or period', async () => {
    const right = make(3, 100n, 200n);
    const changes: Partial<Checkpoint>[] = [
      { tree: root('none') },
      { leaves: 4 },
      { root: root('other') },
      { firstMs: 101n },
      { lastMs: 199n },
    ];
    for (const change of changes) {
      const wrong = { ...right, ...change };
      const { leaves, root, firstMs, lastMs } = wrong;
      const expected = checkpointOf(address(3), { leaves, root, firstMs, lastMs }).tree;
      assert.deepEqual(await commit(3, wrong), { error: 'WrongTree', args: [wrong.tree, expected] });
    }
    assert.equal(await count(3), 0n);
    assert.ok('events' in (await commit(3, right)));
  });

  it('refuses a tree without leaves, and a period that does not end after it begins', async () => {
    const empty = make(4, 1n, 2n, 0);
    assert.deepEqual(await commit(4, empty), { error: 'NoLeaves', args: [empty.tree] });
    assert.deepEqual(await commit(4, make(4, 5n, 5n)), { error: 'EmptyPeriod', args: [5n, 5n] });
    assert.deepEqual(await commit(4, make(4, 6n, 5n)), { error: 'EmptyPeriod', args: [6n, 5n] });
    assert.equal(await count(4), 0n);
  });

  it('refuses a period that overlaps, lies within, comes before or was there, and takes one behind a gap', async () => {
    await commit(5, make(5, 100n, 200n));
    for (const [firstMs, lastMs] of [
      [100n, 200n],
      [199n, 300n],
      [150n, 160n],
      [0n, 100n],
      [0n, 1000n],
    ] as const) {
      assert.deepEqual(await commit(5, make(5, firstMs, lastMs)), {
        ...{ error: 'PeriodOverlaps', args: [firstMs, 200n] },
      });
    }
    assert.equal(await count(5), 1n);
    assert.ok('events' in (await commit(5, make(5, 1000n, 1001n))));
    assert.equal(await count(5), 2n);
  });

  it('commits all of a list or none', async () => {
    const three = [make(6, 0n, 1n), make(6, 1n, 2n), make(6, 7n, 9n)];
    const outcome = await commitAll(6, three);
    assert.ok('events' in outcome);
    assert.deepEqual(
      outcome.events.map(({ args }) => [args.index, args.tree]),
      three.map(({ tree }, index) => [BigInt(index), tree]),
    );
    const [good, overlapping] = [make(6, 9n, 12n), make(6, 11n, 13n)];
    assert.deepEqual(await commitAll(6, [good, overlapping]), { error: 'PeriodOverlaps', args: [11n, 12n] });
    assert.deepEqual(await commitAll(6, [good, good]), { error: 'PeriodOverlaps', args: [9n, 12n] });
    assert.equal(await count(6), 3n);
    await refuses(indexOf(6, good), 'UnknownTree', [address(6), good.tree]);
    const nothing = await commitAll(6, []);
    assert.ok('events' in nothing && nothing.events.length === 0);
    assert.equal(await count(6), 3n);
  });

  it('goes up to the largest time, and behind that to nothing', async () => {
    assert.ok('events' in (await commit(7, make(7, 0n, largest - 1n))));
    assert.ok('events' in (await commit(7, make(7, largest - 1n, largest))));
    assert.deepEqual(await commit(7, make(7, largest, largest)), {
      ...{ error: 'EmptyPeriod', args: [largest, largest] },
    });
    assert.deepEqual(
      await checkpointAt(7, 1n).then((found) => (found as unknown[])[0]),
      make(7, largest - 1n, largest),
    );
  });

  it('finds every tree of a long list, and none that is not there', async () => {
    const many = Array.from({ length: 20 }, (_, index) =>
      make(8, BigInt(10 * index), BigInt(10 * index + 7)),
    );
    assert.ok('events' in (await commitAll(8, many)));
    const found = await Promise.all(many.map((checkpoint) => indexOf(8, checkpoint)));
    assert.deepEqual(
      found,
      many.map((_, index) => BigInt(index)),
    );
    const tree = many[3]?.tree ?? '0x';
    for (const firstMs of [29n, 31n, 40n, 0n, largest]) {
      await refuses(indexOf(8, { tree, firstMs }), 'UnknownTree', [address(8), tree]);
    }
  });
});
