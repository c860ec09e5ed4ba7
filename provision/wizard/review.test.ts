import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WizardContext } from './engine.ts';
import { fakeMachine } from './fake-machine.ts';
import { showCamera } from './review.ts';

test('who set up a camera with a ledger sees its address on the chain, also as a code', async () => {
  const ledgerAddress = `0x${'ab'.repeat(20)}`;
  const shown = async (camera: object): Promise<string> => {
    const said: string[] = [];
    const dialogue = {
      colors: 'none',
      columns: 80,
      say: (t: string) => said.push(t),
      show: (t: string) => said.push(t),
    };
    const ledger = { chainId: 31337 };
    await showCamera(
      { dialogue, machine: fakeMachine() } as unknown as WizardContext,
      { draft: { answers: { ledger } } } as never,
      { fingerprint: 'A'.repeat(40), publicKey: 'key', ...camera },
    );
    return said.join('\n');
  };
  const codes = (text: string): number => text.match(/██ ▄▄▄▄▄ █/g)?.length ?? 0;
  const [without, withAddress] = [await shown({}), await shown({ ledgerAddress })];
  assert.ok(!without.includes('chain'));
  assert.ok(withAddress.includes(ledgerAddress));
  assert.ok(codes(withAddress) >= codes(without) + 2);
});
