/** What a Raspberry Pi's firmware and an EFI firmware need on the boot partition: checked on the files themselves. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { foreignPrograms, readInitramfs } from '../../image/build/cpio.ts';
import { loadImage } from '../../image/description.ts';
import type { BuiltImage } from './built.ts';

/** Firmware refuses larger ones, or has no memory to place them. */
const maxKernelBytes = 64 << 20;
const maxInitramfsBytes = 64 << 20;

export async function checkBootFiles(directory: string, image: BuiltImage): Promise<void> {
  const text = (name: string): Promise<string> => readFile(`${directory}/${name}`, 'utf8');
  const bytes = (name: string): Promise<Buffer> => readFile(`${directory}/${name}`);

  // config.txt: every line short enough for the firmware, 64 bits, and names that exist.
  const config = await text('config.txt');
  for (const line of config.split('\n')) if (!line.startsWith('#')) assert.ok(line.length <= 98, line);
  assert.match(config, /^arm_64bit=1$/m);
  const kernelName = /^kernel=(\S+)$/m.exec(config)?.[1] ?? '';
  const initramfsName = /^initramfs (\S+) followkernel$/m.exec(config)?.[1] ?? '';
  for (const name of [kernelName, initramfsName]) assert.ok(existsSync(`${directory}/${name}`), name);

  // The kernel: an uncompressed arm64 image that is also a program for EFI.
  const kernel = await bytes(kernelName);
  assert.equal(kernel.subarray(0, 2).toString('latin1'), 'MZ');
  assert.equal(kernel.subarray(0x38, 0x3c).toString('latin1'), 'ARM\x64');
  assert.ok(kernel.length <= maxKernelBytes, `${kernel.length}`);

  // cmdline.txt is one line, and finds the root file system without knowing the device.
  const commandLine = await text('cmdline.txt');
  assert.match(commandLine, /^[^\n]+\n$/);
  assert.match(commandLine, /(^| )root=PARTLABEL=root( |$)/m);
  assert.match(commandLine, /(^| )rootwait( |$)/m);
  assert.match(commandLine, /(^| )console=tty0( |$)/m);

  // Device trees, each for its board.
  for (const [name, board] of [
    ['bcm2711-rpi-4-b.dtb', 'raspberrypi,4-model-b'],
    ['bcm2711-rpi-400.dtb', 'raspberrypi,400'],
    ['bcm2712-rpi-5-b.dtb', 'raspberrypi,5-model-b'],
  ] as const) {
    const tree = await bytes(name);
    assert.equal(tree.subarray(0, 4).toString('hex'), 'd00dfeed', name);
    assert.equal(tree.readUInt32BE(4), tree.length, name);
    assert.ok(tree.includes(board), `${name} is for ${board}`);
  }

  // The Pi 4's second stage and its memory map belong together; the Pi 5 has both in its flash memory.
  const start = await bytes('start4.elf');
  assert.equal(start.subarray(0, 4).toString('latin1'), '\x7fELF');
  assert.ok((await bytes('fixup4.dat')).length > 1000);

  await checkInitramfs(await bytes(initramfsName), image);
  await checkEfi(directory, kernelName, initramfsName);
  await checkFat(image);
}

async function checkInitramfs(content: Buffer, { base }: BuiltImage): Promise<void> {
  assert.ok(content.length <= maxInitramfsBytes, `${content.length}`);
  const entries = readInitramfs(content);
  assert.deepEqual(foreignPrograms(entries), [], 'only programs of the card');
  const names = entries.map(({ name }) => name);
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  assert.ok(names.includes('init'));
  for (const program of [/bin\/modprobe$/, /systemd-udevd$/, /sbin\/fsck\.ext4$/, /bin\/(busybox|sh)$/]) {
    assert.ok(has(program), `${program}`);
  }
  if (base.name !== 'debian-13') return;
  const builtIn = entries.find(({ name }) => name.endsWith('/modules.builtin'))?.content.toString() ?? '';
  // Disks of virtual machines and computers, and the SD cards of the Pi 4, in the words of Debian's kernel.
  for (const module of ['virtio_blk', 'nvme', 'usb-storage', 'mmc_block', 'sdhci-iproc']) {
    const isBuiltIn = builtIn.includes(`/${module}.ko`);
    assert.ok(isBuiltIn || has(new RegExp(`/${module}\\.ko`)), `module ${module}`);
  }
}

async function checkEfi(directory: string, kernel: string, initramfs: string): Promise<void> {
  const loader = await readFile(`${directory}/EFI/BOOT/BOOTAA64.EFI`);
  assert.equal(loader.subarray(0, 2).toString('latin1'), 'MZ');
  const header = loader.readUInt32LE(0x3c);
  assert.equal(loader.subarray(header, header + 4).toString('latin1'), 'PE\0\0');
  assert.equal(loader.readUInt16LE(header + 4), 0xaa64);
  const settings = await readFile(`${directory}/loader/loader.conf`, 'utf8');
  assert.match(settings, /^editor no$/m);
  const name = /^default (\S+)$/m.exec(settings)?.[1] ?? '';
  const entry = await readFile(`${directory}/loader/entries/${name}`, 'utf8');
  assert.match(entry, new RegExp(`^linux /${kernel}$`, 'm'));
  assert.match(entry, new RegExp(`^initrd /${initramfs}$`, 'm'));
  const { kernel: description } = await loadImage();
  for (const word of description.commandLine) assert.ok(entry.includes(word), word);
}

/** The firmware takes a FAT in a GPT for FAT32, whatever it is: it has to be one. */
async function checkFat(image: BuiltImage): Promise<void> {
  const { startBytes, bytes } = image.partition('boot');
  const sector = await image.readBytes(startBytes, 512);
  assert.equal(sector.readUInt16LE(510), 0xaa55);
  assert.equal(sector.subarray(82, 90).toString('latin1'), 'FAT32   ');
  const bytesPerCluster = sector.readUInt16LE(11) * sector.readUInt8(13);
  assert.ok(bytes / bytesPerCluster > 65_525 + 100, 'clusters enough for FAT32');
}
