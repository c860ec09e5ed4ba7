/** QEMU and its UEFI, of one known version: QEMU 10 boots a card in little more than half the time of QEMU 7. */
import path from 'node:path';
import { toolsTree } from './tools-tree.ts';

const description = 'qemu.json';

/** The words that start QEMU with these arguments. */
export async function qemuCommand(args: readonly string[]): Promise<[string, ...string[]]> {
  const tree = await toolsTree(description);
  const data = path.join(tree.directory, 'usr/share/qemu');
  const [program = '', ...words] = tree.command('qemu-system-aarch64', '-L', data, ...args);
  // Whatever ends this process ends the machine.
  return ['setpriv', '--pdeathsig', 'KILL', program, ...words];
}

/** Where the package qemu-efi-aarch64 has its firmware. */
export async function firmwareDirectory(): Promise<string> {
  return path.join((await toolsTree(description)).directory, 'usr/share/AAVMF');
}
