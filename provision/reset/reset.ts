/**
 * Reset: the camera forgets its owner and is new again. Keys go first and for good, by making the config volume
 * unreadable; what lies outside it follows. A mark that is written before anything and removed after everything makes
 * the next start finish what a power cut left.
 *
 * Two things stay: the nonces of pairing messages, so that an old one does not bring an owner back, and, if the volume
 * is open, the camera's key on the chain, so that the next owner's claim is the transfer of this camera and not the
 * claim of an unknown one.
 */
import path from 'node:path';
import { isEncroCamError, messageOf } from '../../runtime/errors.ts';
import { publicHalfFile } from '../../runtime/locked/place.ts';
import type { Logger } from '../../runtime/log.ts';
import { forgetMessage } from '../pairing/kept.ts';
import { type CardPlace, paths } from '../place.ts';
import { isUnlocked } from '../state.ts';
import { removeAccounts } from '../steps/account.ts';
import { writeUnlockKeys } from '../steps/authorized-keys.ts';
import { clearBootFiles, forgetCameraKey } from '../steps/boot-partition.ts';
import { services } from '../steps/finish.ts';
import { forgetHostKeys } from '../steps/host-keys.ts';
import { eraseSlots } from '../steps/luks.ts';
import { forgetWifi } from '../steps/network.ts';
import { carriedIdentity } from '../steps/paired-owner.ts';
import { closeVolume, isVolumeMade } from '../steps/volume.ts';
import { tangMark } from '../steps/volume-step.ts';
import type { System } from '../system.ts';

/** There while a reset is under way: the next start goes on with it before anything else. */
export const resettingMark = `${paths.provision}/resetting.json`;
/** On the boot partition: whoever can reach the card asks for a reset; somebody at the console has to confirm it. */
export const resetFile = 'encrocam-reset';
/** What earlier owners recorded, out of the new one's way. */
export const earlierRecordings = `${paths.recordings}/earlier`;

export interface ResetOptions {
  readonly system: System;
  readonly place: CardPlace;
  readonly logger: Logger;
  readonly eraseRecordings: boolean;
}

interface Mark {
  readonly eraseRecordings: boolean;
  /** Names the directory that the recordings go to. */
  readonly startedMs: number;
}

/** Everything but the restart, which has to follow: what runs still believes in the owner. */
export async function resetCamera(options: ResetOptions): Promise<void> {
  const { system, eraseRecordings } = options;
  await carryIdentity(options);
  const mark: Mark = { eraseRecordings, startedMs: Date.now() };
  await system.write(resettingMark, JSON.stringify(mark), { mode: 0o600 });
  await erase(options, mark);
}

/** Goes on with a reset that a power cut ended. @returns whether there was one. */
export async function resumeReset(options: Omit<ResetOptions, 'eraseRecordings'>): Promise<boolean> {
  const { system, logger } = options;
  const text = await system.readText(resettingMark);
  if (text === undefined) return false;
  logger.warn('a reset was cut off: it goes on');
  const mark = JSON.parse(text) as Mark;
  await erase({ ...options, eraseRecordings: mark.eraseRecordings }, mark);
  return true;
}

async function erase(options: ResetOptions, mark: Mark): Promise<void> {
  const { system, place, logger } = options;
  // By their names: of what only ends with the target, systemctl does not wait for the end, and it keeps the volume busy.
  await system.run('systemctl', ['stop', 'encrocam.target', ...services]);
  await closeVolume(system);
  // From here on nobody opens it, whatever they know.
  if (await isVolumeMade(system, place)) await eraseSlots(system, place.volume);
  await system.remove(paths.volumeMark);
  await system.remove(publicHalfFile);
  if (await system.exists(tangMark)) {
    await system.run('systemctl', ['disable', 'encrocam-network-unlock.service']);
    await system.remove(tangMark);
  }
  await forgetPeople(options);
  await putRecordingsAside(options, mark).catch((error: unknown) => {
    // A card that fails must not keep its keys for it.
    if (!isEncroCamError(error)) throw error;
    logger.warn('the recordings stay where they are', { reason: messageOf(error) });
  });
  await forgetMessage(system);
  await system.remove(paths.answers);
  await system.remove(paths.readyMark);
  await system.remove(paths.doneMark);
  await clearBootFiles(system, place.bootDirectory);
  await forgetCameraKey(system, place.bootDirectory);
  await system.remove(`${place.bootDirectory}/${resetFile}`);
  await system.run('sync', []);
  await system.remove(resettingMark);
  logger.info('this camera was reset: it has no owner, and no keys');
}

/** Accounts, networks and SSH keys of the owner before. */
async function forgetPeople({ system, place }: ResetOptions): Promise<void> {
  await removeAccounts(system);
  await forgetWifi(system);
  await system.remove(`${paths.provision}/authorized_keys`);
  await system.remove(`${place.bootDirectory}/authorized_keys`);
  await writeUnlockKeys(system, place.bootDirectory);
  // Made anew at the next start.
  await forgetHostKeys(system);
}

/**
 * They are encrypted for the owner before, and signed by a key that is gone: in the new owner's directories they would
 * be uploaded to the wrong drive.
 */
async function putRecordingsAside(
  { system, eraseRecordings }: ResetOptions,
  { startedMs }: Mark,
): Promise<void> {
  if (eraseRecordings) await system.remove(earlierRecordings);
  const time = new Date(startedMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  for (const name of await system.list(paths.recordings)) {
    if (name === path.basename(earlierRecordings) || name === 'lost+found') continue;
    const directory = `${paths.recordings}/${name}`;
    if (eraseRecordings) {
      await system.remove(directory);
      continue;
    }
    await system.makeDirectory(`${earlierRecordings}/${time}`);
    await system.rename(directory, `${earlierRecordings}/${time}/${name}`);
  }
}

/** The camera's key on the chain, if it is a file that can be read now. It waits on the root partition for the next set-up. */
async function carryIdentity({ system, logger }: ResetOptions): Promise<void> {
  if (!(await isUnlocked(system))) {
    logger.warn('the config volume is closed: the key that names this camera on a chain goes with it');
    return;
  }
  const { driver = 'file', key = 'ledger.key' } = identityOf(
    await system.readText(`${paths.config}/config.json`),
  );
  if (driver !== 'file') return;
  const text = await system.readText(path.resolve(paths.config, key));
  if (text !== undefined) await system.write(carriedIdentity, text, { mode: 0o600 });
}

/** A configuration that somebody spoilt must not keep the camera's keys: what it does not say is as usual. */
function identityOf(text = '{}'): { readonly driver?: string; readonly key?: string } {
  try {
    const config = JSON.parse(text) as { ledger?: { identity?: { driver?: string; key?: string } } } | null;
    return config?.ledger?.identity ?? {};
  } catch {
    return {};
  }
}
