/** Which device may be written to: decided from what `lsblk` says, without touching anything. */
import { ImageError } from '../errors.ts';

export interface BlockDevice {
  readonly path: string;
  readonly type: string;
  readonly bytes: number;
  readonly readOnly: boolean;
  readonly model: string;
  readonly bus: string;
  readonly mountPoints: readonly string[];
  readonly children: readonly BlockDevice[];
}

/** The columns that `parseLsblk` reads. NAME makes lsblk's JSON a tree. */
export const lsblkCommand = [
  'lsblk',
  '--json',
  '--bytes',
  '--output',
  'NAME,PATH,TYPE,SIZE,RO,MODEL,TRAN,MOUNTPOINTS',
] as const;

interface RawDevice {
  path?: unknown;
  type?: unknown;
  size?: unknown;
  ro?: unknown;
  model?: unknown;
  tran?: unknown;
  mountpoints?: unknown;
  children?: RawDevice[];
}

export function parseLsblk(text: string): BlockDevice[] {
  const { blockdevices } = JSON.parse(text) as { blockdevices?: RawDevice[] };
  return (blockdevices ?? []).map(deviceOf);
}

function deviceOf(raw: RawDevice): BlockDevice {
  const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');
  const points: unknown[] = Array.isArray(raw.mountpoints) ? raw.mountpoints : [];
  return {
    path: text(raw.path),
    type: text(raw.type),
    bytes: Number(raw.size),
    readOnly: raw.ro === true,
    model: text(raw.model),
    bus: text(raw.tran),
    mountPoints: points.filter((point): point is string => typeof point === 'string'),
    children: (raw.children ?? []).map(deviceOf),
  };
}

/** The disk at `path`, if it may be overwritten with an image of `imageBytes`. */
export function acceptableDisk(
  devices: readonly BlockDevice[],
  path: string,
  imageBytes: number,
): BlockDevice {
  const disk = devices.find((device) => device.path === path);
  if (!disk) {
    const owner = devices.find((device) => withDescendants(device).some((inner) => inner.path === path));
    throw refused(
      owner ? `${path} is a part of ${owner.path}.` : `${path} is no disk of this machine.`,
      owner ? `A card's image takes the whole disk: DEVICE=${owner.path}` : listing(devices),
    );
  }
  if (disk.type !== 'disk') throw refused(`${path} is a ${disk.type}, not a disk.`, listing(devices));
  const inside = withDescendants(disk);
  const mounted = inside.flatMap(({ mountPoints }) => mountPoints);
  if (mounted.includes('/')) {
    throw refused(`${path} is the disk this system runs from.`, listing(devices));
  }
  if (mounted.includes('[SWAP]')) throw refused(`${path} is in use as swap.`, 'Choose another disk.');
  if (mounted.length > 0) {
    throw refused(`${path} is in use: ${mounted.join(', ')}.`, 'Unmount it first, if it is the right one.');
  }
  const holder = inside.find(({ type }) => type !== 'disk' && type !== 'part');
  if (holder) throw refused(`${path} is in use by ${holder.path} (${holder.type}).`, 'Choose another disk.');
  if (disk.readOnly) throw refused(`${path} is read-only.`, 'Cards have a small switch at their side.');
  if (disk.bytes < imageBytes) {
    throw refused(
      `${path} holds ${gigabytes(disk.bytes)}, the image needs ${gigabytes(imageBytes)}.`,
      'Take a larger card.',
    );
  }
  return disk;
}

/** What a person compares with the card in hand. */
export function describeDisk({ path, model, bytes, bus }: BlockDevice): string {
  return [path, gigabytes(bytes), model, bus && `(${bus})`].filter(Boolean).join(' ');
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

function withDescendants(device: BlockDevice): BlockDevice[] {
  return [device, ...device.children.flatMap(withDescendants)];
}

function listing(devices: readonly BlockDevice[]): string {
  const disks = devices.filter(
    ({ type, children, mountPoints }) =>
      type === 'disk' &&
      mountPoints.length === 0 &&
      children.every((child) => child.mountPoints.length === 0),
  );
  if (disks.length === 0) return 'No disk here is free.';
  return `Disks that nothing uses: ${disks.map(describeDisk).join('; ')}`;
}

function refused(message: string, hint: string): ImageError {
  return new ImageError('DEVICE_REFUSED', message, { hint });
}
