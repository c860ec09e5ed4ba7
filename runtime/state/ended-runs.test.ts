import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import { silentLogger } from '../log.ts';
import {
  type EndedRun,
  EndedRunsJournal,
  hasFoundRuns,
  keepFoundRuns,
  maxFiles,
  readEndedRuns,
  removeEndedRuns,
} from './ended-runs.ts';

async function place(context: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-ended-'));
  context.after(() => rm(directory, { recursive: true }));
  return directory;
}

function run(number: number, more: Partial<EndedRun> = {}): EndedRun {
  const digits = number.toString(16);
  return {
    run: `0x${digits.padStart(32, '0')}`,
    recording: 'rec-20270115T080000Z-3600s.encrocam',
    directory: 'front',
    link: `0x${digits.padStart(64, '0')}`,
    fromMs: number,
    toMs: number + 1,
    ...more,
  };
}

const runsOf = async (directory: string): Promise<EndedRun[]> =>
  (await readEndedRuns(directory, silentLogger)).flatMap(({ runs }) => runs);
const stateOf = (directory: string): string => path.join(directory, '.state');

test('what was noted is read, in its order, from all cameras and several recorders', async (context) => {
  const directory = await place(context);
  for (const [camera, number] of [
    ['a', 1],
    ['b-000002', 2],
    ['a', 3],
  ] as const) {
    const journal = new EndedRunsJournal(directory, camera, silentLogger);
    journal.note(run(number));
    journal.note(run(number + 10));
    await journal.settled();
  }
  assert.deepEqual(
    await runsOf(directory),
    [1, 11, 3, 13, 2, 12].map((number) => run(number)),
  );
});

test('a place without state has no runs', async (context) => {
  assert.deepEqual(await runsOf(path.join(await place(context), 'none')), []);
});

test('a line that a power cut left half written costs no other, and lines that make no sense are passed over', async (context) => {
  const directory = await place(context);
  const one = new EndedRunsJournal(directory, 'a', silentLogger);
  one.note(run(1));
  await one.settled();
  const file = path.join(stateOf(directory), 'ended-runs-a-000001.jsonl');
  await appendFile(file, JSON.stringify(run(2)).slice(0, -5));
  const two = new EndedRunsJournal(directory, 'a', silentLogger);
  two.note(run(3));
  await two.settled();
  for (const bad of [
    { run: '0x00' },
    { link: '0x00' },
    { recording: '' },
    { recording: 'x'.repeat(256) },
    { directory: 7 },
    { fromMs: -1 },
    { toMs: null },
  ]) {
    await appendFile(file, `${JSON.stringify({ ...run(4), ...bad })}\n`);
  }
  await appendFile(file, 'null\n7\n\n{}\n');
  assert.deepEqual(await runsOf(directory), [run(1), run(3)]);
});

test('a disk that takes nothing is no failure; what waited is written with the next run', async (context) => {
  const directory = await place(context);
  await writeFile(stateOf(directory), 'no directory');
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const journal = new EndedRunsJournal(directory, 'a', logger);
  journal.note(run(1));
  journal.note(run(2));
  await journal.settled();
  assert.equal(warnings.length, 1);
  await rm(stateOf(directory));
  journal.note(run(3));
  await journal.settled();
  assert.deepEqual(await runsOf(directory), [run(1), run(2), run(3)]);
});

test('files stay small, the oldest go where nobody takes them, and only those that were left may be removed', async (context) => {
  const directory = await place(context);
  await mkdir(stateOf(directory));
  const full = (number: number): string => `${JSON.stringify(run(number))}\n`.repeat(400);
  for (let number = 1; number <= maxFiles; number++) {
    await writeFile(
      path.join(stateOf(directory), `ended-runs-a-${String(number).padStart(6, '0')}.jsonl`),
      full(number),
    );
  }
  const journal = new EndedRunsJournal(directory, 'a', silentLogger);
  journal.note(run(1000));
  journal.note(run(1001));
  await journal.settled();
  const names = (await readdir(stateOf(directory))).sort();
  assert.equal(names.length, maxFiles);
  assert.deepEqual(
    [names[0], names.at(-1)],
    ['ended-runs-a-000002.jsonl', `ended-runs-a-0000${maxFiles + 1}.jsonl`],
  );
  const files = await readEndedRuns(directory, silentLogger);
  assert.deepEqual(files.at(-1)?.runs, [run(1000), run(1001)]);
  assert.deepEqual(
    files.map(({ isLeft }) => isLeft),
    [...Array.from({ length: maxFiles - 1 }, () => true), false],
  );
  const [oldest] = files;
  const newest = files.at(-1);
  assert.ok(oldest && newest);
  await removeEndedRuns(directory, oldest);
  await removeEndedRuns(directory, oldest);
  await assert.rejects(removeEndedRuns(directory, newest), TypeError);
  assert.equal((await readEndedRuns(directory, silentLogger)).length, maxFiles - 1);
});

test('what was found in recordings is kept beside what the recorder notes, and found once', async (context) => {
  const directory = await place(context);
  assert.equal(await hasFoundRuns(directory, 'a'), false);
  const journal = new EndedRunsJournal(directory, 'a', silentLogger);
  journal.note(run(5));
  await journal.settled();
  assert.equal(await hasFoundRuns(directory, 'a'), false);
  await keepFoundRuns(directory, 'a', [run(1), run(2)]);
  assert.equal(await hasFoundRuns(directory, 'a'), true);
  assert.equal(await hasFoundRuns(directory, 'b'), false);
  const files = await readEndedRuns(directory, silentLogger);
  assert.deepEqual(
    files.map(({ number, isLeft }) => [number, isLeft]),
    [
      [0, false],
      [1, false],
    ],
  );
  assert.deepEqual(await runsOf(directory), [run(1), run(2), run(5)]);
});
