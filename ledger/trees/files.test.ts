import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { hashBytes, runIdBytes } from '../../runtime/encrocrypt/v3/index.ts';
import { isEncroCamError } from '../../runtime/errors.ts';
import {
  isTreeFileName,
  parseProofName,
  proofFileName,
  recordingOfProof,
} from '../../runtime/recordings/companions.ts';
import {
  decodeProofFile,
  decodeTreeFile,
  encodeProofFile,
  encodeTreeFile,
  makeTreeFile,
  maxTreeFileBytes,
  type ProofRun,
  proofHolds,
  type TreeLeaf,
  treeFileName,
} from './files.ts';
import { bytesOfHex, type Hex, hexOf } from './hex.ts';
import { makeProofFile, TreeIndex } from './proof.ts';
import { LedgerTree, ledgerLeaf, maxLeaves, rootOfPath, treeId } from './tree.ts';

const place = { camera: hexOf(Buffer.alloc(20, 1)), chain: 31337, contract: hexOf(Buffer.alloc(20, 2)) };
const firstMs = Date.UTC(2026, 0, 15, 8);
const period = { firstMs, lastMs: firstMs + 86_400_000 };

const leaves = (count: number): TreeLeaf[] =>
  Array.from({ length: count }, (_, index) => {
    const run = Buffer.alloc(runIdBytes);
    run.writeUInt32BE(index);
    return {
      recording: `rec-${index}.encrocam`,
      directory: 'door',
      run: hexOf(run),
      link: hexOf(Buffer.alloc(hashBytes, index)),
      fromMs: firstMs + index,
      toMs: firstMs + index + 1,
    };
  });

const isUnreadable = (error: unknown): boolean =>
  isEncroCamError(error, 'PROOF_UNREADABLE') && error.hint !== undefined;

test('a tree file reads back as it was, whatever is in it', () => {
  const hex = (bytes: number): fc.Arbitrary<Hex> =>
    fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(hexOf);
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((text) => text.isWellFormed() && !/[/\\\0]|^\.\.?$/.test(text) && Buffer.byteLength(text) <= 255);
  const leaf = fc.record(
    {
      recording: name,
      directory: name,
      run: hex(runIdBytes),
      link: hex(hashBytes),
      fromMs: fc.nat(),
      toMs: fc.nat(),
    },
    { noNullPrototype: true },
  );
  const some = fc.uniqueArray(leaf, { minLength: 1, maxLength: 20, selector: ({ run }) => run });
  fc.assert(
    fc.property(some, (runs) => {
      const file = makeTreeFile(place, period, runs);
      assert.deepEqual(decodeTreeFile(encodeTreeFile(file), 'tree'), file);
      const proof = makeProofFile(runs, new TreeIndex([file]));
      assert.ok(proof);
      assert.deepEqual(decodeProofFile(encodeProofFile(proof), 'proof'), proof);
      for (const [index, run] of runs.entries()) {
        assert.ok(proofHolds(place.camera, run, proof.runs[index] as ProofRun));
      }
    }),
  );
});

test('a proof holds for its run, link, recording, camera, period and place, and for no other', () => {
  for (const count of [1, 2, 3, 6, 7, 64, 65]) {
    const runs = leaves(count);
    const proof = makeProofFile(runs, new TreeIndex([makeTreeFile(place, period, runs)]));
    assert.ok(proof);
    for (const [index, run] of runs.entries()) {
      const own = proof.runs[index] as ProofRun;
      assert.ok(proofHolds(place.camera, run, own));
      for (const [other, foreign] of proof.runs.entries()) {
        if (other === index) continue;
        assert.ok(!proofHolds(place.camera, run, foreign));
        assert.ok(!proofHolds(place.camera, run, { ...foreign, run: run.run, link: run.link }));
      }
      const link = hexOf(Buffer.alloc(hashBytes, 99));
      assert.ok(!proofHolds(place.camera, { ...run, link }, own));
      assert.ok(!proofHolds(place.camera, { ...run, link }, { ...own, link }));
      assert.ok(!proofHolds(place.camera, { ...run, recording: 'other.encrocam' }, own));
      assert.ok(!proofHolds(place.contract, run, own));
      for (const changed of [
        { firstMs: own.firstMs - 1 },
        { lastMs: own.lastMs + 1 },
        { leaves: own.leaves + 1 },
        { index: own.index + 1 },
        { root: own.tree },
        { tree: own.root },
      ]) {
        assert.ok(!proofHolds(place.camera, run, { ...own, ...changed }), JSON.stringify(changed));
      }
    }
  }
});

