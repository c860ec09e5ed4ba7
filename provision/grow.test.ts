import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { EncroCamError } from '../runtime/errors.ts';
import { silentLogger } from '../runtime/log.ts';
import { readBackupSector } from './gpt.ts';
import { growCard, planGrowth, type TableLayout } from './grow.ts';
import { paths } from './place.ts';
import { runProgram } from './run-program.ts';
import { createSystem, type Runner, type System } from './system.ts';

const execute = promisify(execFile);
const mebibyte = 1024 * 1024;
const table = `label: gpt
first-lba: 16384
name=boot, start=16384, size=32768
name=root, start=49152, size=32768
name=config, start=81920, size=32768
name=recordings, start=114688, size=65536
`;
const recordings = { start: 114688, sectors: 65536 };
const smallBytes = 96 * mebibyte;
const largeBytes = 192 * mebibyte;

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-grow-'));
});
after(() => rm(directory, { recursive: true }));

/** A card in a file, with a real file system where the recordings are. */
async function makeCard(name: string): Promise<string> {
  const file = path.join(directory, name);
  await writeFile(file, '');
  await truncate(file, smallBytes);
  await runProgram('sfdisk', ['--quiet', file], { input: table });
  const offset = String(recordings.start * 512);
  await runProgram('mke2fs', [
    '-q',
    '-t',
    'ext4',
    '-E',
    `offset=${offset}`,
    file,
    `${recordings.sectors / 2}k`,
  ]);
  return file;
}

/** The real sfdisk on the file; what needs a kernel with the device is scripted. */
function systemFor(card: string, calls: string[] = []): System {
  const nodes = ['boot', 'root', 'config', 'recordings'].map((partlabel, index) => ({
    name: `${card}${index + 1}`,
    pkname: card,
    type: 'part',
    partlabel,
  }));
  const run: Runner = async (program, args, options) => {
    calls.push([program, ...args].join(' '));
    const answer = (output: string) => ({ exitCode: 0, output, errors: '' });
    switch (program) {
      case 'findmnt':
        return answer(`${card}2\n`);
      case 'lsblk':
        return answer(JSON.stringify({ blockdevices: [{ name: card, type: 'disk' }, ...nodes] }));
      case 'blockdev':
        return answer(`${(await stat(card)).size}\n`);
      case 'udevadm':
        return answer('');
      case 'flock':
        return runProgram(
          program,
          args.map((word) => word.replace('partx', 'true')),
          options,
        );
      case 'resize2fs':
        return { exitCode: 0, output: '', errors: 'The filesystem is already that long. Nothing to do!\n' };
      default:
        return runProgram(program, args, options);
    }
  };
  const system = createSystem({ run });
  return {
    ...system,
    readText: async (file) =>
      file === '/proc/self/mounts' ? `${card}4 ${paths.recordings} ext4 rw 0 0\n` : system.readText(file),
  };
}

async function lastPartition(card: string): Promise<{ start: number; size: number }> {
  const { stdout } = await execute('sfdisk', ['--json', card]);
  return JSON.parse(stdout).partitiontable.partitions.at(-1);
}

/** Everything before the recordings' end, apart from the table: nothing of it may change. */
async function content(card: string): Promise<Buffer> {
  return (await readFile(card)).subarray(34 * 512, (recordings.start + recordings.sectors) * 512);
}

async function assertGrown(card: string): Promise<void> {
  const { start, size } = await lastPartition(card);
  assert.equal(start, recordings.start);
  const free = largeBytes / 512 - (start + size);
  assert.ok(free >= 33 && free <= 33 + 16384, `${free} sectors are left`);
  assert.equal(await readBackupSector(card, 512), largeBytes / 512 - 1);
  const { stdout } = await execute('sfdisk', ['--verify', card]);
  assert.match(stdout, /No errors detected/);
}

test('on a larger card the recordings reach its end, and nothing in the file systems changes', async () => {
  const card = await makeCard('larger.img');
  const before = await content(card);
  await truncate(card, largeBytes);
  await growCard(systemFor(card), silentLogger);
  await assertGrown(card);
  assert.ok(before.equals(await content(card)));
});

