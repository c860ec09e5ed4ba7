import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptableDisk, type BlockDevice, describeDisk, parseLsblk } from './devices.ts';

/** What lsblk prints on a computer with a system disk, an encrypted one, and cards in two readers. */
const lsblk = JSON.stringify({
  blockdevices: [
    {
      ...disk('sda', 500e9),
      children: [
        part('sda1', 1e9, ['/boot/efi']),
        { ...part('sda2', 499e9, [null]), children: [{ ...part('root', 499e9, ['/']), type: 'crypt' }] },
      ],
    },
    { ...disk('sdb', 32e9), model: 'STORAGE DEVICE  ', tran: 'usb', children: [part('sdb1', 31e9, [null])] },
    { ...disk('sdc', 32e9), children: [part('sdc1', 31e9, ['/media/photos'])] },
    { ...disk('sdd', 32e9), children: [part('sdd1', 31e9, ['[SWAP]'])] },
    {
      ...disk('sde', 32e9),
      children: [
        { ...part('sde1', 31e9, [null]), children: [{ ...part('md0', 31e9, [null]), type: 'raid1' }] },
      ],
    },
    { ...disk('sdf', 32e9), ro: true },
    disk('sdg', 1e9),
    { ...disk('loop0', 5e9), type: 'loop' },
  ],
});

function disk(name: string, size: number): Record<string, unknown> {
  return {
    name,
    path: `/dev/${name}`,
    type: 'disk',
    size,
    ro: false,
    model: null,
    tran: null,
    mountpoints: [null],
  };
}

function part(name: string, size: number, mountpoints: (string | null)[]): Record<string, unknown> {
  return { ...disk(name, size), type: 'part', mountpoints };
}

const devices = parseLsblk(lsblk);
const accept = (path: string): BlockDevice => acceptableDisk(devices, path, 2.7e9);

test('a free card in a reader is accepted, and described as a person sees it', () => {
  assert.equal(describeDisk(accept('/dev/sdb')), '/dev/sdb 32.0 GB STORAGE DEVICE (usb)');
});

for (const [why, path] of [
  ['the system disk, though its root lies behind encryption', '/dev/sda'],
  ['a mounted card', '/dev/sdc'],
  ['a disk that holds swap', '/dev/sdd'],
  ['a disk that an array uses', '/dev/sde'],
  ['a write-protected card', '/dev/sdf'],
  ['a card that is too small', '/dev/sdg'],
  ['a partition', '/dev/sdb1'],
  ['a loop device', '/dev/loop0'],
  ['a path that is no device', '/dev/sdz'],
  ['an empty path', ''],
] as const) {
  test(`${why} is refused`, () => {
    assert.throws(() => accept(path), { name: 'ImageError', code: 'DEVICE_REFUSED' });
  });
}

test('a partition is refused with the name of its disk', () => {
  assert.throws(
    () => accept('/dev/sdb1'),
    (error: { hint?: string }) => error.hint?.includes('/dev/sdb') === true,
  );
});
