/** UEFI for the machine: Debian's edk2, padded to the 64 MiB of `-M virt`'s flash, with variables as from the shop. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, stat, truncate } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

const flashBytes = 64 * 1024 * 1024;
const sources = [
  // Debian and Ubuntu, from the package qemu-efi-aarch64.
  { code: '/usr/share/AAVMF/AAVMF_CODE.fd', variables: '/usr/share/AAVMF/AAVMF_VARS.fd' },
  { code: '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd', variables: undefined },
];

export interface Firmware {
  /** Read-only. */
  readonly codeFile: string;
  /** This machine's own. */
  readonly variablesFile: string;
}

/** Firmware with fresh variables in `directory`, so that nothing of an earlier boot helps the loader. */
export async function prepareFirmware(directory: string): Promise<Firmware> {
  const source = sources.find(({ code }) => existsSync(code));
  if (!source) {
    throw new Error('There is no UEFI for arm64: apt-get install qemu-efi-aarch64, or run ci/setup.sh qemu.');
  }
  const variablesFile = path.join(directory, 'variables.fd');
  if (source.variables !== undefined) await copyFile(source.variables, variablesFile);
  else await copyFile('/dev/null', variablesFile);
  await truncate(variablesFile, flashBytes);
  return { codeFile: await padded(source.code), variablesFile };
}

async function padded(code: string): Promise<string> {
  const { size, mtimeMs } = await stat(code);
  if (size === flashBytes) return code;
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'encrocam', 'qemu');
  const file = path.join(cache, `firmware-${size}-${Math.round(mtimeMs)}.fd`);
  if (existsSync(file)) return file;
  await mkdir(cache, { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await copyFile(code, temporary);
  await truncate(temporary, flashBytes);
  await rename(temporary, file);
  return file;
}
