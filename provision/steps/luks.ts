/**
 * LUKS2 by cryptsetup: make, test, open, close, and key slots. Passphrases reach cryptsetup on its standard input,
 * byte for byte as given. It knows nothing of file systems and marks: that is `volume.ts`.
 */
import { EncroCamError } from '../../runtime/errors.ts';
import { mapperName } from '../place.ts';
import type { System } from '../system.ts';
import { chooseCipher } from './cipher.ts';

/** Slot 0 is the passphrase's, slot 1 the recovery key's, slot 2 (`volume-step.ts`) a tang server's. */
export const passphraseSlot = 0;
export const recoverySlot = 1;

/** cryptsetup(8), RETURN CODES: 2 is "no permission (bad passphrase)". */
const badPassphrase = 2;
/** Argon2 on a slow board with little memory: far beyond what was measured, so that it only ends what hangs. */
const cryptsetupTimeoutMs = 180_000;

export interface KeyDerivation {
  readonly memoryKib: number;
  readonly threads: number;
  /** What the derivation shall take on this machine; cryptsetup measures and sets the rounds. */
  readonly timeMs: number;
}

const minMemoryKib = 64 * 1024;
const maxMemoryKib = 1024 * 1024;
/** Below this Argon2 is not worth its name; a machine with less than twice that cannot encode video either. */
const leastMemoryKib = 32 * 1024;

/**
 * Argon2id's cost for this machine: at most half of the memory that is free now and a third of all, so that
 * unlocking never fails for want of memory; at least 64 MiB where that fits into half of what is free.
 */
export function keyDerivationFor(meminfo: string, processors: number): KeyDerivation {
  const total = memoryKib(meminfo, 'MemTotal');
  const available = Math.min(memoryKib(meminfo, 'MemAvailable') || total, total);
  const half = Math.floor(available / 2);
  const wanted = Math.min(half, Math.max(Math.floor(total / 3), minMemoryKib), maxMemoryKib);
  return {
    memoryKib: Math.max(wanted, leastMemoryKib),
    threads: Math.min(4, Math.max(1, processors)),
    timeMs: 2000,
  };
}

function memoryKib(meminfo: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0);
}

/** Makes a volume anew: whatever was there is lost. */
export async function formatVolume(system: System, volume: string, passphrase: string): Promise<void> {
  const { memoryKib, threads, timeMs } = keyDerivationFor(
    (await system.readText('/proc/meminfo')) ?? '',
    await processorCount(system),
  );
  const cipher = await chooseCipher(system);
  await cryptsetup(
    system,
    [
      ['luksFormat', '--batch-mode', '--type', 'luks2'],
      ['--cipher', cipher.name, '--key-size', String(cipher.keyBits)],
      ['--pbkdf', 'argon2id', '--pbkdf-memory', String(memoryKib)],
      ['--pbkdf-parallel', String(threads), '--iter-time', String(timeMs)],
      ['--key-slot', String(passphraseSlot), '--key-file', '-', volume],
    ].flat(),
    passphrase,
  );
}

/** The UUID in a valid LUKS2 header; `undefined` where there is none (nothing yet, or half written). */
export async function volumeUuid(system: System, volume: string): Promise<string | undefined> {
  const header = await cryptsetup(system, ['isLuks', '--type', 'luks2', volume], '', [0, 1, 4]);
  if (header.exitCode !== 0) return undefined;
  const { output } = await cryptsetup(system, ['luksUUID', volume]);
  return output.trim() || undefined;
}

export async function opensWith(system: System, volume: string, passphrase: string): Promise<boolean> {
  const { exitCode } = await cryptsetup(
    system,
    ['open', '--type', 'luks2', '--test-passphrase', '--key-file', '-', volume],
    passphrase,
    [0, badPassphrase],
  );
  return exitCode === 0;
}

/** Opens the mapping. @returns whether the passphrase was right. */
export async function openMapping(system: System, volume: string, passphrase: string): Promise<boolean> {
  const { exitCode } = await cryptsetup(
    system,
    ['open', '--type', 'luks2', '--key-file', '-', volume, mapperName],
    passphrase,
    [0, badPassphrase],
  );
  return exitCode === 0;
}

export async function closeMapping(system: System): Promise<void> {
  await cryptsetup(system, ['close', mapperName]);
}

/**
 * Puts `recoveryKey` into its slot, in place of one that was there. It has 128 random bits, so its slot needs no
 * slow derivation: a wrong passphrase is refused no slower for it.
 * @throws {EncroCamError} `PASSPHRASE_WRONG`
 */
export async function setRecoverySlot(
  system: System,
  volume: string,
  passphrase: string,
  recoveryKey: string,
): Promise<void> {
  if (!(await opensWith(system, volume, passphrase))) throw wrongPassphrase();
  if (await hasSlot(system, volume, recoverySlot)) {
    await cryptsetup(
      system,
      ['luksKillSlot', '--batch-mode', '--key-file', '-', volume, String(recoverySlot)],
      passphrase,
    );
  }
  // Both keys come on standard input, one after the other: cryptsetup takes as many bytes of it as it is told.
  await cryptsetup(
    system,
    [
      ['luksAddKey', '--batch-mode', '--key-slot', String(recoverySlot)],
      ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'],
      ['--key-file', '-', '--keyfile-size', String(Buffer.byteLength(passphrase))],
      ['--new-keyfile-size', String(Buffer.byteLength(recoveryKey)), volume, '-'],
    ].flat(),
    passphrase + recoveryKey,
  );
}

export async function hasSlot(system: System, volume: string, slot: number): Promise<boolean> {
  const { output } = await cryptsetup(system, ['luksDump', '--dump-json-metadata', volume]);
  const { keyslots } = JSON.parse(output) as { keyslots?: Record<string, unknown> };
  return keyslots !== undefined && String(slot) in keyslots;
}

export function wrongPassphrase(): EncroCamError {
  return new EncroCamError('PASSPHRASE_WRONG', 'That passphrase does not open the config volume.', {
    hint: 'Capital letters and the keyboard layout count. The recovery key opens it too.',
  });
}

/** Destroys all key slots, and with them every way into the volume; one that is already without any stays so. */
export async function eraseSlots(system: System, volume: string): Promise<void> {
  await cryptsetup(system, ['erase', '--batch-mode', volume]);
}

async function cryptsetup(
  system: System,
  args: readonly string[],
  input = '',
  exitCodes: readonly number[] = [0],
): ReturnType<System['run']> {
  return system.run('cryptsetup', args, { input, exitCodes, timeoutMs: cryptsetupTimeoutMs });
}

async function processorCount(system: System): Promise<number> {
  return Number((await system.run('nproc', [])).output.trim()) || 1;
}
