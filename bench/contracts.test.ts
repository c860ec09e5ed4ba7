import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { gasTables, measureGas } from './measures/contracts.ts';

it('costs the gas that the design says', async () => {
  const design = await readFile(new URL('../docs/design/ledger.md', import.meta.url), 'utf8');
  const tables = gasTables(await measureGas());
  assert.ok(design.includes(`\n${tables}\n`), `docs/design/ledger.md, Gas, must have:\n${tables}`);
});
