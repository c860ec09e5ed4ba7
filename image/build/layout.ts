/** Where partitions lie: arithmetic without files. */
import type { ImageDescription, Partition } from '../types.ts';

export const sectorBytes = 512;
const mebibyte = 1 << 20;
/** At the end of the disk: the backup of the partition table, rounded up generously. */
const tailBytes = mebibyte;

/** What the partition is for, in the GPT's terms. */
export const partitionTypes: Readonly<Record<Partition['type'], string>> = {
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
};

export interface Placed {
  readonly partition: Partition;
  readonly startBytes: number;
  readonly bytes: number;
  readonly uuid: string;
}

export interface Layout {
  readonly totalBytes: number;
  readonly partitions: readonly Placed[];
}

/** One after the other, each at a multiple of the alignment, with the first multiple left to the table. */
export function layoutOf(
  image: Pick<ImageDescription, 'partitions' | 'alignmentMiB'>,
  uuidOf: (label: string) => string,
): Layout {
  const alignment = image.alignmentMiB * mebibyte;
  let next = alignment;
  const partitions = image.partitions.map((partition) => {
    const bytes = partition.sizeMiB * mebibyte;
    const placed = { partition, startBytes: next, bytes, uuid: uuidOf(partition.label) };
    next = Math.ceil((next + bytes) / alignment) * alignment;
    return placed;
  });
  const last = partitions.at(-1);
  return { totalBytes: (last ? last.startBytes + last.bytes : next) + tailBytes, partitions };
}

export function sfdiskScript(layout: Layout, diskUuid: string): string {
  return [
    'label: gpt',
    `label-id: ${diskUuid}`,
    'unit: sectors',
    'first-lba: 34',
    '',
    ...layout.partitions.map(({ partition, startBytes, bytes, uuid }) =>
      [
        `start=${startBytes / sectorBytes}`,
        `size=${bytes / sectorBytes}`,
        `type=${partitionTypes[partition.type]}`,
        `uuid=${uuid}`,
        `name="${partition.label}"`,
      ].join(', '),
    ),
    '',
  ].join('\n');
}
