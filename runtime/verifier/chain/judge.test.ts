import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Block, CommittedTree, OwnerClaim } from '../../../ledger/chain/chain.ts';
import { makeTreeFile, type TreeFile, type TreeLeaf } from '../../../ledger/trees/files.ts';
import type { Hex } from '../../../ledger/trees/hex.ts';
import { makeProofFile, TreeIndex } from '../../../ledger/trees/proof.ts';
import type { NewestBlock } from '../../state/newest-block.ts';
import { type Findings, type FindingsOptions, findingsOf } from './findings.ts';
import { type CameraOnChain, Judge, type RunHere } from './judge.ts';

process.env.TZ = 'UTC';
const hour = 3_600_000;
const start = Date.UTC(2027, 0, 15);
const camera: Hex = `0x${'c1'.repeat(20)}`;
const place = { camera, chain: 1, contract: `0x${'c2'.repeat(20)}` as Hex };
const owner: Hex = `0x${'0a'.repeat(20)}`;

/** The run of an hour of the day. */
function leaf(at: number, change: Partial<TreeLeaf> = {}): TreeLeaf {
  const byte = at.toString(16).padStart(2, '0');
  return {
    recording: `rec-20270115T${String(at).padStart(2, '0')}0000Z-3600s.encrocam`,
    directory: 'front-door',
    run: `0x${byte.repeat(16)}`,
    link: `0x${byte.repeat(32)}`,
    fromMs: start + at * hour,
    toMs: start + (at + 1) * hour,
    ...change,
  };
}

function here({ recording, run, link, fromMs, toMs }: TreeLeaf, change: Partial<RunHere> = {}): RunHere {
  const known = { file: recording, startMs: fromMs, endMs: toMs, isEnded: true, notBefore: undefined };
  return { recording, run, link, ...known, ...change };
}

interface World {
  readonly trees: readonly TreeFile[];
  readonly runs: readonly RunHere[];
  /** Trees whose files are here. Default: all. */
  readonly treesHere?: readonly TreeFile[];
  readonly proofs?: readonly TreeFile[];
  readonly owners?: readonly OwnerClaim[];
  readonly sinceMs?: number;
  readonly committedMs?: (tree: TreeFile) => number;
  readonly options?: Partial<FindingsOptions>;
}

function find(world: World): Findings {
  const { trees, runs, treesHere = trees, proofs = [], sinceMs = start } = world;
  const committed = trees.map(
    (tree, index): CommittedTree => ({
      ...{ tree: tree.tree, root: tree.root, leaves: tree.leaves.length },
      ...{ firstMs: tree.firstMs, lastMs: tree.lastMs, height: BigInt(100 + index) },
      timeMs: world.committedMs?.(tree) ?? tree.lastMs + 60_000,
    }),
  );
  const owners = world.owners ?? [{ owner, timeMs: start - hour }];
  const cameras: CameraOnChain[] = [{ address: camera, saidBy: 'you', trees: committed, owners }];
  const judge = new Judge(runs, cameras, sinceMs);
  for (const tree of treesHere) judge.addTree(tree);
  for (const tree of proofs) {
    for (const one of tree.leaves) {
      const proof = makeProofFile([one], new TreeIndex([tree]));
      if (proof) judge.addProof(proof);
    }
  }
  return findingsOf(judge.result, {
    ...{ chainId: 1, cameras, blocks: new Map(), isWhole: true, owner },
    newest: { height: 1000n, hash: '0x', timeMs: start + 100 * hour },
    ...world.options,
  });
}

function tree(first: number, last: number, ...leaves: readonly TreeLeaf[]): TreeFile {
  return makeTreeFile(place, { firstMs: start + first * hour, lastMs: start + last * hour }, leaves);
}

const states = (findings: Findings) => findings.runs.map(({ state }) => state);

test('what is here as it was committed is proven by the tree that has it', () => {
  const trees = [tree(1, 3, leaf(0), leaf(1), leaf(2)), tree(3, 5, leaf(3), leaf(4))];
  const found = find({ trees, runs: [0, 1, 2, 3, 4, 5].map((at) => here(leaf(at))) });
  assert.deepEqual(found.problems, []);
  assert.deepEqual(states(found), ['proven', 'proven', 'proven', 'proven', 'proven', 'not yet']);
  assert.deepEqual(
    found.runs.map(({ before }) => before?.height),
    [100n, 100n, 100n, 101n, 101n, undefined],
  );
});

