import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { memoryFlags } from './node-flags.ts';

test('a checkout runs commands with the flags that a bundle has', async () => {
  const launcher = await readFile(new URL('../bin/encrocam', import.meta.url), 'utf8');
  assert.ok(launcher.includes(` ${memoryFlags.join(' ')} `));
});
