/** From recording while locked to recording unlocked, without a pause; and what the next locked start will record by. */
import { access } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Camera, type LoadedConfig, loadConfig } from '../config/load.ts';
import { messageOf } from '../errors.ts';
import {
  isPublic,
  judgePublicHalf,
  type LockedSettings,
  lacksPublicOwner,
  type PublicKeys,
  publicHalfOf,
  renewPublicHalf,
  textOf,
  type Verdict,
} from '../locked/public-half.ts';
import type { Logger } from '../log.ts';
import type { CameraAuthority } from './authority.ts';
import { OwnerKeyRing } from './owner-key-ring.ts';
import type { PreparedCamera, Recorder } from './recorder.ts';
import { Sealer } from './seal-child.ts';

/** How often it is looked whether the camera was unlocked. */
const lookEveryMs = 500;
/** Before a configuration that cannot be used is tried again. */
const retryMs = 10_000;
/** Beside the configuration, on the volume that is closed while the camera is locked. */
const sealedDirectoryName = 'state';

/** What `seal-key` belongs to: `encrocam` itself. */
export function program(): string {
  return process.argv[1] ?? '';
}

/** @returns `undefined` where all owners have OpenPGP keys. */
export async function openOwnerKeys({ owner }: LoadedConfig): Promise<OwnerKeyRing | undefined> {
  return owner.symmetricKeys === undefined ? undefined : OwnerKeyRing.open(owner.symmetricKeys);
}

export function lockedSealer({ half }: LockedSettings): Sealer {
  return new Sealer({ ownerKeyBytes: half.ownerKeys, camera: half.camera }, program());
}

interface Place {
  readonly configFile: string;
  readonly publicFile: string;
}

/** Writes the public half for the next start, and says so if it was not as this camera left it. */
export async function keepPublicHalf({
  config,
  keys,
  logger,
  ...place
}: Place & { config: LoadedConfig; keys: PublicKeys; logger: Logger }): Promise<void> {
  if (lacksPublicOwner(config)) {
    logger.info(
      'while it is locked this camera records nothing: its owner has no OpenPGP key, and other keys would lie in the open',
    );
  }
  try {
    const next = nextText(config, keys);
    tell(await renewPublicHalf(...filesOf(place), undefined, next), logger, false);
  } catch (error) {
    tellOfNone(error, logger);
  }
}

function tellOfNone(error: unknown, logger: Logger): void {
  logger.warn(
    'while locked this camera will not record as it is set up now: its public settings cannot be kept',
    {
      cause: messageOf(error),
    },
  );
}

export interface UnlockingOptions extends Place {
  readonly settings: LockedSettings;
  readonly authority: CameraAuthority;
  readonly recorder: Pick<Recorder, 'add' | 'stop' | 'unlocked'>;
  readonly prepare: (cameras: readonly Camera[]) => Promise<PreparedCamera[]>;
  /** Whether a camera of the configuration is to be recorded by this process. */
  readonly isWanted: (camera: Camera) => boolean;
  /** Called when the keys of an owner without OpenPGP are there. */
  readonly onOwnerKeys: (keys: OwnerKeyRing) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Waits until there is a configuration, and goes on by it: the same ffmpegs, runs that the camera signs, and certificates
 * for those before. Where the settings are other ones now, it ends the recorder in order, to be started again. Never rejects.
 */
export async function goOnUnlocked(options: UnlockingOptions): Promise<void> {
  const { configFile, logger, signal } = options;
  try {
    for (;;) {
      while (!(await isThere(configFile))) await pause(lookEveryMs, undefined, { signal, ref: false });
      try {
        return await unlocked(options);
      } catch (error) {
        logger.error('unlocked, but the configuration cannot be used: recording goes on as while locked', {
          cause: messageOf(error),
        });
        await pause(retryMs, undefined, { signal, ref: false });
      }
    }
  } catch (error) {
    if (!signal.aborted) logger.error('waiting for the unlocking failed', { cause: messageOf(error) });
  }
}

async function unlocked(options: UnlockingOptions): Promise<void> {
  const { configFile, settings, authority, recorder, prepare, isWanted, onOwnerKeys, logger, signal } =
    options;
  const config = await loadConfig(configFile);
  const sealer = new Sealer({ ownerKeys: config.owner.keys, signingKey: config.signing.key }, program());
  const next = nextText(config, await sealer.prepare());
  const ownerKeys = await openOwnerKeys(config);
  const verdict = await judgePublicHalf(...filesOf(options), settings.text, next);
  tell(verdict, logger, true);
  if (signal.aborted) sealer.close();
  signal.throwIfAborted();
  authority.unlock(sealer, { certifies: verdict !== 'tampered', ownerKeys });
  if (ownerKeys) onOwnerKeys(ownerKeys);
  recorder.unlocked(config.cameras);
  // A card that takes no file is no reason to go on without signing.
  await renewPublicHalf(...filesOf(options), settings.text, next).catch((error: unknown) =>
    tellOfNone(error, logger),
  );
  if (next !== settings.text) {
    logger.info('the settings are other ones than while locked: starting again');
    recorder.stop();
    return;
  }
  logger.info('unlocked: the camera signs from here on');
  recorder.add(await prepare(config.cameras.filter((one) => !isPublic(one) && isWanted(one))));
}

function nextText(config: LoadedConfig, keys: PublicKeys): string | undefined {
  const half = publicHalfOf(config, keys);
  return half && textOf(half);
}

/** The public half, and where on the config volume it is known by. */
function filesOf(place: Place): [file: string, sealedDirectory: string] {
  return [place.publicFile, path.join(path.dirname(place.configFile), sealedDirectoryName)];
}

function tell(verdict: Verdict, logger: Logger, hasRecorded: boolean): void {
  if (verdict !== 'tampered') return;
  logger.error(
    'SOMEBODY CHANGED THE PUBLIC SETTINGS OF THIS CAMERA WHILE IT WAS LOCKED' +
      (hasRecorded ? ': what it recorded while locked may be for other eyes, and is not certified' : ''),
  );
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
