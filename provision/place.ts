/**
 * Where things are: on a flashed card, or on a system that EncroCam was installed on. See docs/design/card.md.
 */
import path from 'node:path';
import { EncroCamError } from '../runtime/errors.ts';
import { publicHalfFile } from '../runtime/locked/place.ts';
import { findCardDisk, partitionNamed } from './disk.ts';
import type { System } from './system.ts';

export const paths = {
  /** The mounted config volume: configuration, keys, secret answers. */
  config: '/etc/encrocam',
  recordings: '/var/lib/encrocam/recordings',
  /** What a locked camera records by; no secret. */
  locked: path.dirname(publicHalfFile),
  /** On the config volume, what the recorder keeps for itself. */
  recorderState: '/etc/encrocam/state',
  /** Progress of provisioning; never a secret. */
  provision: '/var/lib/encrocam/provision',
  /** The state is `new` without it. */
  doneMark: '/var/lib/encrocam/provision/done',
  /** Everything is in place but the last tidying up. */
  readyMark: '/var/lib/encrocam/provision/ready',
  /** Names the volume that was made completely, by its UUID. */
  volumeMark: '/var/lib/encrocam/provision/volume.json',
  /** Written by `encrocam install`; a card has none. */
  installedMark: '/var/lib/encrocam/provision/installed.json',
  /** Non-secret answers given so far. */
  answers: '/var/lib/encrocam/provision/answers.json',
  /** All answers given so far, on the config volume. */
  secretAnswers: '/etc/encrocam/provision/answers.json',
  program: '/usr/lib/encrocam',
  run: '/run/encrocam',
  agentSocket: '/run/encrocam/agent.sock',
  boot: '/boot/firmware',
} as const;

export const mapperName = 'encrocam-config';
export const mapperDevice = `/dev/mapper/${mapperName}`;

export type Place = CardPlace | InstalledPlace;

interface CommonPlace {
  /** Block device, or file, that is the LUKS volume. */
  readonly volume: string;
}

export interface CardPlace extends CommonPlace {
  readonly kind: 'card';
  /** Where the owner drops files. */
  readonly bootDirectory: string;
}

/** On a system that already ran, network, accounts and consoles are left as they are. */
export interface InstalledPlace extends CommonPlace {
  readonly kind: 'installed';
}

/**
 * @throws {EncroCamError} `SYSTEM_UNSUITABLE` where there is neither an installation nor a card.
 */
export async function findPlace(system: System): Promise<Place> {
  const installed = await system.readText(paths.installedMark);
  if (installed !== undefined) return { kind: 'installed', volume: installedVolume(installed) };
  const disk = await findCardDisk(system);
  const partition = partitionNamed(disk, 'config');
  if (!partition) {
    throw new EncroCamError('SYSTEM_UNSUITABLE', `${disk.path} has no partition named "config".`, {
      hint: 'This is not an EncroCam card. On a system that exists, run: encrocam install',
    });
  }
  return { kind: 'card', volume: partition.path, bootDirectory: paths.boot };
}

/** Where `encrocam install` puts the volume. */
export const defaultVolumeFile = '/var/lib/encrocam/config.luks';

function installedVolume(text: string): string {
  let volume: unknown;
  try {
    volume = (JSON.parse(text) as { volume?: unknown } | null)?.volume;
  } catch {
    volume = undefined;
  }
  if (typeof volume === 'string' && volume.startsWith('/')) return volume;
  throw new EncroCamError('SYSTEM_UNSUITABLE', `${paths.installedMark} does not name the config volume.`, {
    hint: 'Run encrocam install again: it keeps what is there.',
  });
}