test('a recording that is gone is named, and one that was never committed is no loss', () => {
  const trees = [tree(1, 3, leaf(0), leaf(1), leaf(2))];
  const found = find({ trees, runs: [here(leaf(0)), here(leaf(2))] });
  assert.equal(found.trees[0]?.missing, 1);
  assert.equal(found.problems.length, 1);
  assert.match(found.problems[0] ?? '', /2 of 3 runs are here; missing: front-door\/rec-20270115T010000Z/);
  const alone = find({ trees, runs: [here(leaf(0))], options: { isWhole: false } });
  assert.deepEqual(alone.problems, []);
});

test('proofs stand in for tree files; what they do not have is told by its place', () => {
  const one = tree(1, 3, leaf(0), leaf(1), leaf(2));
  const found = find({ trees: [one], treesHere: [], proofs: [one], runs: [here(leaf(0)), here(leaf(2))] });
  assert.deepEqual(states(found), ['proven', 'proven']);
  assert.match(found.problems.join(), /2 of 3 runs are here; its tree file, .*\(leaf 2\), is not here/);
  const none = find({ trees: [one], treesHere: [], runs: [here(leaf(0))] });
  assert.deepEqual(states(none), ['cannot be told']);
});

test('a tree or proof that the chain does not have proves nothing', () => {
  const committed = tree(1, 3, leaf(0));
  const forged = tree(1, 3, leaf(0), leaf(9));
  const foreign = makeTreeFile({ ...place, camera: `0x${'ee'.repeat(20)}` }, { firstMs: 1, lastMs: 2 }, [
    leaf(9),
  ]);
  const found = find({
    ...{ trees: [committed], treesHere: [forged, foreign, committed], proofs: [forged, foreign] },
    runs: [here(leaf(0)), here(leaf(1))],
  });
  assert.deepEqual(states(found), ['proven', 'added']);
});

test('an end that differs from the committed one is told, by tree file and by proof', () => {
  const one = tree(1, 3, leaf(0), leaf(1));
  const cut = here(leaf(1), { link: `0x${'dd'.repeat(32)}`, endMs: start + 1.5 * hour });
  const byTree = find({ trees: [one], runs: [here(leaf(0)), cut] });
  assert.deepEqual(states(byTree), ['proven', 'changed']);
  assert.match(byTree.problems.join(), /committed with an end 30 min later before block 100/);
  assert.doesNotMatch(byTree.problems.join(), /missing/);
  const byProof = find({ trees: [one], treesHere: [], proofs: [one], runs: [here(leaf(0)), cut] });
  assert.deepEqual(states(byProof), ['proven', 'changed']);
});

test('a run that was committed again with another end is told, though the later tree has it as it is', () => {
  const cut = leaf(1, { link: `0x${'dd'.repeat(32)}` });
  const trees = [tree(1, 3, leaf(0), leaf(1)), tree(3, 4, cut)];
  const found = find({ trees, runs: [here(leaf(0)), here(cut)] });
  assert.deepEqual(states(found), ['proven', 'changed']);
});

test('a run of a time that is committed, and in no tree, was added', () => {
  const trees = [tree(1, 3, leaf(0), leaf(2)), tree(3, 5, leaf(3))];
  const found = find({ trees, runs: [here(leaf(0)), here(leaf(1)), here(leaf(2)), here(leaf(3))] });
  assert.deepEqual(states(found), ['proven', 'added', 'proven', 'proven']);
  assert.match(found.problems.join(), /added afterwards/);
});

test('what a power cut ended in the last period waits for the next one', () => {
  const trees = [tree(1, 3, leaf(0)), tree(3, 6, leaf(3))];
  const waiting = here(leaf(4), { isEnded: false });
  assert.deepEqual(states(find({ trees, runs: [here(leaf(0)), here(leaf(3)), waiting] })), [
    'proven',
    'proven',
    'not yet',
  ]);
  const older = here(leaf(1), { isEnded: false });
  assert.deepEqual(states(find({ trees, runs: [here(leaf(0)), here(leaf(3)), older] })), [
    'proven',
    'proven',
    'added',
  ]);
});

test('what is older than the first checkpoint is no fault, and proves nothing', () => {
  const found = find({
    trees: [tree(6, 7, leaf(6))],
    runs: [here(leaf(1)), here(leaf(6), { endMs: start + 6.5 * hour })],
  });
  assert.deepEqual(states(found), ['before the ledger', 'proven']);
  assert.deepEqual(found.problems, []);
});

