/** Ubuntu's packages that are asked for, as far as the build can tell them from the real ones. */
import { gzipSync } from 'node:zlib';
import type { TinyPackage } from './archive.ts';

export const release = '6.8.0-1099-raspi';

/** An initramfs without content: one cpio trailer. */
function emptyInitramfs(): string {
  const name = 'TRAILER!!!';
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  const header = `070701${[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length + 1, 0].map(hex).join('')}`;
  return `${header}${name}\0`.padEnd(124, '\0');
}

/** The beginning of an uncompressed arm64 kernel, which Ubuntu ships compressed. */
export function kernelStart(): Buffer {
  const kernel = Buffer.alloc(4096);
  kernel.write('MZ', 0, 'latin1');
  kernel.write('ARM\x64', 0x38, 'latin1');
  return kernel;
}

const record = (name: string): string => `#!/bin/sh\necho "${name} $*" >>/var/lib/calls\n`;

/** Packages that do something in the build. */
const special: readonly TinyPackage[] = [
  {
    name: 'initramfs-tools',
    files: {
      '/usr/share/initramfs-tools/empty': emptyInitramfs(),
      '/usr/sbin/update-initramfs': '#!/bin/sh\ncp /usr/share/initramfs-tools/empty "/boot/initrd.img-$3"\n',
    },
  },
  {
    name: 'systemd-sysv',
    component: 'main',
    files: {
      '/usr/bin/systemctl': record('systemctl'),
      '/usr/bin/systemd-sysusers': record('systemd-sysusers'),
      '/usr/lib/systemd/system/ssh.service': '[Unit]\n',
    },
  },
  {
    name: 'openssh-server',
    files: { '/usr/bin/ssh-keygen': record('ssh-keygen') },
    scripts: { postinst: '#!/bin/sh\nssh-keygen -A\n' },
  },
  {
    name: 'linux-image-raspi',
    component: 'restricted',
    architecture: 'arm64',
    depends: `linux-image-${release}`,
  },
  {
    name: `linux-image-${release}`,
    architecture: 'arm64',
    depends: `linux-modules-${release}`,
    files: { [`/boot/vmlinuz-${release}`]: gzipSync(kernelStart()) },
    // As a real kernel's script: it wants the tool of another package to be unpacked.
    scripts: {
      preinst: '#!/bin/sh\ntest -x /usr/sbin/update-initramfs\n',
      postinst: `#!/bin/sh\nupdate-initramfs -c -k ${release}\n`,
    },
  },
  {
    name: `linux-modules-${release}`,
    architecture: 'arm64',
    files: {
      [`/usr/lib/modules/${release}/kernel/fs/ext4/ext4.ko.zst`]: 'module',
      [`/usr/lib/firmware/${release}/device-tree/broadcom/bcm2711-rpi-4-b.dtb`]: 'pi 4',
      [`/usr/lib/firmware/${release}/device-tree/broadcom/bcm2712-rpi-5-b.dtb`]: 'pi 5',
      [`/usr/lib/firmware/${release}/device-tree/overlays/disable-bt.dtbo`]: 'overlay',
    },
  },
  {
    name: 'linux-firmware-raspi',
    component: 'multiverse',
    files: {
      '/usr/lib/linux-firmware-raspi/start4.elf': 'start',
      '/usr/lib/linux-firmware-raspi/fixup4.dat': 'fixup',
    },
  },
  {
    name: 'systemd-boot-efi',
    component: 'universe',
    files: { '/usr/lib/systemd/boot/efi/systemd-bootaa64.efi': 'loader' },
  },
  { name: 'ffmpeg', component: 'universe', version: '6.1', files: { '/usr/bin/ffmpeg': '#!/bin/sh\n' } },
  {
    name: 'ffmpeg',
    component: 'universe',
    version: '6.1.1',
    pocket: 'noble-updates',
    files: { '/usr/bin/ffmpeg': '#!/bin/sh\n', '/usr/share/man/man1/ffmpeg.1.gz': 'manual' },
  },
  { name: 'sudo', version: '1.9', files: { '/usr/bin/sudo': '#!/bin/sh\n' } },
  {
    name: 'sudo',
    version: '1.9-1security',
    pocket: 'noble-security',
    files: { '/usr/bin/sudo': '#!/bin/sh\n', '/usr/share/doc/sudo/copyright': 'ISC' },
  },
];

/** All packages of these names that the archive does not have otherwise. */
export function tinyPackages(wanted: readonly string[], present: ReadonlySet<string>): TinyPackage[] {
  const known = new Set([...present, ...special.map(({ name }) => name)]);
  return [...special, ...wanted.filter((name) => !known.has(name)).map((name) => ({ name }))];
}
