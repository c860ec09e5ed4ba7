/** Files that are there whole after a power cut, or not at all. */
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

export const temporarySuffix = '.tmp';

/** Writes a file, or replaces it. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const directory = path.dirname(file);
  const temporary = path.join(directory, `.${path.basename(file)}${temporarySuffix}`);
  try {
    await writeFile(temporary, text, { flush: true });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(directory);
}

/** Makes a directory and its parents where they are missing. */
export async function makeDirectoryDurably(directory: string): Promise<void> {
  if ((await mkdir(directory, { recursive: true })) !== undefined)
    await syncDirectory(path.dirname(directory));
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await handle.sync().finally(() => handle.close());
}
