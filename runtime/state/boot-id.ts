import { readFile } from 'node:fs/promises';

/** A random number that the kernel draws anew each time the machine starts: random(4). */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}
