import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { type LogFields, silentLogger } from '../../runtime/log.ts';
import { proofFileName } from '../../runtime/recordings/companions.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { type EndedRun, EndedRunsJournal } from '../../runtime/state/ended-runs.ts';
import { syntheticRun } from '../../test/support/synthetic-run.ts';
import { decodeProofFile, decodeTreeFile, type ProofRun, proofHolds, type TreeFile } from './files.ts';
import { type Hex, hexOf } from './hex.ts';
import { TreeStore } from './store.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.UTC(2026, 0, 15, 8);
const place = { camera: hexOf(Buffer.alloc(20, 1)), chain: 31337, contract: hexOf(Buffer.alloc(20, 2)) };

class Place {
  readonly directory: string;
  readonly log: string[] = [];
  nowMs = startMs;
  #runs = 0;

  static async make(context?: TestContext): Promise<Place> {
    const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-trees-'));
    context?.after(() => rm(directory, { recursive: true }));
    await mkdir(path.join(directory, 'front'));
    return new Place(directory);
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  open(more: Partial<Parameters<typeof TreeStore.open>[0]> = {}): Promise<TreeStore> {
    const say = (message: string, fields?: LogFields): void =>
      void this.log.push(`${message} ${JSON.stringify(fields)}`);
    return TreeStore.open({
      recordingsDirectory: this.directory,
      place,
      periodMs: dayMs,
      cameras: [
        { name: 'front', localDirectory: path.join(this.directory, 'front'), driveDirectory: 'front-drive' },
      ],
      logger: { ...silentLogger, warn: say, error: say },
      now: () => this.nowMs,
      ...more,
    });
  }

  /** An hour of recording ends, now. */
  async ended(more: Partial<EndedRun> = {}): Promise<EndedRun> {
    const number = ++this.#runs;
    const run: EndedRun = {
      run: `0x${number.toString(16).padStart(32, '0')}`,
      link: `0x${number.toString(16).padStart(64, '0')}`,
      recording: recordingAt(this.nowMs - 1, hourMs).fileName,
      directory: 'front-drive',
      fromMs: this.nowMs - hourMs,
      toMs: this.nowMs,
      ...more,
    };
    await this.note(run);
    return run;
  }

  async note(...runs: EndedRun[]): Promise<void> {
    const journal = new EndedRunsJournal(this.directory, 'front', silentLogger);
    for (const run of runs) journal.note(run);
    await journal.settled();
  }

  at(...names: string[]): string {
    return path.join(this.directory, ...names);
  }

  async treesOnDisk(): Promise<TreeFile[]> {
    const names = await readdir(this.at('ledger')).catch(() => []);
    const files = names.filter((name) => name.startsWith('tree-'));
    const trees = await Promise.all(
      files.map(async (name) => decodeTreeFile(await readFile(this.at('ledger', name), 'utf8'), name)),
    );
    return trees.sort((a, b) => a.firstMs - b.firstMs);
  }

  async proof(recording: string): Promise<readonly ProofRun[] | undefined> {
    const file = this.at('front', proofFileName(recording));
    const text = await readFile(file, 'utf8').catch(() => undefined);
    return text === undefined ? undefined : decodeProofFile(text, file).runs;
  }
}

const ids = (runs: readonly { readonly run: Hex }[] | undefined): Hex[] => (runs ?? []).map(({ run }) => run);

test('a day of runs becomes a tree on the disk, which is pending until it is committed', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  const runs: EndedRun[] = [];
  for (let hour = 0; hour < 24; hour++) {
    runs.push(await at.ended());
    at.nowMs += hourMs;
    if (hour < 23) assert.equal(await store.closePeriod(at.nowMs), undefined);
  }
  const tree = await store.closePeriod(at.nowMs);
  assert.deepEqual(tree?.leaves, runs);
  assert.deepEqual([tree?.firstMs, tree?.lastMs], [startMs, startMs + dayMs]);
  assert.deepEqual(await at.treesOnDisk(), [tree]);
  assert.deepEqual(await store.pending(), [tree]);
  assert.deepEqual(await (await at.open()).pending(), [tree]);
  await store.committed(tree?.tree as Hex);
  await store.committed(tree?.tree as Hex);
  assert.deepEqual(await store.pending(), []);
  const again = await at.open();
  assert.deepEqual(await again.pending(), []);
  assert.equal(await again.closePeriod(at.nowMs + 30 * dayMs), undefined);
  at.nowMs += 2 * dayMs;
  const late = await at.ended();
  const next = await again.closePeriod(at.nowMs);
  assert.deepEqual([next?.firstMs, next?.lastMs, ids(next?.leaves)], [tree?.lastMs, at.nowMs, [late.run]]);
});

