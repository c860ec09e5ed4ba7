import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Camera } from '../config/load.ts';
import type { SyncerState } from '../state/state.ts';
import { FakeClock, LogBook } from './fakes.ts';
import { SpaceKeeper } from './space-keeper.ts';

const hourMs = 3_600_000;
const old = 'rec-20270114T080000Z-3600s.encrocam';
const newer = 'rec-20270114T090000Z-3600s.encrocam';
const present = 'rec-20270115T080000Z-3600s.encrocam';

interface SetUp {
  confirmed?: Record<string, number>;
  freeBytes?: number;
  budgetBytes?: number;
  hasDrive?: boolean;
}

function setUp(context: TestContext, options: SetUp) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'encrocam-space-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const camera = {
    name: 'front',
    localDirectory: path.join(directory, 'yard'),
    driveDirectory: 'front',
  } as Camera;
  mkdirSync(camera.localDirectory);
  const place = (name: string): string => path.join(camera.localDirectory, name);
  for (const name of [old, newer, present, 'notes.txt']) writeFileSync(place(name), Buffer.alloc(1000));
  const clock = new FakeClock(Date.UTC(2027, 0, 15, 8, 30));
  const logger = new LogBook();
  const disk = { freeBytes: options.freeBytes ?? 0 };
  const keeper = new SpaceKeeper({
    recordingsDirectory: directory,
    cameras: [camera],
    keepFreeBytes: 1000,
    budgetBytes: options.budgetBytes,
    hasDrive: options.hasDrive ?? true,
    readSyncerState: async () =>
      ({
        service: 'sync',
        pid: 1,
        startedMs: 0,
        updatedMs: 0,
        location: '',
        cameras: [
          {
            name: 'front',
            activity: 'following',
            backlogBytes: 0,
            backlogFiles: 0,
            bytesUploaded: 0,
            confirmedBytes: options.confirmed ?? {},
          },
        ],
      }) satisfies SyncerState,
    openFiles: () => new Set([place(present)]),
    clock,
    logger,
    freeBytes: async () => disk.freeBytes,
  });
  const left = (): string[] => [old, newer, present, 'notes.txt'].filter((name) => existsSync(place(name)));
  return { keeper, directory, logger, clock, disk, left };
}

test('what the drive holds completely goes; the open file and what is no recording never do', async (context) => {
  const { keeper, left } = setUp(context, { confirmed: { [old]: 1000, [newer]: 999, [present]: 1000 } });
  await keeper.check();
  assert.deepEqual(left(), [newer, present, 'notes.txt']);
  assert.equal(keeper.blocked, false, 'a thousand bytes were needed, and a thousand came free');
});

test('when nothing can go, recording is held back, loudly and once, until there is room', async (context) => {
  const { keeper, logger, disk, left } = setUp(context, {});
  await keeper.check();
  await keeper.check();
  assert.equal(keeper.blocked, true);
  assert.equal(left().length, 4);
  assert.equal(logger.lines.filter(({ level }) => level === 'error').length, 1);
  disk.freeBytes = 1500;
  await keeper.check();
  assert.equal(keeper.blocked, true, 'a little room is not enough: it would be full again at once');
  disk.freeBytes = 2_000_000;
  await keeper.check();
  assert.equal(keeper.blocked, false);
  assert.equal(logger.about('there is room').length, 1);
});

test('without a drive the oldest recordings are recorded over', async (context) => {
  const { keeper, left, logger } = setUp(context, { hasDrive: false, freeBytes: 500 });
  await keeper.check();
  assert.deepEqual(left(), [present, 'notes.txt']);
  assert.match(logger.lines[0]?.message ?? '', /no drive is set up/);
});

test('the budget is kept by what is written since the last count, too', async (context) => {
  const { keeper, left } = setUp(context, {
    freeBytes: hourMs,
    budgetBytes: 3500,
    confirmed: { [old]: 1000 },
  });
  await keeper.check();
  assert.equal(left().length, 4);
  keeper.wrote(400);
  await keeper.check();
  assert.equal(left().length, 4);
  keeper.wrote(200);
  await keeper.check();
  // The count found 3000 bytes, for nothing was really written.
  assert.equal(left().length, 4);
  assert.equal(keeper.blocked, false);
});

test('a write that met a full disk makes room whatever the free space is said to be', async (context) => {
  const { keeper, left } = setUp(context, { freeBytes: 1e12, confirmed: { [old]: 1000, [newer]: 1000 } });
  await keeper.check();
  assert.equal(left().length, 4);
  await keeper.met();
  assert.deepEqual(left(), [present, 'notes.txt']);
});

test('a quota that is reached is believed, whatever the disk says, and tried again after a minute', async (context) => {
  const { keeper, clock, disk } = setUp(context, { freeBytes: 1e12 });
  await keeper.met();
  assert.equal(keeper.blocked, true);
  await keeper.check();
  assert.equal(keeper.blocked, true);
  disk.freeBytes += 2_000_000;
  await keeper.check();
  assert.equal(keeper.blocked, false, 'what came free since is ours');
  await keeper.met();
  await clock.pass(60_000);
  await keeper.check();
  assert.equal(keeper.blocked, false);
});

test('the recordings of a camera that joins are recorded over as well', async (context) => {
  const { keeper, directory } = setUp(context, { hasDrive: false });
  const localDirectory = path.join(directory, 'back');
  mkdirSync(localDirectory);
  const oldest = path.join(localDirectory, 'rec-20270113T080000Z-3600s.encrocam');
  writeFileSync(oldest, Buffer.alloc(5000));
  await keeper.check();
  assert.equal(existsSync(oldest), true);
  keeper.add([{ name: 'back', localDirectory, driveDirectory: 'back' } as Camera]);
  await keeper.check();
  assert.equal(existsSync(oldest), false);
});
