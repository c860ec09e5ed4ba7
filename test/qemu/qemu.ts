/**
 * QEMU and its UEFI, of one known version whatever the host is: from packages into the cache, run with their own C
 * library, like the tools that shape the image. QEMU 10 boots a card in little more than half the time of QEMU 7.
 */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { gatherTools } from '../../image/build/packages.ts';
import { Runner } from '../../image/build/run.ts';
import { cacheDirectory } from '../../image/build/store.ts';
import type { Tools } from '../../image/build/tools.ts';
import { artifactsDirectory } from './artifacts.ts';

let gathered: Promise<Tools> | undefined;

function tools(): Promise<Tools> {
  gathered ??= gather();
  return gathered;
}

async function gather(): Promise<Tools> {
  await mkdir(artifactsDirectory, { recursive: true });
  const runner = new Runner(path.join(artifactsDirectory, 'tools.log'), {
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C.UTF-8',
  });
  try {
    const description = JSON.parse(readFileSync(path.join(import.meta.dirname, 'qemu.json'), 'utf8'));
    return await gatherTools({ runner, cache: cacheDirectory() }, description);
  } finally {
    await runner.close();
  }
}

/** The words that start QEMU with these arguments. */
export async function qemuCommand(args: readonly string[]): Promise<[string, ...string[]]> {
  const tree = await tools();
  const data = path.join(tree.directory, 'usr/share/qemu');
  const [program = '', ...words] = tree.command('qemu-system-aarch64', '-L', data, ...args);
  // Whatever ends this process ends the machine.
  return ['setpriv', '--pdeathsig', 'KILL', program, ...words];
}

/** Where the package qemu-efi-aarch64 has its firmware. */
export async function firmwareDirectory(): Promise<string> {
  return path.join((await tools()).directory, 'usr/share/AAVMF');
}