test('a run that was noted twice, or once more after its tree was committed, is in one tree', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  const run = await at.ended();
  await at.note(run, { ...run, toMs: run.toMs + 5 });
  const tree = await store.closePeriod(at.nowMs, { early: true });
  assert.deepEqual(tree?.leaves, [run]);
  await store.committed(tree.tree);
  await at.note(run);
  assert.equal(await store.closePeriod(at.nowMs + 9 * dayMs, { early: true }), undefined);
  assert.equal(await (await at.open()).closePeriod(at.nowMs + 9 * dayMs, { early: true }), undefined);
});

test('proofs are written when the tree is committed, for recordings that are over, and hold', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  const [one, two] = [await at.ended(), await at.ended()];
  at.nowMs += hourMs / 2;
  // Of a recording that goes on.
  const going = await at.ended();
  const tree = await store.closePeriod(at.nowMs, { early: true });
  assert.ok(tree);
  assert.equal(await at.proof(one.recording), undefined);
  await store.committed(tree.tree);
  const proof = await at.proof(one.recording);
  assert.deepEqual(ids(proof), [one.run, two.run]);
  for (const [index, run] of [one, two].entries()) {
    assert.ok(proofHolds(place.camera, run, proof?.[index] as ProofRun));
  }
  assert.equal(await at.proof(going.recording), undefined);
  // After its end, with or without another tree; a start between changes nothing.
  at.nowMs += hourMs;
  const again = await at.open();
  await again.closePeriod(at.nowMs);
  assert.deepEqual(ids(await at.proof(going.recording)), [going.run]);
});

test('a proof waits for all runs of its recording, and is made again for those that came later still', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  const one = await at.ended();
  const first = await store.closePeriod(at.nowMs, { early: true });
  const { recording } = one;
  const two = await at.ended({ recording });
  await store.committed(first?.tree as Hex);
  assert.equal(await at.proof(recording), undefined);
  at.nowMs += 1000;
  const second = await store.closePeriod(at.nowMs, { early: true });
  assert.equal(await at.proof(recording), undefined);
  await store.committed(second?.tree as Hex);
  assert.deepEqual(ids(await at.proof(recording)), [one.run, two.run]);
  const late = await at.ended({ recording });
  at.nowMs += 1000;
  const third = await (await at.open()).closePeriod(at.nowMs, { early: true });
  const other = await at.open();
  await other.committed(third?.tree as Hex);
  assert.deepEqual(ids(await at.proof(recording)), [one.run, two.run, late.run]);
});

test('a recording that is gone, and a camera that is no more, stop nothing', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  await at.ended({ directory: 'other' });
  await at.ended();
  const tree = await store.closePeriod(at.nowMs, { early: true });
  await rm(at.at('front'), { recursive: true });
  await store.committed(tree?.tree as Hex);
  assert.equal(tree?.leaves.length, 2);
  assert.deepEqual(await store.pending(), []);
});

test('trees are committed in their order', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  const trees: TreeFile[] = [];
  for (let count = 0; count < 3; count++) {
    await at.ended();
    at.nowMs += 1000;
    trees.push((await store.closePeriod(at.nowMs, { early: true })) as TreeFile);
  }
  assert.deepEqual(await store.pending(), trees);
  await assert.rejects(store.committed(trees[1]?.tree as Hex), RangeError);
  for (const { tree } of trees) await store.committed(tree);
  await store.committed(place.camera);
  assert.deepEqual(await store.pending(), []);
});

