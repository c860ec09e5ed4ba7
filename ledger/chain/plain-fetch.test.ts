import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { plainFetch } from './plain-fetch.ts';

const run = promisify(execFile);

async function serve(context: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/key`;
}

/** A node that says which chain it is of, and which method it was asked for. */
const node: RequestListener = (request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    const asked = JSON.parse(body) as { id: number } | { id: number }[];
    const answer = [asked].flat().map(({ id }) => ({ jsonrpc: '2.0', id, result: '0x7a69' }));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(Array.isArray(asked) ? answer : answer[0]));
  });
};

test('a node of a chain is asked, in a Node.js without WebAssembly too', async (context) => {
  const url = await serve(context, node);
  const script = `
    import { createPublicClient, http } from 'viem';
    import { plainFetch } from '${fileURLToPath(new URL('./plain-fetch.ts', import.meta.url))}';
    const client = createPublicClient({ transport: http('${url}', { batch: true, fetchFn: plainFetch }) });
    console.log(await client.getChainId());`;
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  // The types are stripped by WebAssembly, too, so this runs as JavaScript.
  const { build } = await import('esbuild');
  const { outputFiles } = await build({
    ...{ bundle: true, write: false, platform: 'node', format: 'esm', target: 'node24' },
    stdin: { contents: script, resolveDir: cwd, loader: 'ts' },
  });
  const code = outputFiles[0]?.text ?? assert.fail('nothing was built');
  for (const flags of [[], ['--lite-mode']]) {
    const child = run(process.execPath, [...flags, '--input-type=module', '-'], { cwd });
    child.child.stdin?.end(code);
    assert.equal((await child).stdout.trim(), '31337', flags.join());
  }
});

test('an answer that is no success, and a node that is not there, are told', async (context) => {
  const url = await serve(context, (_, response) => {
    response.statusCode = 429;
    response.end('slow down');
  });
  const answer = await plainFetch(url, { method: 'POST', body: '{}' });
  assert.deepEqual([answer.ok, answer.status, await answer.text()], [false, 429, 'slow down']);
  await assert.rejects(plainFetch('http://127.0.0.1:1/'), /ECONNREFUSED/);
});

test('an answer without end is cut off, and one that does not come can be given up', async (context) => {
  const endless = await serve(context, (_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(1 << 20)));
    };
    response.on('drain', more);
    more();
  });
  await assert.rejects(plainFetch(endless), /more than/);
  const silent = await serve(context, () => undefined);
  await assert.rejects(plainFetch(silent, { signal: AbortSignal.timeout(50) }), /abort/i);
});
