/**
 * The disk that this system was started from, with its partitions. Partitions are looked up by name on that disk
 * alone: a stick or a second card with the same names must never be taken for it.
 */
import { EncroCamError } from '../runtime/errors.ts';
import type { System } from './system.ts';

export interface Disk {
  /** `/dev/mmcblk0`, `/dev/vda`, … */
  readonly path: string;
  readonly partitions: readonly Partition[];
}

export interface Partition {
  readonly path: string;
  /** The name in the GPT; empty if it has none. */
  readonly name: string;
  /** Its number in the partition table, from 1. */
  readonly number: number;
}

interface LsblkDevice {
  /** With `--paths`, the device's path. */
  name?: unknown;
  /** The disk that a partition is on. */
  pkname?: unknown;
  type?: unknown;
  partlabel?: unknown;
}

/** @throws {EncroCamError} `SYSTEM_UNSUITABLE` if `/` does not lie on a partition of a disk. */
export async function findCardDisk(system: System): Promise<Disk> {
  const source = (await system.run('findmnt', ['--noheadings', '--output', 'SOURCE', '/'])).output.trim();
  const { output } = await system.run('lsblk', [
    ...['--json', '--list', '--paths', '--output', 'NAME,PKNAME,TYPE,PARTLABEL'],
  ]);
  const disk = parseLsblk(output).find(({ partitions }) => partitions.some(({ path }) => path === source));
  if (disk) return disk;
  throw new EncroCamError(
    'SYSTEM_UNSUITABLE',
    `The root file system (${source}) is not a partition of a disk.`,
    {
      hint: 'This is not an EncroCam card. On a system that exists, run: encrocam install',
    },
  );
}

export function partitionNamed(disk: Disk, name: string): Partition | undefined {
  return disk.partitions.find((partition) => partition.name === name);
}

/** From a flat list: whether lsblk nests partitions below their disk depends on its version and columns. */
export function parseLsblk(json: string): Disk[] {
  const { blockdevices = [] } = JSON.parse(json) as { blockdevices?: LsblkDevice[] };
  return blockdevices
    .filter(({ type }) => type === 'disk' || type === 'loop')
    .map((disk) => ({
      path: String(disk.name),
      partitions: blockdevices
        .filter(({ type, pkname }) => type === 'part' && pkname === disk.name)
        .map(({ name, partlabel }) => ({
          path: String(name),
          name: typeof partlabel === 'string' ? partlabel : '',
          number: Number(/(\d+)$/.exec(String(name))?.[1] ?? 0),
        })),
    }));
}
