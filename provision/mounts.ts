/**
 * The card's own mounts are marked "nofail": the start goes on without them, and a card so slow that systemd's patience
 * ran out would stay without its boot partition or its room for recordings until the next start. Whoever needs one
 * asks for it again.
 */
import { EncroCamError, messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { paths } from './place.ts';
import { isMounted } from './state.ts';
import type { System } from './system.ts';

const units = {
  [paths.boot]: 'boot-firmware.mount',
  [paths.recordings]: 'var-lib-encrocam-recordings.mount',
} as const;

/** systemd waits 90 s for a device by itself. */
const mountTimeoutMs = 120_000;

/** @returns whether it is mounted now; why not is in the log. */
export async function ensureMounted(
  system: System,
  directory: keyof typeof units,
  logger: Logger,
): Promise<boolean> {
  if (await isMounted(system, directory)) return true;
  try {
    await system.run('systemctl', ['start', units[directory]], { timeoutMs: mountTimeoutMs });
  } catch (error) {
    if (!(error instanceof EncroCamError)) throw error;
    logger.warn(`${directory} is not mounted`, { reason: messageOf(error) });
    return false;
  }
  return isMounted(system, directory);
}
