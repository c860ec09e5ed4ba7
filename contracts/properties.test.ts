/** Random calls of several accounts, held against a model: every outcome, and at the end everything that can be read. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type Address, type Hex, keccak256, numberToHex, zeroAddress } from 'viem';
import {
  type Call,
  type Checkpoint,
  type ContractsOnAnvil,
  checkpointOf,
  lowerCase,
  type Outcome,
  refusalIn,
  startContracts,
} from '../test/support/contracts-on-anvil.ts';
import { checkpointsAbi, ownershipAbi } from './index.ts';

const cameras = 3;
const runs = 150;

type Expected =
  | { readonly events: readonly { name: string; args: Record<string, unknown> }[] }
  | { readonly error: string };

/** When a transaction became part of the chain. */
interface Included {
  readonly time: bigint;
  readonly height: number;
}

/** What the contracts must do, in a few lines and without a thought for gas. */
class Model {
  readonly claims = new Map<Address, [owner: Address, time: bigint][]>();
  readonly committed = new Map<Address, [Checkpoint, time: bigint, height: number][]>();

  /** What is to come of a call; nothing is changed by it. */
  expect(camera: Address, call: Call): Expected {
    if (call.functionName === 'claim') return this.#expectClaim(camera, call.args[0]);
    const list = call.functionName === 'commit' ? [call.args[0]] : call.args[0];
    const events: { name: string; args: Record<string, unknown> }[] = [];
    const known = (this.committed.get(camera) ?? []).map(([checkpoint]) => checkpoint);
    for (const checkpoint of list) {
      if (checkpoint.leaves === 0) return { error: 'NoLeaves' };
      if (checkpoint.lastMs <= checkpoint.firstMs) return { error: 'EmptyPeriod' };
      const overlaps = known.some((one) => checkpoint.firstMs < one.lastMs || one.tree === checkpoint.tree);
      if (overlaps) return { error: 'PeriodOverlaps' };
      if (checkpointOf(camera, checkpoint).tree !== checkpoint.tree) return { error: 'WrongTree' };
      events.push({ name: 'Committed', args: { camera, index: BigInt(known.length), ...checkpoint } });
      known.push(checkpoint);
    }
    return { events };
  }

  #expectClaim(camera: Address, owner: Address): Expected {
    if (owner === zeroAddress) return { error: 'OwnerIsZero' };
    const before = this.claims.get(camera)?.at(-1)?.[0];
    if (before === undefined) return { events: [{ name: 'Claimed', args: { camera, owner } }] };
    if (before === owner) return { events: [{ name: 'Reclaimed', args: { camera, owner } }] };
    return { events: [{ name: 'Transferred', args: { camera, from: before, to: owner } }] };
  }

  /** Notes a call that was taken. */
  apply(camera: Address, call: Call, { time, height }: Included): void {
    if (call.functionName === 'claim') {
      const claims = this.claims.get(camera) ?? [];
      if (claims.at(-1)?.[0] !== call.args[0]) claims.push([call.args[0], time]);
      this.claims.set(camera, claims);
      return;
    }
    const list = call.functionName === 'commit' ? [call.args[0]] : call.args[0];
    const committed = this.committed.get(camera) ?? [];
    committed.push(...list.map((one): [Checkpoint, bigint, number] => [one, time, height]));
    this.committed.set(camera, committed);
  }
}

/** A tree as it is drawn: its period by how it lies to the sender's last one, so that many fit and many just do not. */
interface DrawnTree {
  readonly gap: number;
  readonly length: number;
  readonly leaves: number;
  readonly root: Hex;
  /** Whose id it has; a stranger's is wrong. */
  readonly idOf: 'sender' | 'other' | 'nobody';
}

type Drawn =
  | { readonly kind: 'claim'; readonly sender: number; readonly owner: number }
  | { readonly kind: 'commit'; readonly sender: number; readonly tree: DrawnTree }
  | { readonly kind: 'commitAll'; readonly sender: number; readonly trees: readonly DrawnTree[] }
  /** What some camera committed, sent again by the same one or another. */
  | { readonly kind: 'replay'; readonly sender: number; readonly from: number; readonly nth: number };

const sender = fc.nat(cameras - 1);
const often = <T>(value: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other });
const tree: fc.Arbitrary<DrawnTree> = fc.record({
  gap: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.nat(5) },
    { weight: 1, arbitrary: fc.integer({ min: -5, max: -1 }) },
  ),
  length: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 9 }) },
    { weight: 1, arbitrary: fc.integer({ min: -2, max: 0 }) },
  ),
  leaves: fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 1, max: 0xffff_ffff }) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  root: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((value) => numberToHex(value, { size: 32 })),
  idOf: often<DrawnTree['idOf']>('sender', fc.constantFrom('other', 'nobody')),
});
const drawn: fc.Arbitrary<Drawn> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim'), sender, owner: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('commit'), sender, tree }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: fc.constant('commitAll'), sender },
      trees: fc.array(tree, { maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('replay'), sender, from: sender, nth: fc.nat(20) }),
  },
);

