/**
 * What happens at each start of a card before anybody can log in: SSH's host keys are made where they are missing,
 * SSH keys on the boot partition are allowed to unlock, and a new camera is told to set itself up where the owner
 * left an answers file. Nothing of it needs the network, and nothing of it stops the start.
 */
import { messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { ensureMounted } from './mounts.ts';
import { forgetMessage, keptFile } from './pairing/kept.ts';
import { findPlace, paths } from './place.ts';
import { readState } from './state.ts';
import { writeUnlockKeys } from './steps/authorized-keys.ts';
import { answersFile } from './steps/boot-partition.ts';
import { finishPrepared, isPrepared } from './steps/finish.ts';
import { ensureHostKeys } from './steps/host-keys.ts';
import type { System } from './system.ts';

/** There while the unattended set-up is wanted and has not ended: the consoles wait for it. */
export const unattendedMark = `${paths.run}/unattended`;

/** There once the boot partition was looked at in this start, whatever was found. */
export const lookedMark = `${paths.run}/boot-files`;

/** There while the owner's file asks for a reset, which somebody at the console has to confirm. */
export const resetAskedMark = `${paths.run}/reset-asked`;

/** Ends a reset that a power cut interrupted; notes that one is asked for. */
async function takeReset(system: System, logger: Logger): Promise<void> {
  const { resetFile, resumeReset } = await import('./reset/reset.ts');
  const place = await findPlace(system);
  if (place.kind === 'card' && (await resumeReset({ system, place, logger }))) return;
  if (!(await system.exists(`${paths.boot}/${resetFile}`))) return;
  if ((await readState(system)) !== 'new') {
    await system.write(resetAskedMark, '');
    logger.warn('a reset is asked for: it is confirmed at the prompt of the screen or the serial line');
    return;
  }
  // Nothing is set up that somebody would have to vouch for.
  await forgetMessage(system);
  await system.remove(`${paths.boot}/${resetFile}`);
  logger.info('a code that was taken was forgotten, as the boot partition asks for it');
}

/** @returns the parts that failed; each is tried, whatever happened to the others. */
export async function takeBootFiles(system: System, logger: Logger): Promise<string[]> {
  const failed: string[] = [];
  const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
    try {
      await action();
    } catch (error) {
      failed.push(what);
      logger.error(`${what} failed`, { reason: messageOf(error) });
    }
  };
  await ensureMounted(system, paths.boot, logger);
  await attempt('resetting', () => takeReset(system, logger));
  await attempt('making SSH host keys', async () => {
    const made = await ensureHostKeys(system);
    if (made > 0) logger.info('SSH host keys were made', { keys: made });
  });
  await attempt('taking SSH keys', async () => {
    const keys = await writeUnlockKeys(system, paths.boot);
    logger.info('SSH keys that may unlock', { keys });
  });
  await attempt('looking for answers', async () => {
    if (await isPrepared(system)) await finishPrepared(system, await findPlace(system));
    if ((await readState(system)) !== 'new') return;
    // A power cut came between taking a code and being set up by it.
    const wasPaired = await system.exists(keptFile);
    if (!wasPaired && !(await system.exists(`${paths.boot}/${answersFile}`))) return;
    await system.write(unattendedMark, '');
    const by = wasPaired ? 'the pairing code that was taken' : answersFile;
    logger.info('this camera sets itself up', { by });
  });
  await system.write(lookedMark, '');
  return failed;
}
