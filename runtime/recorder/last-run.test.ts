import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import {
  linkOfPacket,
  previousOf,
  type SyntheticRun,
  syntheticRun,
} from '../../test/support/synthetic-run.ts';
import { type KeptRun, type LastRun, LastRunFile } from './last-run.ts';

const first = 'rec-20270115T080000Z-3600s.encrocam';
const second = 'rec-20270115T090000Z-3600s.encrocam';

async function setUp(context: TestContext): Promise<{ recordings: string; store: LastRunFile }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-last-run-'));
  context.after(() => rm(directory, { recursive: true }));
  const recordings = path.join(directory, 'front');
  await mkdir(recordings);
  return { recordings, store: new LastRunFile(directory, { name: 'front', localDirectory: recordings }) };
}

function kept({ runId, runKey, header }: SyntheticRun, more: Partial<KeptRun> = {}): KeptRun {
  return {
    runId,
    runKey: runKey.publicKey,
    headerHash: header.hash,
    file: first,
    startMs: header.statement.startMs,
    before: undefined,
    ...more,
  };
}

/** What a checkpoint is named by: packets 0 is the header, each fifth second has one. */
function checkpointLinks(run: SyntheticRun): Buffer[] {
  return run.packets.filter((packet) => packet[3] === 0x02).map((packet) => linkOfPacket(run, packet));
}

function assertIs(last: LastRun | undefined, { runId }: SyntheticRun, link: Buffer | undefined): void {
  assert.deepEqual(last && { runId: last.runId, link: last.link }, { runId, link });
}

test('a camera without recordings has no last run', async (context) => {
  const { store } = await setUp(context);
  assert.equal(await store.load(), undefined);
});

test('what was kept of a run that ended is what it gives', async (context) => {
  const { store, recordings } = await setUp(context);
  const run = syntheticRun();
  await writeFile(path.join(recordings, first), run.bytes);
  await store.keep(kept(run, { link: run.link }));
  assertIs(await store.load(), run, run.link);
});

test('a recording that was removed meanwhile changes nothing', async (context) => {
  const { store } = await setUp(context);
  const run = syntheticRun();
  await store.keep(kept(run, { link: run.link }));
  assertIs(await store.load(), run, run.link);
});

test('of a run that was cut off, the last whole checkpoint in its file counts', async (context) => {
  const { store, recordings } = await setUp(context);
  const run = syntheticRun();
  const links = checkpointLinks(run);
  const file = path.join(recordings, first);
  await store.keep(kept(run));
  for (const [bytes, link] of [
    [run.bytes.length, run.link],
    [run.bytes.length - 1, links.at(-1)],
    [run.bytes.lastIndexOf(run.packets.at(-2) ?? Buffer.alloc(0)) + 20, links.at(-2)],
    [(run.packets[0]?.length ?? 0) + 10, run.header.hash],
  ] as const) {
    await writeFile(file, run.bytes);
    await truncate(file, bytes);
    assertIs(await store.load(), run, link);
  }
});

test('of a run whose header never reached the disk, the one before counts', async (context) => {
  const { store, recordings } = await setUp(context);
  const [before, run] = [syntheticRun({ fill: 1 }), syntheticRun({ fill: 2 })];
  await writeFile(path.join(recordings, first), before.bytes);
  await store.keep(kept(run, { before: previousOf(before) }));
  assertIs(await store.load(), before, before.link);
});

test('without what was kept, or with an older state of it, the newest recording is read', async (context) => {
  const { store, recordings } = await setUp(context);
  const [one, other, third] = [1, 2, 3].map((fill) => syntheticRun({ fill })) as [
    SyntheticRun,
    SyntheticRun,
    SyntheticRun,
  ];
  await writeFile(path.join(recordings, first), one.bytes);
  await writeFile(path.join(recordings, second), Buffer.concat([other.bytes, third.bytes.subarray(0, -10)]));
  assertIs(await store.load(), third, checkpointLinks(third).at(-1));
  const newest = await readFile(path.join(recordings, second));
  await rm(path.join(recordings, second));
  await store.keep(kept(one, { link: one.link }));
  await writeFile(path.join(recordings, second), newest);
  assertIs(await store.load(), third, checkpointLinks(third).at(-1));
  await appendFile(path.join(recordings, second), Buffer.alloc(1000, 7));
  assertIs(await store.load(), third, checkpointLinks(third).at(-1));
});

