/** Calls the uptime monitor once, as the syncer will. The address is a secret: it is in no message. */
import { EncroCamError, messageOf, systemErrorCode } from '../../../runtime/errors.ts';

/** @throws {EncroCamError} `INPUT_UNREADABLE` */
export async function tryMonitor(url: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const refuse = (reason: string): EncroCamError =>
    new EncroCamError('INPUT_UNREADABLE', `The monitor cannot be called: ${reason}.`, {
      hint: 'Open the address in a browser: it should answer "OK" or the like.',
    });
  let status: number;
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    await response.body?.cancel();
    status = response.status;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const isTimeout = error instanceof Error && error.name === 'TimeoutError';
    // fetch's own messages may hold the address.
    throw refuse(
      isTimeout
        ? `no answer within ${timeoutMs / 1000} s`
        : (systemErrorCode(cause) ?? messageOf(cause ?? 'the connection failed').replaceAll(url, '…')),
    );
  }
  if (status < 200 || status > 299) throw refuse(`it answers ${status}`);
}
