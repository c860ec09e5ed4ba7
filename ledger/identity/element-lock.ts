/**
 * One process at a time works with an element: two would make two keys of the same name, or try a wrong PIN twice. An
 * abstract Unix socket, which dies with its process; it reaches all of this machine that share a network namespace.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { systemErrorCode } from '../../runtime/errors.ts';
import { unavailable } from './pkcs11-tool.ts';

const pollMs = 20;

/** Runs `work` while no other process works with the token. @throws {EncroCamError} `ELEMENT_UNAVAILABLE` after `waitMs` */
export async function withElement<T>(
  { module, token }: { readonly module: string; readonly token: string },
  waitMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const digest = createHash('sha256')
    .update(JSON.stringify([module, token]))
    .digest('hex');
  const name = `\0encrocam-element-${digest.slice(0, 32)}`;
  const endMs = performance.now() + waitMs;
  let server = await bind(name);
  while (!server) {
    if (performance.now() > endMs) throw unavailable('is in use by another process that does not end');
    await wait(pollMs);
    server = await bind(name);
  }
  const bound = server;
  try {
    return await work();
  } finally {
    await new Promise<void>((resolve) => bound.close(() => resolve()));
  }
}

/** `undefined` while somebody else has the name. */
function bind(name: string): Promise<net.Server | undefined> {
  const server = net.createServer((connection) => connection.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (systemErrorCode(error) === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve(server));
  });
}
