/**
 * Which cipher the config volume gets: what is faster on this machine. Boards without AES instructions (Raspberry
 * Pi 4) run Adiantum two to three times faster than AES-XTS; with them (Raspberry Pi 5, PCs) AES is far ahead.
 */
import type { System } from '../system.ts';

export interface Cipher {
  /** In dm-crypt's notation. */
  readonly name: string;
  readonly keyBits: number;
}

export const aes: Cipher = { name: 'aes-xts-plain64', keyBits: 512 };
export const adiantum: Cipher = { name: 'xchacha20,aes-adiantum-plain64', keyBits: 256 };

/** A second's measurement each at most; the kernel may have to load its modules first. */
const benchmarkTimeoutMs = 30_000;

/** AES where it is faster, or where Adiantum cannot be measured because this kernel does not have it. */
export async function chooseCipher(system: System): Promise<Cipher> {
  const adiantumSpeed = await measure(system, adiantum);
  if (adiantumSpeed === undefined) return aes;
  const aesSpeed = await measure(system, aes);
  return aesSpeed !== undefined && aesSpeed >= adiantumSpeed ? aes : adiantum;
}

/** MiB/s of decryption in the kernel. */
async function measure(system: System, cipher: Cipher): Promise<number | undefined> {
  const { exitCode, output } = await system.run(
    'cryptsetup',
    ['benchmark', '--cipher', cipher.name, '--key-size', String(cipher.keyBits)],
    // Without the kernel's module there is nothing to measure: any failure means that this cipher is not to be had.
    { exitCodes: [0, 1, 2, 3, 4, 5], timeoutMs: benchmarkTimeoutMs },
  );
  return exitCode === 0 ? parseSpeed(output) : undefined;
}

/** The second figure, decryption, of `aes-xts  512b  2034.1 MiB/s  2046.8 MiB/s`; `N/A` is no figure. */
export function parseSpeed(output: string): number | undefined {
  const match = /\s\d+b\s+[\d.]+ MiB\/s\s+([\d.]+) MiB\/s/.exec(output);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
