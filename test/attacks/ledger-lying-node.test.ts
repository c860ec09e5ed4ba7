/** Those through whom the chain is seen: nodes that lie about it, and a manufacturer whose contracts say what he likes. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import test, { type TestContext } from 'node:test';
import { encodeFunctionData } from 'viem';
import { checkpointsAbi } from '../../contracts/index.ts';
import { account } from '../support/ledger-scene.ts';
import { type Lie, type NodeProxy, startNodeProxy } from '../support/node-proxy.ts';
import { verify } from '../support/verify-command.ts';
import { type Committed, committed } from './chain-scene.ts';
import { exitCode } from './scene.ts';

const unusable = 1;

/** Keeps the newest checkpoint of the camera to itself. */
function hidingTheNewest({ chain }: Committed): Lie {
  const asked = encodeFunctionData({
    abi: checkpointsAbi,
    functionName: 'count',
    args: [chain.addressOf(account.camera)],
  });
  return (method, params, truth) => {
    const isAsked = method === 'eth_call' && (params[0] as { data?: string }).data === asked;
    return isAsked ? `0x${'1'.padStart(64, '0')}` : truth;
  };
}

async function nodes(context: TestContext, { chain }: Committed, count: number): Promise<NodeProxy[]> {
  const started = await Promise.all(
    Array.from({ length: count }, () => startNodeProxy(chain.contracts.anvil.url)),
  );
  context.after(() => Promise.all(started.map((node) => node.stop())));
  return started;
}

function askThrough({ chain, place }: Committed, asked: readonly NodeProxy[]) {
  const known = [
    '--ledger-camera',
    chain.addressOf(account.camera),
    '--owner',
    chain.addressOf(account.owner),
  ];
  return verify([place, ...chain.options(...asked.map(({ url }) => url)), ...known]);
}

test('a node that hides a checkpoint, so that a removed recording is not missed, is found by the others', async (context) => {
  const scene = await committed(context);
  await rm(scene.recordings[2].file);
  await rm(scene.recordings[3].file);
  const asked = await nodes(context, scene, 3);
  const honest = await askThrough(scene, asked);
  assert.equal(honest.exitCode, exitCode.unsound);
  assert.match(honest.output, /0 of 1 runs are here; missing/);
  const [, liar] = asked;
  if (liar) liar.lie = hidingTheNewest(scene);
  const { exitCode: found, output, errors } = await askThrough(scene, asked);
  assert.equal(found, unusable);
  assert.equal(output, '');
  assert.match(errors, /CHAIN_DISAGREES/);
});

test('one node alone is believed, and the answer says so', async (context) => {
  const scene = await committed(context);
  await rm(scene.recordings[2].file);
  await rm(scene.recordings[3].file);
  const asked = await nodes(context, scene, 1);
  for (const node of asked) node.lie = hidingTheNewest(scene);
  const { exitCode: found, output, errors } = await askThrough(scene, asked);
  // The limit that docs/design/security.md names.
  assert.equal(found, exitCode.sound, output + errors);
  assert.match(output, /one node alone was asked, and is believed/);
});

test('contracts of a manufacturer, which are another code, are refused', async (context) => {
  const scene = await committed(context);
  const { chain, place } = scene;
  const { anvil, addresses, reader } = chain.contracts;
  const known = ['--ledger-camera', chain.addressOf(account.camera)];
  for (const name of ['checkpoints', 'ownership'] as const) {
    const code = (await reader.getCode({ address: addresses[name] })) ?? '0x';
    const at = Math.floor(code.length / 2);
    const backdoor = `${code.slice(0, at)}${code[at] === '0' ? '1' : '0'}${code.slice(at + 1)}`;
    const his = `0x${(name === 'ownership' ? 'b0' : 'b1').repeat(20)}`;
    await anvil.rpc('anvil_setCode', his, backdoor);
    await anvil.rpc('evm_mine');
    const {
      exitCode: found,
      output,
      errors,
    } = await verify([place, ...chain.options(), ...known, `--${name}`, his]);
    assert.equal(found, unusable);
    assert.equal(output, '');
    assert.match(errors, /stands another contract than/);
  }
});
