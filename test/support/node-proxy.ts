/** A node of a chain that may lie, fall silent or count what it is asked: stands between a test and a real node. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What a node answers instead; `undefined` is null on the wire. */
export type Lie = (method: string, params: readonly unknown[], truth: unknown) => unknown;

export interface NodeProxy {
  readonly url: string;
  /** Methods that were asked for. */
  readonly calls: string[];
  /** `undefined`: the truth. */
  lie: Lie | undefined;
  /** Answers with an error of HTTP instead. */
  isDown: boolean;
  /** Never answers. */
  isSilent: boolean;
  stop(): Promise<void>;
}

export async function startNodeProxy(nodeUrl: string): Promise<NodeProxy> {
  const calls: string[] = [];
  const proxy: Omit<NodeProxy, 'url' | 'stop'> = { calls, lie: undefined, isDown: false, isSilent: false };
  const answer = async (call: Call): Promise<object> => {
    calls.push(call.method);
    const response = await fetch(nodeUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call),
    });
    const truth = (await response.json()) as { result?: unknown; error?: unknown };
    if (truth.error || !proxy.lie) return truth;
    return { ...truth, result: proxy.lie(call.method, call.params, truth.result) ?? null };
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (proxy.isSilent) return;
      if (proxy.isDown) {
        response.writeHead(503).end('out of order');
        return;
      }
      const asked = JSON.parse(Buffer.concat(parts).toString()) as Call | Call[];
      const answered = Array.isArray(asked) ? Promise.all(asked.map(answer)) : answer(asked);
      answered.then(
        (result) =>
          response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result)),
        () => response.writeHead(502).end(),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(proxy, {
    url: `http://127.0.0.1:${port}/very-secret-key`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}