test('a run in an older recording, because the clock was set back, is the last one all the same', async (context) => {
  const { store, recordings } = await setUp(context);
  const [ahead, run] = [syntheticRun({ fill: 1 }), syntheticRun({ fill: 2 })];
  await writeFile(path.join(recordings, second), ahead.bytes);
  await writeFile(path.join(recordings, first), run.bytes);
  await store.keep(kept(run, { link: run.link, before: previousOf(ahead) }));
  assertIs(await store.load(), run, run.link);
});

test('where a run could not be kept, what was kept before does not count any more', async (context) => {
  const { store, recordings } = await setUp(context);
  const [one, other] = [syntheticRun({ fill: 1 }), syntheticRun({ fill: 2 })];
  await writeFile(path.join(recordings, first), Buffer.concat([one.bytes, other.bytes]));
  await store.keep(kept(one, { link: one.link }));
  assertIs(await store.load(), one, one.link);
  const state = path.join(path.dirname(recordings), '.state');
  const [name = ''] = await readdir(state);
  // A state file that cannot be replaced: its temporary file is a directory.
  await mkdir(path.join(state, `${name}.${process.pid}.tmp`, 'full'), { recursive: true });
  await assert.rejects(store.keep(kept(other)));
  assertIs(await store.load(), other, other.link);
});

test('a file of ours that makes no sense is none', async (context) => {
  const { store, recordings } = await setUp(context);
  const run = syntheticRun();
  await writeFile(path.join(recordings, first), run.bytes);
  const state = path.join(path.dirname(recordings), '.state');
  await mkdir(state);
  for (const text of ['', '{', 'null', '{"runId":"00"}', JSON.stringify({ runId: 'x'.repeat(32) })]) {
    await writeFile(path.join(state, 'run-front.json'), text);
    assertIs(await store.load(), run, run.link);
  }
});

test('a checkpoint that another key signed is passed over', async (context) => {
  const { store, recordings } = await setUp(context);
  const [run, foreign] = [syntheticRun({ fill: 1 }), syntheticRun({ fill: 1 })];
  const checkpoint = foreign.packets.find((packet) => packet[3] === 0x02) ?? Buffer.alloc(0);
  await writeFile(path.join(recordings, first), Buffer.concat([run.bytes, checkpoint]));
  await store.keep(kept(run));
  assertIs(await store.load(), run, run.link);
});

test('it tells where the last run is and when it was recorded, whether it ended in order or not', async (context) => {
  const { store, recordings } = await setUp(context);
  const startMs = Date.UTC(2027, 0, 15, 8);
  const run = syntheticRun({ seconds: 12, statement: { startMs, recording: first } });
  const file = path.join(recordings, first);
  await writeFile(file, run.bytes);
  await store.keep(kept(run, { link: run.link, endMs: startMs + 7 }));
  assert.deepEqual((await store.load())?.recorded, { file: first, startMs, endMs: startMs + 7 });
  await store.keep(kept(run));
  const toFinal = (await store.load())?.recorded;
  await truncate(file, run.bytes.length - 1);
  const toCheckpoint = (await store.load())?.recorded;
  await rm(path.join(path.dirname(recordings), '.state'), { recursive: true });
  assert.deepEqual((await store.load())?.recorded, toCheckpoint);
  assert.deepEqual([toFinal?.file, toFinal?.startMs, toCheckpoint?.startMs], [first, startMs, startMs]);
  assert.ok(toCheckpoint && toCheckpoint.endMs - startMs >= 10_000 && toCheckpoint.endMs - startMs <= 12_000);
  assert.ok(toFinal && toFinal.endMs - startMs >= 11_000 && toFinal.endMs - startMs <= 12_000);
});
