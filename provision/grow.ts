/**
 * Grows the recordings partition and its file system to the end of the card, at every start; on a card that is grown
 * it does nothing but look. Partition and file system are mounted meanwhile: the kernel takes the new size of a
 * partition in use, and ext4 grows on line through its journal.
 *
 * A power cut: sfdisk writes the backup of the table first and the table itself afterwards, so one of the two is
 * always whole (the kernel is told by `gpt` on its command line to fall back on the backup); writing it again mends
 * the other. A partition that grew
 * while its file system did not is grown at the next start, as the file system is looked at every time.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { type Disk, findCardDisk, type Partition } from './disk.ts';
import { readBackupSector } from './gpt.ts';
import { ensureMounted } from './mounts.ts';
import { paths } from './place.ts';
import type { System } from './system.ts';

/** Partitions end at multiples of this: what is less than it at the end stays free. */
const alignmentBytes = 8 * 1024 * 1024;
const recordingsName = 'recordings';
/** udev and systemd may be busy with a disk that has just changed. */
const growAttempts = 5;
const growRetryMs = 2000;

export interface TableLayout {
  readonly sectorBytes: number;
  readonly diskSectors: number;
  /**
   * Where the table says that its backup is: the last sector of the card it was made for. `undefined` if the table
   * is damaged and only its backup is left.
   */
  readonly backupSector: number | undefined;
  readonly partitions: readonly { readonly node: string; readonly start: number; readonly size: number }[];
}

export type GrowthPlan =
  | { readonly action: 'none'; readonly reason: string }
  | {
      readonly action: 'grow';
      /** The backup is not at the end of the card, or the table itself is damaged. */ readonly rewrite: boolean;
      readonly partition: string;
      readonly gainBytes: number;
    };

/** What to do about the partition table. Pure. */
export function planGrowth(layout: TableLayout, recordings: string): GrowthPlan {
  const partition = layout.partitions.find(({ node }) => node === recordings);
  if (!partition) return { action: 'none', reason: 'the table does not list the recordings partition' };
  const end = partition.start + partition.size;
  if (layout.partitions.some(({ start }) => start >= end)) {
    return { action: 'none', reason: 'the recordings partition is not the last one' };
  }
  // The backup takes 33 sectors at the end: 32 of entries, one of header.
  const usableEnd = layout.diskSectors - 33;
  const alignment = Math.max(1, alignmentBytes / layout.sectorBytes);
  const wantedEnd = Math.floor(usableEnd / alignment) * alignment;
  const rewrite = layout.backupSector !== layout.diskSectors - 1;
  if (wantedEnd <= end && !rewrite) return { action: 'none', reason: 'it reaches the end of the card' };
  return {
    action: 'grow',
    rewrite,
    partition: recordings,
    gainBytes: Math.max(0, wantedEnd - end) * layout.sectorBytes,
  };
}

/** New size of the partition in sectors, for a plan that grows it. */
export function grownSectors(layout: TableLayout, recordings: string): number {
  const partition = layout.partitions.find(({ node }) => node === recordings);
  if (!partition) return 0;
  const alignment = Math.max(1, alignmentBytes / layout.sectorBytes);
  const wantedEnd = Math.floor((layout.diskSectors - 33) / alignment) * alignment;
  return Math.max(partition.size, wantedEnd - partition.start);
}

export async function growCard(system: System, logger: Logger): Promise<void> {
  const disk = await findCardDisk(system);
  const recordings = disk.partitions.find(({ name }) => name === recordingsName);
  if (!recordings) {
    logger.warn('this card has no partition for recordings', { disk: disk.path });
    return;
  }
  await growPartition(system, disk, recordings, logger);
  await growFileSystem(system, recordings, logger);
}

async function growPartition(
  system: System,
  disk: Disk,
  recordings: Partition,
  logger: Logger,
): Promise<void> {
  const layout = await readLayout(system, disk.path);
  const plan = planGrowth(layout, recordings.path);
  if (plan.action === 'none') {
    logger.debug('the partition stays as it is', { reason: plan.reason });
    return;
  }
  // udev does not look at a disk while it is locked. Between the table and what the kernel knows of it, it would find
  // no name for the partition, and systemd would unmount it.
  const locked = (...command: string[]): [string, string[]] => ['flock', [disk.path, ...command]];
  const sfdisk = ['sfdisk', '--no-reread', '--no-tell-kernel', '--force'];
  if (plan.rewrite) await system.run(...locked(...sfdisk, '--relocate', 'gpt-bak-std', disk.path));
  if (plan.gainBytes === 0) return;
  const size = grownSectors(layout, recordings.path);
  // partx tells the kernel about this one partition; the others are in use and do not change.
  const script = `${sfdisk.join(' ')} -N "$2" "$1" && partx --update --nr "$2" "$1"`;
  await system.run(...locked('sh', '-ec', script, 'sh', disk.path, String(recordings.number)), {
    input: `,${size}\n`,
  });
  await system.run('udevadm', ['settle', '--timeout=60'], { exitCodes: [0, 1], timeoutMs: 90_000 });
  logger.info('the recordings partition was grown', {
    partition: recordings.path,
    gainMegabytes: Math.round(plan.gainBytes / 1e6),
  });
}

async function growFileSystem(system: System, recordings: Partition, logger: Logger): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    if (!(await ensureMounted(system, paths.recordings, logger))) {
      // Growing it unmounted would need a full check first.
      logger.warn('the recordings partition is not mounted: its file system was not grown', {
        partition: recordings.path,
      });
      return;
    }
    try {
      const { errors } = await system.run('resize2fs', [recordings.path], { timeoutMs: 240_000 });
      if (!/Nothing to do/.test(errors)) logger.info('the file system of the recordings was grown');
      return;
    } catch (error) {
      // Left small, it would be full within minutes, until the next start.
      if (attempt >= growAttempts) throw error;
      logger.warn('the file system of the recordings did not grow; trying again', {
        reason: messageOf(error),
      });
      await wait(growRetryMs);
    }
  }
}

/** The table as sfdisk reads it, and the place of its backup from the header itself. */
async function readLayout(system: System, disk: string): Promise<TableLayout> {
  const { output } = await system.run('sfdisk', ['--json', disk]);
  const sectors = Number((await system.run('blockdev', ['--getsize64', disk])).output.trim());
  const { partitiontable } = JSON.parse(output) as {
    partitiontable: { sectorsize?: number; partitions?: { node: string; start: number; size: number }[] };
  };
  const sectorBytes = partitiontable.sectorsize ?? 512;
  return {
    sectorBytes,
    diskSectors: Math.floor(sectors / sectorBytes),
    backupSector: await readBackupSector(system.at(disk), sectorBytes),
    partitions: partitiontable.partitions ?? [],
  };
}