test('a card that is grown is only looked at', async () => {
  const card = await makeCard('again.img');
  await truncate(card, largeBytes);
  await growCard(systemFor(card), silentLogger);
  const before = await readFile(card);
  const calls: string[] = [];
  await growCard(systemFor(card, calls), silentLogger);
  assert.ok(before.equals(await readFile(card)));
  assert.ok(!calls.some((call) => call.startsWith('flock')), calls.join('\n'));
  assert.ok(
    calls.some((call) => call.startsWith('resize2fs')),
    'a file system that did not grow with it is noticed',
  );
});

test('a file system that does not grow at once is tried again', async () => {
  const card = await makeCard('retry.img');
  let tries = 0;
  const base = systemFor(card);
  const run: Runner = async (program, args, options) => {
    if (program === 'resize2fs' && ++tries === 1) {
      throw new EncroCamError('PROGRAM_FAILED', "Please run 'e2fsck -f' first.");
    }
    return base.run(program, args, options);
  };
  await growCard({ ...base, run }, silentLogger);
  assert.equal(tries, 2);
});

test('power that is cut after any sector of the new table leads to a grown card at the next start', async () => {
  const original = await makeCard('cut-original.img');
  await truncate(original, largeBytes);
  const grown = path.join(directory, 'cut-grown.img');
  await copyFile(original, grown);
  // What sfdisk writes, command by command: the states in between are what a power cut can leave.
  const states: string[] = [];
  const base = systemFor(grown);
  await growCard(
    {
      ...base,
      run: async (program, args, options) => {
        const result = await base.run(program, args, options);
        if (program === 'flock') {
          const state = path.join(directory, `cut-state-${states.length}.img`);
          await copyFile(grown, state);
          states.push(state);
        }
        return result;
      },
    },
    silentLogger,
  );
  assert.equal(states.length, 2);

  let from = original;
  let cuts = 0;
  for (const to of states) {
    for (const changed of changedSectors(await readFile(from), await readFile(to))) {
      const card = path.join(directory, 'cut-card.img');
      await copyFile(from, card);
      await applySectors(card, to, changed);
      await growCard(systemFor(card), silentLogger);
      await assertGrown(card);
      cuts++;
    }
    from = to;
  }
  assert.ok(cuts >= 6, `only ${cuts} places to cut at`);
});

/**
 * Sets of sectors written so far, for each moment. libfdisk writes the backup's entries and header first, then the
 * entries and the header at the beginning, then the protective MBR.
 */
function changedSectors(from: Buffer, to: Buffer): number[][] {
  const changed: number[] = [];
  for (let sector = 0; sector < to.length / 512; sector++) {
    const range = [sector * 512, (sector + 1) * 512] as const;
    if (!from.subarray(...range).equals(to.subarray(...range))) changed.push(sector);
  }
  const middle = to.length / 1024;
  const backup = changed.filter((sector) => sector > middle);
  const entries = changed.filter((sector) => sector >= 2 && sector <= middle);
  const order = [...backup, ...entries, ...changed.filter((s) => s === 1), ...changed.filter((s) => s === 0)];
  return order.map((_, count) => order.slice(0, count + 1));
}

async function applySectors(card: string, source: string, sectors: readonly number[]): Promise<void> {
  const from = await open(source, 'r');
  const to = await open(card, 'r+');
  const buffer = Buffer.alloc(512);
  for (const sector of sectors) {
    await from.read(buffer, 0, 512, sector * 512);
    await to.write(buffer, 0, 512, sector * 512);
  }
  await from.close();
  await to.close();
}

test('a partition that is not the last one is never grown over its neighbour', () => {
  const layout: TableLayout = {
    sectorBytes: 512,
    diskSectors: 1_000_000,
    backupSector: 999_999,
    partitions: [
      { node: 'r', start: 16384, size: 16384 },
      { node: 'other', start: 65536, size: 16384 },
    ],
  };
  assert.equal(planGrowth(layout, 'r').action, 'none');
});

test('sectors of 4096 bytes are counted as such', () => {
  const layout: TableLayout = {
    sectorBytes: 4096,
    diskSectors: 1_000_000,
    backupSector: 999_999,
    partitions: [{ node: 'r', start: 2048, size: 2048 }],
  };
  const plan = planGrowth(layout, 'r');
  assert.ok(plan.action === 'grow' && !plan.rewrite && plan.gainBytes % (8 * mebibyte) === 0);
});
