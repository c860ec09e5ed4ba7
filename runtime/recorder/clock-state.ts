import { access } from 'node:fs/promises';
import type { ClockState } from '../encrocrypt/v3/index.ts';

/** systemd-timesyncd makes it when it has set the clock, once after each start of the machine. Source: its manual page. */
const synchronisedFile = '/run/systemd/timesync/synchronized';

/** Whether somebody has set the clock since the machine was started; another daemon than systemd's is not asked. */
export async function readClockState(): Promise<ClockState> {
  const exists = (file: string): Promise<boolean> =>
    access(file).then(
      () => true,
      () => false,
    );
  if (await exists(synchronisedFile)) return 'synchronised';
  return (await exists('/run/systemd/timesync')) ? 'not synchronised' : 'unknown';
}
