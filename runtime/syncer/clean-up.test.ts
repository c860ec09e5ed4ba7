import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLogger } from '../log.ts';
import { recordingAt } from '../recordings/names.ts';
import { cleanUpDisk } from './clean-up.ts';
import { dayMs } from './retention.ts';
import { isClockSynchronised } from './system-clock.ts';

const hourMs = 3600_000;
const nowMs = Date.UTC(2026, 10, 22, 13, 30);
const [current, young, old] = [0, 1, 20].map((days) => recordingAt(nowMs - days * dayMs, hourMs).fileName);

async function scene(context: TestContext, names: readonly (string | undefined)[]) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-clean-up-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  for (const name of names) await writeFile(path.join(directory, name ?? ''), 'bytes');
  const log: string[] = [];
  const logger = createLogger({ level: 'info', format: 'journal', write: (line) => void log.push(line) });
  const options = {
    directory,
    nowMs,
    retentionMs: 14 * dayMs,
    drive: undefined,
    removeUnrecognised: false,
    clockSynchronised: true,
    logger,
  };
  return { directory, log, options };
}

test('what is past retention is removed, and each removal is logged', async (context) => {
  const { directory, log, options } = await scene(context, [current, young, old]);
  assert.equal(await cleanUpDisk(options), 1);
  assert.deepEqual((await readdir(directory)).sort(), [young, current]);
  assert.equal(log.filter((line) => line.includes(String(old))).length, 1);
});

test('with a clock that cannot be trusted nothing is removed, with a warning', async (context) => {
  const { directory, log, options } = await scene(context, [young, old]);
  const later = { ...options, nowMs: nowMs + 3650 * dayMs, clockSynchronised: false };
  assert.equal(await cleanUpDisk(later), 0);
  assert.equal((await readdir(directory)).length, 2);
  assert.ok(log.some((line) => line.startsWith('<4>')));
});

test('recordings that the drive lacks are kept past retention, with a warning', async (context) => {
  const { directory, log, options } = await scene(context, [current, old]);
  const drive = { retentionMs: 90 * dayMs, confirmedBytes: { [String(old)]: 4 } };
  assert.equal(await cleanUpDisk({ ...options, drive }), 0);
  assert.equal((await readdir(directory)).length, 2);
  assert.ok(log.some((line) => line.startsWith('<4>')));
  assert.equal(
    await cleanUpDisk({ ...options, drive: { ...drive, confirmedBytes: { [String(old)]: 5 } } }),
    1,
  );
});

test('directories and links are never removed, nor what they lead to', async (context) => {
  const { directory, options } = await scene(context, [current, 'target']);
  await mkdir(path.join(directory, 'directory'));
  await mkdir(path.join(directory, '.state'));
  await symlink(path.join(directory, 'target'), path.join(directory, String(old)));
  const before = new Date(nowMs - 100 * dayMs);
  for (const name of ['directory', '.state', 'target'])
    await utimes(path.join(directory, name), before, before);
  assert.equal(await cleanUpDisk({ ...options, removeUnrecognised: true }), 1, 'the plain old file goes');
  assert.deepEqual((await readdir(directory)).sort(), ['.state', 'directory', old, current].sort());
});

test('a directory that does not exist yet is clean', async (context) => {
  const { options } = await scene(context, []);
  assert.equal(await cleanUpDisk({ ...options, directory: '/nonexistent/recordings' }), 0);
});

test('the clock is synchronised where the mark of the time service exists', async (context) => {
  const { directory } = await scene(context, ['synchronized']);
  assert.equal(await isClockSynchronised(path.join(directory, 'synchronized')), true);
  assert.equal(await isClockSynchronised(path.join(directory, 'missing')), false);
});