describe('random calls from several accounts', () => {
  let chain: ContractsOnAnvil;
  const seen = new Map<string, number>();
  before(async () => {
    chain = await startContracts({ accounts: cameras });
  });
  after(() => chain.anvil.stop());

  it('do what the model says, whatever their order', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(drawn, { minLength: 1, maxLength: 20 }), async (calls) => {
        const snapshot = await chain.anvil.rpc('evm_snapshot');
        try {
          await play(calls);
        } finally {
          await chain.anvil.rpc('evm_revert', snapshot);
        }
      }),
      { numRuns: runs },
    );
    // Draws that never meet a rule would show nothing about it.
    const met =
      'Claimed Committed EmptyPeriod NoLeaves OwnerIsZero PeriodOverlaps Reclaimed Transferred WrongTree'.split(
        ' ',
      );
    assert.deepEqual(
      met.filter((name) => !seen.has(name)),
      [],
    );
  });

  async function play(calls: readonly Drawn[]): Promise<void> {
    const model = new Model();
    for (const one of calls) {
      const camera = chain.accounts[one.sender] ?? zeroAddress;
      const call = callOf(model, camera, one);
      if (!call) continue;
      const expected = model.expect(camera, call);
      const outcome = await chain.send(one.sender, call);
      assert.deepEqual(withoutDetails(outcome), expected);
      for (const name of 'error' in expected
        ? [expected.error]
        : expected.events.map((event) => event.name)) {
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
      if ('events' in outcome) model.apply(camera, call, outcome);
    }
    for (const camera of chain.accounts) await compare(model, camera);
  }

  function callOf(model: Model, camera: Address, one: Drawn): Call | undefined {
    switch (one.kind) {
      case 'claim': {
        const owners = [zeroAddress, ...chain.accounts];
        return { functionName: 'claim', args: [owners[one.owner] ?? zeroAddress] };
      }
      case 'replay': {
        const theirs = model.committed.get(chain.accounts[one.from] ?? zeroAddress) ?? [];
        const found = theirs[one.nth % Math.max(1, theirs.length)];
        return found && { functionName: 'commit', args: [found[0]] };
      }
      case 'commit':
        return { functionName: 'commit', args: [place(model, camera, [one.tree])[0] as Checkpoint] };
      default:
        return { functionName: 'commitAll', args: [place(model, camera, one.trees)] };
    }
  }

  /** Trees as drawn, each placed behind the one before. */
  function place(model: Model, camera: Address, trees: readonly DrawnTree[]): Checkpoint[] {
    let lastMs = model.committed.get(camera)?.at(-1)?.[0].lastMs ?? 1_800_000_000_000n;
    const other = chain.accounts.find((one) => one !== camera) ?? zeroAddress;
    return trees.map(({ gap, length, leaves, root, idOf }) => {
      const firstMs = lastMs + BigInt(gap);
      const period = { leaves, root, firstMs, lastMs: firstMs + BigInt(length) };
      lastMs = period.lastMs > lastMs ? period.lastMs : lastMs;
      if (idOf === 'nobody') return { ...period, tree: keccak256(root) };
      return checkpointOf(idOf === 'sender' ? camera : other, period);
    });
  }

  async function compare(model: Model, camera: Address): Promise<void> {
    const { ownership, checkpoints } = chain.addresses;
    const own = { address: ownership, abi: ownershipAbi } as const;
    const check = { address: checkpoints, abi: checkpointsAbi } as const;
    const read = chain.reader.readContract;
    const refused = (reading: Promise<unknown>): Promise<unknown> =>
      reading.then(
        () => 'not refused',
        (error) => refusalIn(error).error,
      );
    const claims = model.claims.get(camera) ?? [];
    const committed = model.committed.get(camera) ?? [];
    const [ends, unknown] = [BigInt(claims.length), BigInt(committed.length)];
    const strange = keccak256(camera);
    assert.deepEqual(
      lowerCase(
        await Promise.all([
          read({ ...own, functionName: 'ownerOf', args: [camera] }),
          read({ ...own, functionName: 'claimsOf', args: [camera] }),
          ...claims.map((_, at) => read({ ...own, functionName: 'claimAt', args: [camera, BigInt(at)] })),
          refused(read({ ...own, functionName: 'claimAt', args: [camera, ends] })),
          read({ ...check, functionName: 'count', args: [camera] }),
          ...committed.flatMap(([{ tree, firstMs }], at) => [
            read({ ...check, functionName: 'checkpointAt', args: [camera, BigInt(at)] }),
            read({ ...check, functionName: 'indexOf', args: [camera, tree, firstMs] }),
            refused(read({ ...check, functionName: 'indexOf', args: [camera, strange, firstMs] })),
          ]),
          refused(read({ ...check, functionName: 'checkpointAt', args: [camera, unknown] })),
        ]),
      ),
      [
        claims.at(-1)?.[0] ?? zeroAddress,
        ends,
        ...claims,
        'nosuchclaim',
        unknown,
        ...committed.flatMap((one, at) => [one, BigInt(at), 'unknowntree']),
        'nosuchcheckpoint',
      ],
    );
  }
});

function withoutDetails(outcome: Outcome): Expected {
  return 'error' in outcome ? { error: outcome.error } : { events: [...outcome.events] as never };
}
