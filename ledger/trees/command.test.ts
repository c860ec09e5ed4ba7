import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { type SyntheticRun, syntheticRun } from '../../test/support/synthetic-run.ts';
import { decodeProofFile, encodeTreeFile, makeTreeFile, proofHolds, treeFileName } from './files.ts';
import { hexOf } from './hex.ts';

const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');
const startMs = Date.UTC(2026, 0, 15, 8);
const recording = recordingAt(startMs, 3_600_000).fileName;
const place = { camera: hexOf(Buffer.alloc(20, 1)), chain: 31337, contract: hexOf(Buffer.alloc(20, 2)) };

async function setUp(context: TestContext) {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-proof-'));
  context.after(() => rm(directory, { recursive: true }));
  await mkdir(path.join(directory, 'front'));
  await mkdir(path.join(directory, 'ledger'));
  const file = path.join(directory, 'front', recording);
  const runs = [1, 2].map((fill) => syntheticRun({ fill, statement: { recording, startMs } }));
  await writeFile(file, Buffer.concat(runs.map(({ bytes }) => bytes)));
  const tree = async (firstMs: number, some: readonly SyntheticRun[], where = 'ledger'): Promise<string> => {
    const leaves = some.map(({ runId, link }) => ({
      ...{
        recording,
        directory: 'front',
        run: hexOf(runId),
        link: hexOf(link),
        fromMs: startMs,
        toMs: startMs,
      },
    }));
    const made = makeTreeFile(place, { firstMs, lastMs: firstMs + 1 }, leaves);
    const name = path.join(directory, where, treeFileName(made));
    await writeFile(name, encodeTreeFile(made));
    return name;
  };
  const proof = (...args: string[]) =>
    spawnSync(encrocam, ['proof', ...args], { encoding: 'utf8', timeout: 60_000 });
  return { directory, file, runs, tree, proof, proofFile: proofFileName(file) };
}

test('it makes the proof from the trees of the camera, and it holds', async (context) => {
  const { file, runs, tree, proof, proofFile } = await setUp(context);
  const [one, two] = runs as [SyntheticRun, SyntheticRun];
  await tree(startMs, [one]);
  await tree(startMs + 1, [syntheticRun({ fill: 3 }), two]);
  const { status, stderr } = proof(file);
  assert.equal(status, 0, stderr);
  const made = decodeProofFile(await readFile(proofFile, 'utf8'), proofFile);
  assert.deepEqual(
    made.runs.map(({ run }) => run),
    runs.map(({ runId }) => hexOf(runId)),
  );
  for (const [index, { runId, link }] of runs.entries()) {
    const held = made.runs[index];
    assert.ok(held && proofHolds(place.camera, { recording, run: hexOf(runId), link: hexOf(link) }, held));
  }
});

test('on a copy of the drive the trees lie beside the recording; the proof can be printed or go elsewhere', async (context) => {
  const { directory, file, runs, tree, proof, proofFile } = await setUp(context);
  await tree(startMs, runs, 'front');
  const printed = proof(file, '--json');
  assert.equal(printed.status, 0, printed.stderr);
  assert.equal(decodeProofFile(printed.stdout, 'stdout').runs.length, 2);
  await assert.rejects(readFile(proofFile), { code: 'ENOENT' });
  const out = path.join(directory, 'out.json');
  assert.equal(proof(file, '--out', out, '--ledger', path.join(directory, 'front')).status, 0);
  assert.equal(await readFile(out, 'utf8'), printed.stdout);
});

test('it names runs that are in no tree, and those that end otherwise, and proves the others', async (context) => {
  const { file, runs, tree, proof, proofFile } = await setUp(context);
  const [one, two] = runs as [SyntheticRun, SyntheticRun];
  await tree(startMs, [one]);
  const early = proof(file);
  assert.equal(early.status, 2);
  assert.match(early.stderr, /none of these trees/);
  assert.equal(decodeProofFile(await readFile(proofFile, 'utf8'), proofFile).runs.length, 1);
  await tree(startMs + 1, [two]);
  await truncate(file, one.bytes.length + two.bytes.length - 1);
  const cut = proof(file);
  assert.equal(cut.status, 2);
  assert.match(cut.stderr, /ends otherwise/);
});

test('a damaged tree is told of and passed over', async (context) => {
  const { file, runs, tree, proof } = await setUp(context);
  await tree(startMs, runs);
  const damaged = await tree(startMs + 1, [syntheticRun({ fill: 9 })]);
  await truncate(damaged, 100);
  const { status, stderr } = proof(file);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /is not a tree file/);
});

test('where something is missing it says what to do', async (context) => {
  const { directory, file, proof } = await setUp(context);
  for (const [args, text] of [
    [[], /needs a recording/],
    [[file], /tree-\*\.json/],
    [[file, '--ledger', path.join(directory, 'none')], /--ledger DIR/],
    [[path.join(directory, 'none')], /copy it from the drive/],
    [[file, file, '--out', 'x'], /one recording/],
    [[file, '--out', 'x', '--json'], /two places/],
    [[path.join(import.meta.dirname, 'command.ts')], /no run of EncroCrypt3/],
  ] as const) {
    const { status, stderr } = proof(...args);
    assert.equal(status, 1, stderr);
    assert.match(stderr, text);
  }
});
