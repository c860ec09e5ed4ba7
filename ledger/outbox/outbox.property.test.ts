/** Random schedules of crashes, failures, reorganisations and lost transactions, held against what must come of all of them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../../runtime/log.ts';
import { ModelChain, modelContracts, modelSign } from '../../test/support/model-chain.ts';
import type { TreeFile } from '../trees/files.ts';
import type { Hex } from '../trees/hex.ts';
import type { PeriodTrees } from '../trees/period-trees.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { emptyState, type OutboxState } from './state-file.ts';

const confirmations = 4;
const stuckMs = 300_000;
const camera = `0x${'c0'.repeat(20)}` as const;
const owner = `0x${'0e'.repeat(20)}` as const;

type Event =
  | { readonly kind: 'step'; readonly crash: number }
  | { readonly kind: 'period' | 'mine' | 'forget' | 'away' | 'lost-answers' | 'lose-state' | 'empty' }
  | { readonly kind: 'reorganise'; readonly depth: number; readonly keeps: boolean }
  | { readonly kind: 'base'; readonly gwei: number }
  | { readonly kind: 'wait'; readonly minutes: number };

/** Everything that a crash may come before or after; what was done before it lasts. */
class Crash extends Error {}

class Camera implements PeriodTrees {
  readonly chain = new ModelChain(confirmations);
  /** Closed ones, and how many are committed. */
  readonly trees: TreeFile[] = [];
  committedTrees = 0;
  refusedTrees = 0;
  nowMs = 1_700_000_000_000;
  #kept: OutboxState | undefined;
  #outbox: Outbox | undefined;
  /** The crash comes at this door: two for each thing that lasts. */
  #doorsLeft = Number.POSITIVE_INFINITY;
  /** The most nonces that ever waited at once. */
  mostPending = 0;

  async pending(): Promise<readonly TreeFile[]> {
    return this.trees.slice(this.committedTrees);
  }

  async closePeriod(): Promise<TreeFile> {
    const index = this.trees.length;
    const tree: Hex = `0x${createHash('sha256').update(`tree ${index}`).digest('hex')}`;
    const file: TreeFile = {
      ...{ camera, chain: 1, contract: modelContracts.checkpoints, tree, root: tree },
      ...{ firstMs: 1000 * (index + 1), lastMs: 1000 * (index + 2), leaves: [] },
    };
    this.trees.push(file);
    return file;
  }

  committed(tree: Hex): Promise<void> {
    return this.#lasting(() => {
      assert.equal(this.trees[this.committedTrees]?.tree, tree, 'the oldest comes first');
      this.committedTrees++;
    });
  }

  async refused(): Promise<void> {
    this.refusedTrees++;
  }

  /** A step, with a crash at one of its doors; 0: none. */
  async step(crash: number): Promise<boolean> {
    this.#doorsLeft = crash === 0 ? Number.POSITIVE_INFINITY : crash;
    try {
      this.#outbox ??= await Outbox.open(this.#options());
      const { hasMore } = await this.#outbox.step();
      return hasMore;
    } catch (error) {
      if (error instanceof Crash) this.#outbox = undefined;
      else if ((error as { code?: string }).code !== 'CHAIN_UNREACHABLE') throw error;
      return false;
    } finally {
      this.mostPending = Math.max(this.mostPending, this.chain.pool.size);
    }
  }

  loseState(): void {
    this.#kept = undefined;
    this.#outbox = undefined;
  }

  #options(): OutboxOptions {
    const { chain } = this;
    return {
      ...{ chainId: 1, camera, contracts: modelContracts, owner, ceiling: 50_000_000_000n, stuckMs },
      trees: this,
      chain: {
        look: (trees) => chain.look(trees),
        estimate: (call) => chain.estimate(call),
        usualTip: () => chain.usualTip(),
        outcome: (hash) => chain.outcome(hash),
        broadcast: (raw) => this.#lasting(() => chain.broadcast(raw)),
      },
      store: {
        read: async () => this.#kept ?? emptyState(1, camera),
        write: (state) =>
          this.#lasting(() => {
            this.#kept = JSON.parse(JSON.stringify(state)) as OutboxState;
          }),
      },
      ...{ sign: modelSign, logger: silentLogger, now: () => this.nowMs },
    };
  }

  async #lasting<T>(work: () => T | Promise<T>): Promise<T> {
    if (--this.#doorsLeft === 0) throw new Crash();
    const result = await work();
    if (--this.#doorsLeft === 0) throw new Crash();
    return result;
  }
}

