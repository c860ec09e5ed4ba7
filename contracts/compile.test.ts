import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { type AbiParameter, toFunctionSignature } from 'viem';
import { type Compiled, compileContract, contractNames, generateContracts } from './compile.ts';

const root = new URL('..', import.meta.url);

describe('the generated files', () => {
  it('are what solc makes of the sources', async () => {
    const generated = await generateContracts(async () => undefined);
    assert.deepEqual(
      generated.map(({ file }) => file),
      ['contracts/generated/ownership.ts', 'contracts/generated/checkpoints.ts'],
    );
    for (const { file, content } of generated) {
      assert.equal(await readFile(new URL(file, root), 'utf8'), content, file);
    }
  });

  it('are made again when one was edited, and only then', async () => {
    const present = (file: string): Promise<string> => readFile(new URL(file, root), 'utf8');
    const right = await generateContracts(present);
    for (const [from, to] of [
      ["'0x60", "'0x61"],
      ['"name": "camera"', '"name": "cameras"'],
      ['From ', 'From f'],
      ['// Written', '//  Written'],
    ] as const) {
      const edited = await generateContracts(async (file) => (await present(file)).replace(from, to));
      assert.deepEqual(edited, right, from);
    }
  });
});

describe('NatSpec', () => {
  for (const name of contractNames) {
    it(`of ${name} says what every function, event and error is, and each of their values`, async () => {
      assert.deepEqual(undocumented(await compileContract(name)), []);
    });
  }
});

/** What of an interface has no words. solc itself refuses words about what is not there. */
function undocumented({ abi, devdoc, userdoc }: Compiled): string[] {
  const missing: string[] = [];
  if (!devdoc.title || !userdoc.notice) missing.push('the contract');
  for (const item of abi) {
    if (item.type !== 'function' && item.type !== 'event' && item.type !== 'error') continue;
    const signature = toFunctionSignature({
      ...item,
      type: 'function',
      outputs: [],
      stateMutability: 'view',
    });
    const words = { function: 'methods', event: 'events', error: 'errors' } as const;
    const [dev, user] = [devdoc, userdoc].map((one) => {
      const found = one[words[item.type]]?.[signature];
      return found && 'length' in found ? found[0] : found;
    });
    if (!user?.notice) missing.push(signature);
    const lacks = (of: Readonly<Record<string, string>> | undefined, parameters: readonly AbiParameter[]) =>
      parameters.forEach((one, index) => {
        if (!of?.[one.name || `_${index}`]) missing.push(`${signature}: ${one.name || `_${index}`}`);
      });
    lacks(dev?.params, item.inputs);
    if (item.type === 'function') lacks(dev?.returns, item.outputs);
  }
  return missing;
}
