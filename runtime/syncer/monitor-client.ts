/**
 * Calls an uptime monitor: GET, the status counts, the body is not read. The address is a secret, and so is where
 * it redirects to: neither appears in an error. `fetch` is not used because it costs several MiB of memory.
 */
import { EncroCamError, systemErrorCode } from '../errors.ts';

export const maxRedirects = 5;

/**
 * Resolves when the monitor said 2xx.
 * @throws {EncroCamError} `INPUT_UNREADABLE` without the address in it.
 */
export async function callMonitor(url: string, timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs);
  let address = parse(url);
  for (let redirects = 0; ; redirects++) {
    const { status, location } = await get(address, signal, timeoutMs);
    if (status >= 200 && status < 300) return;
    if (status < 300 || status >= 400 || location === undefined) {
      throw failure(`it answered with status ${status}`, 'Check monitor.url.');
    }
    if (redirects === maxRedirects) {
      throw failure(`it redirected more than ${maxRedirects} times`, 'Give monitor.url as it ends up.');
    }
    const next = parse(location, address);
    // A network that turns https into http could answer in the monitor's place.
    if (address.protocol === 'https:' && next.protocol !== 'https:') {
      throw failure('it redirects from https to something else', 'Give monitor.url as it ends up.');
    }
    address = next;
  }
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

async function get(address: URL, signal: AbortSignal, timeoutMs: number): Promise<Answer> {
  const { request } = address.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const call = request(address, {
      method: 'GET',
      agent: false,
      signal,
      headers: { 'user-agent': 'encrocam' },
    });
    call.on('response', (response) => {
      resolve({ status: response.statusCode ?? 0, location: response.headers.location });
      response.destroy();
    });
    call.on('error', (error) => {
      const reason = signal.aborted
        ? `no answer within ${timeoutMs / 1000} s`
        : (systemErrorCode(error) ?? 'the connection failed');
      reject(failure(reason, 'The monitor will raise its alarm if this goes on.'));
    });
    call.end();
  });
}

function parse(url: string, base?: URL): URL {
  let address: URL;
  try {
    address = new URL(url, base);
  } catch (error) {
    // The parser's message quotes what it was given.
    throw failure(`its address is none (${systemErrorCode(error) ?? 'invalid'})`, 'Check monitor.url.');
  }
  if (address.protocol !== 'https:' && address.protocol !== 'http:') {
    throw failure('it redirects to neither http nor https', 'Give monitor.url as it ends up.');
  }
  return address;
}

function failure(reason: string, hint: string): EncroCamError {
  return new EncroCamError('INPUT_UNREADABLE', `Calling the uptime monitor failed: ${reason}.`, {
    hint,
  });
}