async function happen(world: Camera, event: Event): Promise<void> {
  const { chain } = world;
  switch (event.kind) {
    case 'step':
      while (await world.step(event.crash));
      break;
    case 'period':
      await world.closePeriod();
      break;
    case 'mine':
      chain.mine();
      break;
    case 'reorganise':
      chain.reorganise(event.depth, { keepsTransactions: event.keeps });
      break;
    case 'forget':
      chain.pool.clear();
      break;
    case 'base':
      chain.baseFee = BigInt(event.gwei) * 1_000_000_000n;
      break;
    case 'away':
      chain.isAway = !chain.isAway;
      break;
    case 'lost-answers':
      chain.losesAnswers = !chain.losesAnswers;
      break;
    case 'lose-state':
      world.loseState();
      break;
    case 'empty':
      chain.balance = chain.balance === 0n ? 10n ** 18n : 0n;
      break;
    case 'wait':
      world.nowMs += event.minutes * 60_000;
      break;
  }
}

/** All faults are over: the rest has to follow by itself. */
async function calm(world: Camera): Promise<void> {
  const { chain } = world;
  Object.assign(chain, { isAway: false, losesAnswers: false, baseFee: 10n ** 9n, balance: 10n ** 18n });
  for (let round = 0; round < 400; round++) {
    while (await world.step(0));
    const isDone = world.committedTrees === world.trees.length && chain.state.owner === owner;
    // What a deep reorganisation took away is offered again, and has to be mined.
    if (isDone && chain.pool.size === 0) break;
    chain.mine();
    world.nowMs += 60_000;
  }
}

function checkOnce(world: Camera): void {
  const wanted = world.trees.map(({ tree }) => tree);
  assert.deepEqual(
    world.chain.state.entries.map(({ tree }) => tree),
    wanted,
    'each tree once, in order',
  );
  assert.equal(world.committedTrees, wanted.length);
  assert.equal(world.chain.state.owner, owner);
  assert.equal(world.refusedTrees, 0);
}

function check(world: Camera): void {
  checkOnce(world);
  assert.equal(world.chain.reverted, 0, 'no transaction was refused');
}

const step = fc.record({
  kind: fc.constant('step' as const),
  crash: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 8 })),
});
const plain = fc
  .constantFrom('period', 'mine', 'forget', 'away', 'lost-answers', 'empty')
  .map((kind) => ({ kind }));
const base = fc.record({ kind: fc.constant('base' as const), gwei: fc.constantFrom(1, 3, 20, 49, 80) });
const wait = fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 0, max: 20 }) });
const reorganisation = (depth: number) =>
  fc.record({
    kind: fc.constant('reorganise' as const),
    depth: fc.integer({ min: 1, max: depth }),
    keeps: fc.boolean(),
  });

function schedules(...events: fc.Arbitrary<unknown>[]): fc.Arbitrary<Event[]> {
  const usual = [
    { weight: 6, arbitrary: step },
    { weight: 3, arbitrary: fc.constant({ kind: 'mine' }) },
    { weight: 4, arbitrary: plain },
    ...[base, wait, ...events].map((arbitrary) => ({ weight: 1, arbitrary })),
  ];
  return fc.array(fc.oneof(...usual) as fc.Arbitrary<Event>, { maxLength: 120, size: 'max' });
}

async function hold(events: readonly Event[], inspect: (world: Camera) => void = check): Promise<void> {
  const world = new Camera();
  await world.closePeriod();
  for (const event of events) await happen(world, event);
  await calm(world);
  inspect(world);
}

const numRuns = Number(process.env.FAST_CHECK_RUNS ?? 300);

test('whatever crashes, fails or is reorganised, each tree is on the chain once, in order, and nothing is paid in vain', async () => {
  await fc.assert(
    fc.asyncProperty(schedules(reorganisation(confirmations - 1)), (events) =>
      hold(events, (world) => {
        check(world);
        assert.ok(world.mostPending <= 1, 'one transaction at a time');
      }),
    ),
    { numRuns },
  );
});

// What was on its way is not known then: a transaction may be paid in vain, but no tree comes twice.
test('each tree is on the chain once, in order, also where the state is lost', async () => {
  const loss = fc.constant({ kind: 'lose-state' });
  await fc.assert(
    fc.asyncProperty(schedules(reorganisation(confirmations - 1), loss), (events) => hold(events, checkOnce)),
    { numRuns },
  );
});

test('each tree is on the chain once, in order, also where the chain is reorganised deeper than its confirmations', async () => {
  await fc.assert(
    fc.asyncProperty(schedules(reorganisation(confirmations + 4)), (events) => hold(events)),
    { numRuns },
  );
});
