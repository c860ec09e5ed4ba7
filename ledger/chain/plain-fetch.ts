/**
 * What viem needs of `fetch`, by `node:http`: Node's own parses HTTP with WebAssembly, which a camera's Node.js has not
 * (`--lite-mode`). No redirects, no compression; the answer is held in memory, up to a bound.
 */
import http from 'node:http';
import https from 'node:https';

/** Above viem's own bound, which tells it better. */
const maxAnswerBytes = 16 * 1024 * 1024;

export async function plainFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const body = typeof init.body === 'string' ? init.body : undefined;
  const headers = Object.fromEntries(new Headers(init.headers));
  const { request } = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      method: init.method ?? 'GET',
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
      ...(init.signal ? { signal: init.signal } : {}),
    });
    asked.once('error', reject);
    asked.once('response', (answer) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > maxAnswerBytes)
          answer.destroy(new Error(`the answer has more than ${maxAnswerBytes} bytes`));
        else parts.push(part);
      });
      answer.once('error', reject);
      answer.once('end', () => {
        const status = answer.statusCode ?? 0;
        // These must not have a body, and no node sends them.
        const hasBody = status !== 204 && status !== 304;
        resolve(
          new Response(hasBody ? Buffer.concat(parts) : null, {
            status,
            statusText: answer.statusMessage ?? '',
            headers: { 'content-type': answer.headers['content-type'] ?? 'application/json' },
          }),
        );
      });
    });
    asked.end(body);
  });
}
