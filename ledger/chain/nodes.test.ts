import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import { type Address, encodeErrorResult, parseAbi } from 'viem';
import { isEncroCamError } from '../../runtime/errors.ts';
import { ChainNodes } from './nodes.ts';

const chainId = 4242;
const contract: Address = `0x${'c0'.repeat(20)}`;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

interface Question {
  readonly id: number;
  readonly method: string;
}

test('a node that lies cannot make the camera ask other addresses (EIP-3668)', async () => {
  const asked: string[] = [];
  const elsewhere = await serve((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('{"data":"0x"}');
  });
  const data = encodeErrorResult({
    abi: parseAbi(['error OffchainLookup(address, string[], bytes, bytes4, bytes)']),
    args: [contract, [`${elsewhere}{sender}/{data}`], '0x01', '0x01020304', '0x02'],
  });
  const answerOf = ({ id, method }: Question) => {
    const answer =
      method === 'eth_chainId'
        ? { result: `0x${chainId.toString(16)}` }
        : { error: { code: 3, message: 'execution reverted', data } };
    return { jsonrpc: '2.0', id, ...answer };
  };
  const node = await serve(async (request, response) => {
    const questions = JSON.parse(Buffer.concat(await Array.fromAsync(request)).toString()) as
      | Question
      | Question[];
    const answers = Array.isArray(questions) ? questions.map(answerOf) : answerOf(questions);
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers));
  });
  const nodes = new ChainNodes({ chainId, rpcUrls: [node], timeoutMs: 2000 });
  await assert.rejects(
    nodes.agree('a number', (client) =>
      client.readContract({
        ...{ address: contract, functionName: 'count' },
        abi: parseAbi(['function count() view returns (uint256)']),
      }),
    ),
    (error) => isEncroCamError(error, 'CHAIN_UNREACHABLE'),
  );
  assert.deepEqual(asked, []);
});