test('what is older than the oldest recording here is counted, and no fault', () => {
  const trees = [tree(1, 3, leaf(0), leaf(1), leaf(2)), tree(3, 5, leaf(3))];
  const runs = [here(leaf(2)), here(leaf(3))];
  const found = find({ trees, runs, sinceMs: start + 2 * hour });
  assert.deepEqual(found.problems, []);
  assert.match(found.remarks.join(), /2 runs on the chain are older/);
  // A whole period before: its tree file need not be there.
  const late = find({ trees, treesHere: trees.slice(1), runs: [here(leaf(3))], sinceMs: start + 3 * hour });
  assert.deepEqual(late.problems, []);
  assert.match(late.remarks.join(), /3 runs on the chain are older/);
});

const block: Block = { height: 50n, hash: `0x${'b0'.repeat(32)}`, timeMs: start + 2 * hour };
const named = (change: Partial<NewestBlock> = {}): NewestBlock => ({ ...block, chainId: 1, ...change });
const blocks = new Map([[50n, block]]);

test('a header that names a block of the chain was made after it', () => {
  const trees = [tree(2, 4, leaf(2))];
  const found = find({ trees, runs: [here(leaf(2), { notBefore: named() })], options: { blocks } });
  assert.equal(found.runs[0]?.after, block);
  assert.deepEqual([...found.problems, ...found.remarks], []);
  const others = [named({ chainId: 7 }), named({ hash: `0x${'b1'.repeat(32)}` }), named({ height: 2000n })];
  for (const notBefore of others) {
    const strange = find({ trees, runs: [here(leaf(2), { notBefore })], options: { blocks } });
    assert.equal(strange.runs[0]?.after, undefined);
    assert.deepEqual(strange.problems, []);
    assert.equal(strange.remarks.length, 1);
  }
});

test('a run that says it began before the block that it names was dated back', () => {
  const trees = [tree(0, 4, leaf(0), leaf(2))];
  const runs = [here(leaf(0), { notBefore: named() }), here(leaf(2))];
  const found = find({ trees, runs, options: { blocks } });
  assert.match(found.problems.join(), /began before block 50 .*dated back/);
});

test('a run whose times do not fit its period or its block was dated back, or forth', () => {
  const contradictions: [number, RegExp][] = [
    [1, /ended at .*02:00:00 \+00:00, before its period/],
    [9, /ended at .*10:00:00 \+00:00, after its period/],
    [20, /after it was committed/],
  ];
  for (const [at, told] of contradictions) {
    const trees = [tree(5, 8, leaf(6), leaf(at))];
    const runs = [here(leaf(6)), here(leaf(at))];
    const found = find({ trees, runs, committedMs: () => start + 12 * hour });
    assert.equal(found.problems.length, 1);
    assert.match(found.problems[0] ?? '', told);
  }
});

test('a period that ends after its block was made, and one that came late, are told', () => {
  const trees = [tree(0, 4, leaf(3))];
  const early = find({ trees, runs: [here(leaf(3))], committedMs: () => start + 3 * hour });
  assert.match(early.problems.join(), /ends after its block was made/);
  const late = find({ trees, runs: [here(leaf(3))], committedMs: () => start + 100 * hour });
  assert.deepEqual(late.problems, []);
  assert.match(late.remarks.join(), /came to the chain 4 d later/);
});

test('who owns the camera is held against the owner', () => {
  const trees = [tree(0, 4, leaf(2), leaf(3))];
  const runs = [here(leaf(2)), here(leaf(3))];
  const thief: Hex = `0x${'0b'.repeat(20)}`;
  const [mine, his] = [
    { owner, timeMs: start - hour },
    { owner: thief, timeMs: start + 3 * hour },
  ];
  const stolen = find({ trees, runs, owners: [mine, his] });
  assert.match(stolen.problems.join(), /belongs to 0x0b0b.* since 2027-01-15 03:00:00/);
  assert.match(stolen.problems.join(), /within the time that was checked.* went from 0x0a0a/);
  const back = find({ trees, runs, owners: [mine, his, { owner, timeMs: start + 50 * hour }] });
  assert.match(back.problems.join(), /within the time that was checked/);
  assert.match(find({ trees, runs, owners: [] }).problems.join(), /has no owner/);
  const unasked = find({ trees, runs, owners: [mine, his], options: { owner: undefined } });
  assert.deepEqual(unasked.problems, []);
  assert.match(unasked.remarks.join(), /went from/);
});

test('a run that stands in two files is proven where it is whole', () => {
  const trees = [tree(0, 4, leaf(2))];
  const copy = here(leaf(2), { file: 'copy', link: `0x${'dd'.repeat(32)}` });
  const found = find({ trees, runs: [copy, here(leaf(2))] });
  assert.deepEqual(states(found), ['changed', 'proven']);
  assert.equal(found.trees[0]?.found, 1);
  assert.equal(found.trees[0]?.changed, 0);
});
