import { access } from 'node:fs/promises';
import { systemErrorCode } from '../errors.ts';

/** Made by systemd-timesyncd once it has set the clock since boot. */
const synchronisedMark = '/run/systemd/timesync/synchronized';

/** Whether a time server has set this system's clock; `false` as well where nothing tells. */
export async function isClockSynchronised(mark = synchronisedMark): Promise<boolean> {
  try {
    await access(mark);
    return true;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return false;
    throw error;
  }
}
