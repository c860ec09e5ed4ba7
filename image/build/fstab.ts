/** What the running system mounts, and which modules may be needed before that: texts, no files. */
import type { Base, Exclusion, ImageDescription } from '../types.ts';

export function fstabText(image: ImageDescription): string {
  const lines = image.partitions.flatMap(({ label, format, mount, options }) => {
    if (mount === undefined || format === 'empty') return [];
    const type = format === 'fat32' ? 'vfat' : format;
    return [`PARTLABEL=${label} ${mount} ${type} ${options ?? 'defaults'} 0 ${mount === '/' ? 1 : 2}`];
  });
  return [
    '# Written from image/image.json. Everything else that is mounted is a unit of its own.',
    ...lines,
    // What is written there must not wear out the card, nor outlive a reboot.
    'tmpfs /tmp tmpfs nosuid,nodev,mode=1777,size=25% 0 0',
    '',
  ].join('\n');
}

/**
 * A hook of initramfs-tools that takes the modules along, whatever of them this kernel has as files. They are loaded
 * by the hardware that is there: the file `modules` of initramfs-tools would load them all, at each start.
 */
export function initramfsHook(modules: readonly string[]): string {
  return [
    '#!/bin/sh',
    '# Written from image/image.json.',
    '[ "$1" = prereqs ] && exit 0',
    '. /usr/share/initramfs-tools/hook-functions',
    `manual_add_modules ${modules.join(' ')}`,
    '',
  ].join('\n');
}

/** dpkg's options that leave out what does not go on the card, for its command line or its configuration. */
export function exclusionOptions(image: ImageDescription, base: Base): string[] {
  return allExclusions(image, base).flatMap(({ paths, except }) => [
    ...paths.map((pattern) => `path-exclude=${pattern}`),
    ...(except ?? []).map((pattern) => `path-include=${pattern}`),
  ]);
}

export function allExclusions(image: ImageDescription, base: Base): readonly Exclusion[] {
  return [...image.exclude, ...base.exclude];
}