test('the runs of a tree that the chain can never take wait for another, which begins no earlier than the chain ended', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  const run = await at.ended();
  const tree = await store.closePeriod(at.nowMs, { early: true });
  const chainLastMs = at.nowMs + dayMs;
  await store.refused(tree?.tree as Hex, chainLastMs);
  await store.refused(tree?.tree as Hex, chainLastMs);
  assert.deepEqual([await store.pending(), await at.treesOnDisk()], [[], []]);
  const next = await (await at.open()).closePeriod(at.nowMs, { early: true });
  assert.deepEqual(
    [ids(next?.leaves), next?.firstMs, next?.lastMs],
    [[run.run], chainLastMs, chainLastMs + 1],
  );
});

test('on another chain, contract or with another key, it begins anew, and no run is committed a second time', async (context) => {
  const at = await Place.make(context);
  const before = await at.ended();
  const tree = await (await at.open()).closePeriod(at.nowMs, { early: true });
  const elsewhere = await at.open({ place: { ...place, chain: 1 } });
  assert.deepEqual(await elsewhere.pending(), []);
  const run = await at.ended();
  at.nowMs += 5;
  const other = await elsewhere.closePeriod(at.nowMs, { early: true });
  assert.deepEqual([other?.chain, other?.firstMs, ids(other?.leaves)], [1, run.toMs, [run.run]]);
  assert.notEqual(before.run, run.run);
  assert.deepEqual(await (await at.open()).pending(), [tree]);
  // A checksum's case is the same address.
  const upper = { ...place, contract: `0x${place.contract.slice(2).toUpperCase()}` as Hex };
  assert.deepEqual(await (await at.open({ place: upper })).pending(), [tree]);
});

test('a tree file that cannot be read is told of, and the next period does not begin before its end', async (context) => {
  const at = await Place.make(context);
  const run = await at.ended();
  at.nowMs += 1000;
  const tree = await (await at.open()).closePeriod(at.nowMs, { early: true });
  const [name = ''] = await readdir(at.at('ledger'));
  await writeFile(at.at('ledger', name), '{');
  const store = await at.open();
  assert.ok(at.log.some((line) => line.includes('cannot be read')));
  const next = await store.closePeriod(at.nowMs, { early: true });
  assert.deepEqual([next?.firstMs, ids(next?.leaves)], [tree?.lastMs, [run.run]]);
});

test('runs with names that no tree can hold are left out and told of once', async (context) => {
  const at = await Place.make(context);
  const store = await at.open();
  await at.ended({ recording: '../etc' });
  const good = await at.ended();
  await store.closePeriod(at.nowMs);
  const tree = await store.closePeriod(at.nowMs, { early: true });
  assert.deepEqual(ids(tree?.leaves), [good.run]);
  assert.equal(at.log.filter((line) => line.includes('no tree can hold')).length, 1);
});

test('notes of committed runs are removed, but for the file that the recorder appends to', async (context) => {
  const at = await Place.make(context);
  const runs = Array.from({ length: 400 }, (_, index): EndedRun => {
    const digits = (index + 0x10000).toString(16);
    return {
      ...{ run: `0x${digits.padStart(32, '0')}`, link: `0x${digits.padStart(64, '0')}`, recording: 'r' },
      ...{ directory: 'front-drive', fromMs: startMs, toMs: startMs + index },
    };
  });
  await at.note(...runs);
  await at.note(await at.ended());
  const notes = async (): Promise<string[]> =>
    (await readdir(at.at('.state'))).filter((name) => name.startsWith('ended-runs'));
  assert.deepEqual(await notes(), ['ended-runs-front-000001.jsonl', 'ended-runs-front-000002.jsonl']);
  const store = await at.open();
  const tree = await store.closePeriod(at.nowMs, { early: true });
  assert.equal(tree?.leaves.length, 401);
  assert.equal((await notes()).length, 3);
  await store.committed(tree.tree);
  assert.deepEqual(await notes(), ['ended-runs-front-000000.jsonl', 'ended-runs-front-000002.jsonl']);
});