test('what breaks a rule of the tree file is refused with a reason and what to do', () => {
  const whole = JSON.parse(encodeTreeFile(makeTreeFile(place, period, leaves(3)))) as Record<string, unknown>;
  const [first, second, third] = whole.leaves as Record<string, unknown>[];
  const broken: Record<string, unknown>[] = [
    { format: 'EncroCam tree 2' },
    { camera: '0x12' },
    { chain: 0 },
    { chain: '31337' },
    { contract: null },
    { root: `0x${'0'.repeat(64)}` },
    { tree: `0x${'0'.repeat(64)}` },
    { firstMs: -1 },
    { firstMs: 0.5 },
    { firstMs: period.lastMs },
    { lastMs: 1e15 },
    { lastMs: period.lastMs + 1 },
    { leaves: [] },
    { leaves: {} },
    { leaves: [first, second] },
    { leaves: [second, first, third] },
    { leaves: [first, second, first] },
    { leaves: [first, second, { ...third, link: first?.link }] },
    { leaves: [first, second, { ...third, recording: 'x'.repeat(256) }] },
    { leaves: [first, second, { ...third, recording: '../x' }] },
    { leaves: [first, second, { ...third, directory: 7 }] },
    { leaves: [first, second, { ...third, extra: 1 }] },
    { leaves: [first, second, null] },
    { more: 1 },
    { camera: undefined },
  ];
  decodeTreeFile(JSON.stringify(whole), 'tree');
  for (const change of broken) {
    const text = JSON.stringify({ ...whole, ...change });
    assert.throws(() => decodeTreeFile(text, 'tree'), isUnreadable, JSON.stringify(change).slice(0, 200));
  }
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '7',
    encodeTreeFile(makeTreeFile(place, period, leaves(1))).slice(0, -3),
  ]) {
    assert.throws(() => decodeTreeFile(text, 'tree'), isUnreadable);
  }
  assert.throws(() => decodeTreeFile(' '.repeat(maxTreeFileBytes + 1), 'tree'), isUnreadable);
});

test('what breaks a rule of the proof file is refused with a reason and what to do', () => {
  const runs = leaves(3);
  const proof = makeProofFile(runs, new TreeIndex([makeTreeFile(place, period, runs)]));
  assert.ok(proof);
  const whole = JSON.parse(encodeProofFile(proof)) as Record<string, unknown>;
  const [first, ...others] = whole.runs as Record<string, unknown>[];
  const withRun = (change: object): object => ({ runs: [{ ...first, ...change }, ...others] });
  decodeProofFile(JSON.stringify(whole), 'proof');
  for (const change of [
    { format: 'EncroCam tree 1' },
    { recording: '' },
    { recording: 'a/b' },
    { runs: [] },
    { runs: [first, first] },
    { extra: 0 },
    withRun({ index: 3 }),
    withRun({ index: -1 }),
    withRun({ leaves: 0 }),
    withRun({ leaves: maxLeaves + 1 }),
    withRun({ path: 'x' }),
    withRun({ path: Array.from({ length: 18 }, () => place.camera) }),
    withRun({ path: [place.camera] }),
    withRun({ run: first?.link }),
    withRun({ lastMs: 0 }),
    withRun({ extra: 0 }),
  ]) {
    const text = JSON.stringify({ ...whole, ...change });
    assert.throws(() => decodeProofFile(text, 'proof'), isUnreadable, JSON.stringify(change).slice(0, 200));
  }
});

