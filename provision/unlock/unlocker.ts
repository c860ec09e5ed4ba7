/** What the agent does with a passphrase on a real camera: open the volume, mount it, start recording. */
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { publicHalfFile } from '../../runtime/locked/place.ts';
import type { Logger } from '../../runtime/log.ts';
import { ensureMounted } from '../mounts.ts';
import { mapperDevice, type Place, paths } from '../place.ts';
import { isUnlocked, readState } from '../state.ts';
import { makeRecorderPlaces } from '../steps/finish.ts';
import { mountOpened, openVolume } from '../steps/volume.ts';
import type { System } from '../system.ts';
import type { Unlocker } from './agent.ts';

/** Services are of the type that counts as started at once; a job queue that hangs must not hang the agent. */
const startTimeoutMs = 60_000;
const maxReportCharacters = 16 * 1024;
const noRoomWarning =
  'The partition for recordings cannot be mounted: the card may be failing. Recording goes on in what is free beside ' +
  'the system, and to the drive; replace the card.';

export function createUnlocker(system: System, place: Place, logger: Logger): Unlocker {
  return {
    state: () => readState(system),
    async upTimeMs() {
      return Number(((await system.readText('/proc/uptime')) ?? '0').split(' ')[0]) * 1000;
    },
    async recordsLocked() {
      // Empty where the owner does not want it.
      return ((await system.readText(publicHalfFile)) ?? '') !== '';
    },
    async unlock(passphrase) {
      await openVolume(system, place, passphrase);
      return afterUnlocking(system, place, logger);
    },
    async report() {
      if (!(await isUnlocked(system))) return '';
      // 0 all is well, 1 and 2 something is not: the text says what.
      const { output, errors } = await system.run(`${paths.program}/encrocam`, ['status'], {
        exitCodes: [0, 1, 2],
      });
      return (output + errors).slice(0, maxReportCharacters);
    },
  };
}

/**
 * An agent that was killed between opening and mounting: the passphrase was right, so go on from there.
 * Does nothing on a locked camera, and on one that is being provisioned.
 */
export async function resumeUnlocking(system: System, place: Place, logger: Logger): Promise<void> {
  if (!(await system.exists(paths.doneMark)) || !(await system.exists(mapperDevice))) return;
  await mountOpened(system);
  await afterUnlocking(system, place, logger);
}

async function afterUnlocking(system: System, place: Place, logger: Logger): Promise<string | undefined> {
  // A power cut at the very end of provisioning may have left the answers; the configuration holds what counts.
  await system.wipe(paths.secretAnswers);
  // A camera whose card begins to fail still has its drive to record to: it goes on beside the system, and says so.
  const hasRoom = place.kind === 'installed' || (await ensureMounted(system, paths.recordings, logger));
  await makeRecorderPlaces(system).catch((error: unknown) =>
    logger.warn('while locked this camera will not record: there is no place for its settings', {
      reason: messageOf(error),
    }),
  );
  // A file system that was made anew belongs to root. One that cannot be written to is the services' to tell.
  await system
    .makeDirectory(paths.recordings, { mode: 0o750, owner: { user: 'encrocam', group: 'encrocam' } })
    .catch((error: unknown) =>
      logger.warn('the directory for recordings could not be prepared', { reason: messageOf(error) }),
    );
  try {
    await system.run('systemctl', ['start', 'encrocam.target'], { timeoutMs: startTimeoutMs });
    return hasRoom ? undefined : noRoomWarning;
  } catch (error) {
    if (!(error instanceof EncroCamError)) throw error;
    logger.error('unlocked, but the services did not start', { reason: messageOf(error) });
    return `The services did not start: ${messageOf(error)}`;
  }
}
