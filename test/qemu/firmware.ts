/** UEFI for the machine: Debian's edk2, already of the size of `-M virt`'s flash, with variables as from the shop. */
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { firmwareDirectory } from './qemu.ts';

export interface Firmware {
  /** Read-only. */
  readonly codeFile: string;
  /** This machine's own. */
  readonly variablesFile: string;
}

/** Firmware with fresh variables in `directory`, so that nothing of an earlier boot helps the loader. */
export async function prepareFirmware(directory: string): Promise<Firmware> {
  const from = await firmwareDirectory();
  const variablesFile = path.join(directory, 'variables.fd');
  await copyFile(path.join(from, 'AAVMF_VARS.fd'), variablesFile);
  return { codeFile: path.join(from, 'AAVMF_CODE.fd'), variablesFile };
}
