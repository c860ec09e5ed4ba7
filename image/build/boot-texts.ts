/** The texts on the boot partition that the Raspberry Pi's firmware and the EFI loader read. */
import type { Base, ImageDescription } from '../types.ts';

/** Names on the boot partition. They stay the same when the kernel is upgraded, and so do the texts below. */
export const bootFiles = {
  kernel: 'vmlinuz',
  initramfs: 'initrd.img',
  efiLoader: 'EFI/BOOT/BOOTAA64.EFI',
} as const;

export function configTxt(base: Base): string {
  return [
    '# Read by the firmware of a Raspberry Pi. Settings: https://www.raspberrypi.com/documentation/computers/config_txt.html',
    ...base.boot.configTxt,
    `kernel=${bootFiles.kernel}`,
    `initramfs ${bootFiles.initramfs} followkernel`,
    '',
  ].join('\n');
}

export function cmdlineTxt(image: ImageDescription, base: Base): string {
  return `${[...base.boot.firmwareCommandLine, ...image.kernel.commandLine].join(' ')}\n`;
}

/** Boots at once, without a menu and without a way to change the command line. */
export function loaderConf(): string {
  return 'default encrocam.conf\ntimeout 0\neditor no\n';
}

export function loaderEntry(image: ImageDescription, base: Base): string {
  return [
    `title ${image.title}`,
    `linux /${bootFiles.kernel}`,
    `initrd /${bootFiles.initramfs}`,
    `options ${[...base.boot.uefiCommandLine, ...image.kernel.commandLine].join(' ')}`,
    '',
  ].join('\n');
}

/** Settings of the script that fills the boot partition, here and after every upgrade on the camera. */
export function bootSettings({ boot }: Base): string {
  const words = (name: string, list: readonly string[]): string => `${name}='${list.join(' ')}'`;
  return [
    '# Written from the base in image/bases/. @RELEASE@ stands for the kernel.',
    words('KERNEL', [boot.kernel]),
    words('INITRAMFS', [boot.initramfs]),
    words('EFI_LOADER', [boot.efiLoader]),
    words('DEVICE_TREES', boot.deviceTrees),
    words('FIRMWARE', boot.firmware),
    '',
  ]
    .join('\n')
    .replaceAll('{release}', '@RELEASE@');
}
