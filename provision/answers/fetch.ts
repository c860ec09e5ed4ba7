/**
 * Fetches something small over https: bounded in time, size and redirections. For keys, which are checked by their
 * fingerprint afterwards: what a server sends is never believed for itself.
 */
import { request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { EncroCamError, messageOf, systemErrorCode } from '../../runtime/errors.ts';

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Certificates to trust besides Node.js's own: for tests. */
  readonly ca?: string | undefined;
  /** Finds addresses instead of the system's resolver: for tests. */
  readonly lookup?: LookupFunction | undefined;
  /** Default: 443. */
  readonly port?: number | undefined;
}

const timeoutMs = 20_000;
const maxRedirections = 3;
/** A key with thousands of certifications stays below. */
const maxBytes = 1024 * 1024;

/** The server has no such page, and says so. */
export class NotFound extends EncroCamError {
  constructor(url: URL, statusCode: number | undefined) {
    super('KEY_UNREADABLE', `${url.href} answers ${statusCode ?? 'nothing sensible'}.`, {
      hint: 'Open the address in a browser: is the key there?',
    });
  }
}

/** The name of the server is known nowhere. */
export class NameUnknown extends EncroCamError {
  constructor(url: URL, cause: unknown) {
    super('KEY_UNREACHABLE', `There is no server ${url.hostname}, or the network is not up.`, {
      hint: 'Check the spelling and the network.',
      cause,
    });
  }
}

/**
 * @throws {EncroCamError} `KEY_UNREACHABLE` where trying later may help, `KEY_UNREADABLE` where it will not.
 */
export async function fetchBytes(address: string, options: FetchOptions = {}): Promise<Uint8Array> {
  // One bound for everything together, however many redirections there are.
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  let url = new URL(address);
  for (let redirection = 0; redirection <= maxRedirections; redirection++) {
    const answer = await get(url, { ...options, signal });
    if (answer instanceof Uint8Array) return answer;
    if (answer.protocol !== 'https:') {
      throw new EncroCamError(
        'KEY_UNREADABLE',
        `${url.href} leads to ${answer.protocol}, which is not secure.`,
        {
          hint: 'Give an address that begins with https:// to its end.',
        },
      );
    }
    url = answer;
  }
  throw new EncroCamError('KEY_UNREADABLE', `${address} leads from one address to the next.`, {
    hint: 'Give the last of them.',
  });
}

/** The body, or where to go instead. */
function get(url: URL, { signal, ca, lookup, port }: FetchOptions): Promise<Uint8Array | URL> {
  return new Promise((resolve, reject) => {
    const call = request(url, {
      headers: { 'user-agent': 'EncroCam' },
      ...(signal ? { signal } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(lookup ? { lookup } : {}),
      ...(port === undefined ? {} : { port }),
    });
    call.on('error', (error) => reject(unreachable(url, error)));
    call.on('response', (response) => {
      const { statusCode = 0, headers } = response;
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined) {
        response.resume();
        resolve(new URL(headers.location, url));
        return;
      }
      if (statusCode !== 200) {
        response.resume();
        reject(new NotFound(url, statusCode));
        return;
      }
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        parts.push(part);
        if (bytes > maxBytes) call.destroy(new Error(`it sends more than ${maxBytes} bytes`));
      });
      response.on('error', (error) => reject(unreachable(url, error)));
      response.on('end', () => resolve(Buffer.concat(parts)));
    });
    call.end();
  });
}

function unreachable(url: URL, error: unknown): EncroCamError {
  const code = systemErrorCode(error) ?? '';
  if (code === 'ENOTFOUND') return new NameUnknown(url, error);
  const isCertificate = /^(?:CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED)/.test(code);
  const reason =
    error instanceof Error && /^(?:TimeoutError|AbortError)$/.test(error.name)
      ? `no answer within ${timeoutMs / 1000} s`
      : messageOf(error);
  return new EncroCamError('KEY_UNREACHABLE', `Cannot fetch ${url.href}: ${reason}.`, {
    hint: isCertificate
      ? 'Is the clock of the camera right? It is set over the network shortly after the start.'
      : 'Check the address and the network.',
    cause: error,
  });
}
