/**
 * The config volume: LUKS2 with an ext4 in it, mounted at /etc/encrocam. A volume counts as made once its UUID
 * stands in the mark that is written last; anything else was cut off on the way, holds nothing, and is made anew.
 */
import path from 'node:path';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { mapperDevice, type Place, paths } from '../place.ts';
import { isMounted } from '../state.ts';
import type { System } from '../system.ts';
import {
  closeMapping,
  formatVolume,
  openMapping,
  opensWith,
  setRecoverySlot,
  volumeUuid,
  wrongPassphrase,
} from './luks.ts';
import { parseRecoveryKey } from './recovery-key.ts';

/** Size of the file that stands for the partition on an installed system: 16 MiB of it are LUKS's headers. */
export const volumeFileMegabytes = 64;

export async function isVolumeMade(system: System, place: Place): Promise<boolean> {
  const marked = markedUuid(await system.readText(paths.volumeMark));
  if (marked === undefined || !(await system.exists(place.volume))) return false;
  return (await volumeUuid(system, volumePath(system, place))) === marked;
}

/**
 * Makes the volume, opens and mounts it. What was there is lost: callers ask {@link isVolumeMade} first.
 * Takes some seconds, most of them for Argon2.
 */
export async function makeVolume(system: System, place: Place, passphrase: string): Promise<void> {
  await closeVolume(system);
  await system.remove(paths.volumeMark);
  if (place.kind === 'installed') {
    await system.makeDirectory(path.dirname(place.volume), { mode: 0o755 });
    await system.remove(place.volume);
    await system.write(place.volume, '', { mode: 0o600 });
    await system.run('fallocate', ['--length', `${volumeFileMegabytes}MiB`, system.at(place.volume)]);
  }
  const volume = volumePath(system, place);
  await formatVolume(system, volume, passphrase);
  if (!(await openMapping(system, volume, passphrase))) throw wrongPassphrase();
  await system.run('mkfs.ext4', ['-q', '-F', '-L', 'encrocam-config', mapperDevice]);
  await mountVolume(system);
  // Everything in the file system and below it reaches the disk before the mark says that it is there.
  await system.run('sync', []);
  const uuid = await volumeUuid(system, volume);
  await system.write(paths.volumeMark, `${JSON.stringify({ uuid })}\n`);
}

/**
 * Opens and mounts the volume with its passphrase or recovery key; does nothing more where that was done already.
 * @throws {EncroCamError} `PASSPHRASE_WRONG`, `VOLUME_UNUSABLE`
 */
export async function openVolume(system: System, place: Place, secret: string): Promise<void> {
  const volume = volumePath(system, place);
  if (markedUuid(await system.readText(paths.volumeMark)) === undefined) throw notMade(place);
  // A passphrase may look like a recovery key, so what was typed is tried as it is as well.
  const candidates = new Set([parseRecoveryKey(secret) ?? secret, secret]);
  const isOpen = await system.exists(mapperDevice);
  for (const candidate of candidates) {
    const attempt = isOpen ? opensWith : openMapping;
    // Whether there is a volume at all is asked only now: everybody who unlocks would wait for the answer.
    const right = await attempt(system, volume, candidate).catch(async (error: unknown) => {
      throw (await isVolumeMade(system, place)) ? error : notMade(place, error);
    });
    if (!right) continue;
    await mountOpened(system);
    return;
  }
  throw wrongPassphrase();
}

function notMade(place: Place, cause?: unknown): EncroCamError {
  return new EncroCamError(
    'VOLUME_UNUSABLE',
    `${place.volume} holds no config volume that was made to its end.`,
    {
      hint: 'Its header may be damaged. Set the camera up anew; recordings are not affected.',
      cause,
    },
  );
}

/** Checks and mounts the file system in the open mapping. A failure closes the mapping again: locked is locked. */
export async function mountOpened(system: System): Promise<void> {
  if (await isMounted(system, paths.config)) return;
  try {
    // e2fsck(8): 1 is "errors corrected"; from 4 on they were not.
    await system.run('e2fsck', ['-p', mapperDevice], { exitCodes: [0, 1] });
    await mountVolume(system);
  } catch (error) {
    await closeMapping(system).catch(() => undefined);
    throw new EncroCamError(
      'VOLUME_UNUSABLE',
      `The config volume was opened, but its file system cannot be mounted: ${messageOf(error)}`,
      {
        hint: 'Check it on another computer: cryptsetup open PARTITION config, then e2fsck -f /dev/mapper/config.',
        cause: error,
      },
    );
  }
}

async function mountVolume(system: System): Promise<void> {
  await system.makeDirectory(paths.config, { mode: 0o755 });
  await system.run('mount', [
    ...['-t', 'ext4', '-o', 'noatime,nosuid,nodev,noexec'],
    ...[mapperDevice, system.at(paths.config)],
  ]);
}

/** Unmounts and closes, as far as it was open. */
export async function closeVolume(system: System): Promise<void> {
  if (await isMounted(system, paths.config)) await system.run('umount', [system.at(paths.config)]);
  if (await system.exists(mapperDevice)) await closeMapping(system);
}

/** Adds the recovery key (in its canonical form) as a second way in, replacing an earlier one. */
export async function addRecoveryKey(
  system: System,
  place: Place,
  passphrase: string,
  recoveryKey: string,
): Promise<void> {
  await setRecoverySlot(system, volumePath(system, place), passphrase, recoveryKey);
}

function volumePath(system: System, place: Place): string {
  return place.kind === 'installed' ? system.at(place.volume) : place.volume;
}

function markedUuid(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    const { uuid } = JSON.parse(text) as { uuid?: unknown };
    return typeof uuid === 'string' ? uuid : undefined;
  } catch {
    // Files are replaced as a whole, so this is not ours: as if there were none.
    return undefined;
  }
}
