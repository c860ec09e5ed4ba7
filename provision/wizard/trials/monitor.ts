/** Calls the uptime monitor once, exactly as the syncer will. */
import { once } from 'node:events';
import { callMonitor } from '../../../runtime/syncer/monitor-client.ts';

/** @throws {EncroCamError} `INPUT_UNREADABLE`; the address, which is a secret, is not part of it. */
export async function tryMonitor(url: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const done = new AbortController();
  const aborted = once(signal, 'abort', { signal: done.signal }).then(() => signal.throwIfAborted());
  // The loser of the race ends quietly.
  aborted.catch(() => undefined);
  try {
    await Promise.race([callMonitor(url, timeoutMs), aborted]);
  } finally {
    done.abort();
  }
}
