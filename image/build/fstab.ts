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

/** Of the wanted modules those that this kernel has as files; the rest is built in or unknown to it. */
export function initramfsModules(wanted: readonly string[], moduleFiles: readonly string[]): string[] {
  const name = (file: string): string =>
    (file.split('/').at(-1) ?? '').replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
  const present = new Set(moduleFiles.filter((file) => /\.ko(\.\w+)?$/.test(file)).map(name));
  return wanted.filter((module) => present.has(module.replaceAll('-', '_')));
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
