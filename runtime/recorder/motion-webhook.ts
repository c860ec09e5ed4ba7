/**
 * Tells an address of motion: POST, JSON, the status counts, the body is not read. The address is a secret: it is in no error, and no
 * redirect is followed, which would carry it elsewhere. `fetch` is not used because it costs several MiB of memory.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '../backoff.ts';
import { systemErrorCode } from '../errors.ts';
import type { MotionReport } from './motion.ts';

export const webhookBounds: WebhookBounds = {
  /** For one attempt, from the name's look-up to the status. */
  timeoutMs: 10_000,
  attempts: 3,
  firstPauseMs: 1000,
  maxPauseMs: 10_000,
};

export interface WebhookBounds {
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
}

export interface WebhookCall {
  readonly url: string;
  readonly report: MotionReport;
  readonly bounds: WebhookBounds;
  /** Gives it up at once. */
  readonly signal: AbortSignal;
}

/** What will be no better the next time. */
class Refused extends Error {}

/**
 * Resolves when the address said 2xx.
 * @throws {Error} why it did not, the last time; the address is not part of it.
 */
export async function callWebhook({ url, report, bounds, signal }: WebhookCall): Promise<void> {
  const body = JSON.stringify(report);
  for (let failures = 0; ; failures++) {
    try {
      return await post(url, body, bounds.timeoutMs, signal);
    } catch (error) {
      if (error instanceof Refused || failures + 1 >= bounds.attempts || signal.aborted) throw error;
      await delay(backoffMs(failures, bounds.firstPauseMs, bounds.maxPauseMs), undefined, { signal });
    }
  }
}

async function post(url: string, body: string, timeoutMs: number, stop: AbortSignal): Promise<void> {
  // The parser's message quotes what it was given.
  if (!URL.canParse(url)) throw new Refused('the address is none');
  const address = new URL(url);
  const { request } = address.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const timeout = AbortSignal.timeout(timeoutMs);
  const status = await new Promise<number>((resolve, reject) => {
    const call = request(address, {
      method: 'POST',
      agent: false,
      signal: AbortSignal.any([timeout, stop]),
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'encrocam',
      },
    });
    call.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    call.on('error', (error) => {
      const reason = timeout.aborted
        ? `no answer within ${timeoutMs / 1000} s`
        : (systemErrorCode(error) ?? 'the connection failed');
      reject(new Error(reason));
    });
    call.end(body);
  });
  if (status >= 200 && status < 300) return;
  if (status >= 300 && status < 400) {
    throw new Refused(`it redirects (status ${status}): give the address as it ends up`);
  }
  const reason = `it answered with status ${status}`;
  throw status >= 500 || status === 429 ? new Error(reason) : new Refused(reason);
}