test('digits in upper case are read, and become lower case', () => {
  const file = makeTreeFile({ ...place, camera: hexOf(Buffer.alloc(20, 0xab)) }, period, leaves(2));
  const text = encodeTreeFile(file).replaceAll(/0x[0-9a-f]+/g, (hex) => `0x${hex.slice(2).toUpperCase()}`);
  assert.deepEqual(decodeTreeFile(text, 'tree'), file);
});

test('names of files tell what they are', () => {
  const file = makeTreeFile(place, period, leaves(1));
  const name = treeFileName(file);
  assert.equal(name, `tree-20260115T080000Z-${file.tree.slice(2, 18)}.json`);
  assert.ok(isTreeFileName(name));
  for (const other of ['tree-.json', `${name}.tmp`, `x${name}`, 'rec.json'])
    assert.ok(!isTreeFileName(other));
  for (const number of [1, 2, 99]) {
    assert.deepEqual(parseProofName(proofFileName('a.encrocam', number)), {
      recording: 'a.encrocam',
      number,
    });
  }
  for (const other of ['a.encrocam', '.proof.json', 'a.proof-1.json', 'a.proof-0.json', 'a.proof-100.json']) {
    assert.equal(parseProofName(other), undefined);
  }
  const recording = 'rec-20260115T080000Z-3600s.encrocam';
  assert.equal(recordingOfProof(proofFileName(recording, 2))?.fileName, recording);
  assert.equal(recordingOfProof('a.proof.json'), undefined);
});

test('a run whose link or recording is another than in the tree has no proof', () => {
  const runs = leaves(3);
  const trees = new TreeIndex([makeTreeFile(place, period, runs)]);
  const [one] = runs as [TreeLeaf];
  assert.equal(makeProofFile([{ ...one, link: hexOf(Buffer.alloc(hashBytes, 9)) }], trees), undefined);
  assert.equal(makeProofFile([{ ...one, recording: 'other' }], trees), undefined);
  assert.equal(makeProofFile([], trees), undefined);
});

test('runs of one recording are found in several trees; where those are on two chains, the last one counts', () => {
  const [one, two, three] = leaves(3) as [TreeLeaf, TreeLeaf, TreeLeaf];
  const later = { firstMs: period.lastMs, lastMs: period.lastMs + 1 };
  const here = [makeTreeFile(place, period, [one]), makeTreeFile(place, later, [three, two])];
  const found = makeProofFile([one, two, three], new TreeIndex(here));
  assert.deepEqual(
    found?.runs.map(({ run, index }) => [run, index]),
    [
      [one.run, 0],
      [two.run, 1],
      [three.run, 0],
    ],
  );
  const moved = [makeTreeFile(place, period, [one]), makeTreeFile({ ...place, chain: 1 }, later, [two])];
  const proof = makeProofFile([one, two], new TreeIndex(moved));
  assert.deepEqual([proof?.chain, proof?.runs.map(({ run }) => run)], [1, [two.run]]);
});

test('what does not fit a tree is refused', () => {
  const [one] = leaves(1) as [TreeLeaf];
  assert.throws(() => new LedgerTree([]), RangeError);
  for (const recording of ['', 'x'.repeat(256), 'ä'.repeat(128), '\ud800']) {
    assert.throws(() => ledgerLeaf({ ...one, recording }), RangeError);
  }
  assert.throws(() => ledgerLeaf({ ...one, run: one.link }), RangeError);
  assert.throws(() => bytesOfHex('0x0'), RangeError);
  assert.throws(() => treeId('0x00', { root: one.link, leaves: 1, ...period }), RangeError);
  assert.equal(rootOfPath(one, { index: 0, path: [], leaves: maxLeaves + 1 }), undefined);
});