test('runs of recordings that nobody noted are found once, but for one that is being written', async (context) => {
  const at = await Place.make(context);
  const name = recordingAt(startMs, hourMs).fileName;
  const [ended, cut] = [1, 2].map((fill) => syntheticRun({ fill, statement: { recording: name, startMs } }));
  assert.ok(ended && cut);
  await writeFile(at.at('front', name), Buffer.concat([ended.bytes, cut.bytes.subarray(0, -1)]));
  await writeFile(at.at('front', 'notes.txt'), ended.bytes);
  // No recording, whatever it is called: to open this would never end.
  execFileSync('mkfifo', [at.at('front', recordingAt(startMs - hourMs, hourMs).fileName)]);
  at.nowMs = Date.now();
  const store = await at.open();
  const tree = await store.closePeriod(at.nowMs, { early: true });
  assert.deepEqual(tree?.leaves, [
    {
      ...{ recording: name, directory: 'front-drive', run: hexOf(ended.runId), link: hexOf(ended.link) },
      ...{ fromMs: startMs, toMs: tree?.leaves[0]?.toMs },
    },
  ]);
  assert.ok((tree?.leaves[0]?.toMs ?? 0) - startMs >= 29_000);
  // Lost notes, later on.
  await rm(at.at('.state'), { recursive: true });
  at.nowMs += 2 * hourMs;
  const next = await (await at.open()).closePeriod(at.nowMs, { early: true });
  assert.deepEqual(ids(next?.leaves), [hexOf(cut.runId)]);
  assert.notEqual(next?.leaves[0]?.link, hexOf(cut.link));
});

test('whatever happens when, and wherever the power is cut, each run is in one tree and no tree changes', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('run' as const) },
    { weight: 3, arbitrary: fc.constant('close' as const) },
    { weight: 2, arbitrary: fc.constant('commit' as const) },
    { weight: 2, arbitrary: fc.constant('start' as const) },
    { weight: 1, arbitrary: fc.constant('cut in close' as const) },
    { weight: 1, arbitrary: fc.constant('cut in commit' as const) },
    { weight: 1, arbitrary: fc.constant('lose state' as const) },
    { weight: 1, arbitrary: fc.constant('half a tree' as const) },
    { weight: 2, arbitrary: fc.integer({ min: -10 * dayMs, max: 10 * dayMs }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const at = await Place.make();
      at.nowMs += 100 * dayMs;
      try {
        let store = await at.open();
        const seen = new Map<Hex, TreeFile>();
        const ended: Hex[] = [];
        const state = at.at('.state', 'ledger-trees.json');
        /** Does it while the state cannot be replaced, and starts again: what was written before that is there. */
        const cutIn = async (work: () => Promise<unknown>): Promise<void> => {
          const before = await readFile(state, 'utf8').catch(() => undefined);
          await rm(state, { force: true });
          await mkdir(state, { recursive: true });
          await work().catch(() => undefined);
          await rm(state, { recursive: true });
          if (before !== undefined) await writeFile(state, before);
          store = await at.open();
        };
        const commit = async (): Promise<void> => {
          const [oldest] = await store.pending();
          if (oldest) await store.committed(oldest.tree);
        };
        for (const one of [...steps, 'start', 'close early'] as const) {
          if (typeof one === 'number') at.nowMs += one;
          else if (one === 'run') ended.push((await at.ended()).run);
          else if (one === 'close') await store.closePeriod(at.nowMs);
          else if (one === 'close early') await store.closePeriod(at.nowMs, { early: true });
          else if (one === 'commit') await commit();
          else if (one === 'start') store = await at.open();
          else if (one === 'cut in close') await cutIn(() => store.closePeriod(at.nowMs, { early: true }));
          else if (one === 'cut in commit') await cutIn(commit);
          else if (one === 'lose state') {
            await rm(state, { force: true });
            store = await at.open();
          } else {
            await mkdir(at.at('ledger'), { recursive: true });
            await writeFile(at.at('ledger', '.tree-20260115T080000Z-0000000000000000.json.tmp'), '{"for');
            store = await at.open();
          }
          const trees = await at.treesOnDisk();
          for (const [index, tree] of trees.entries()) {
            assert.deepEqual(tree, seen.get(tree.tree) ?? tree);
            seen.set(tree.tree, tree);
            assert.ok(tree.firstMs >= (trees[index - 1]?.lastMs ?? 0), 'periods overlap');
          }
          assert.equal(trees.length, seen.size, 'a tree is gone');
        }
        const inTrees = [...seen.values()].flatMap(({ leaves }) => ids(leaves));
        assert.deepEqual(inTrees.toSorted(), ended.toSorted());
      } finally {
        await rm(at.directory, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});
