import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

test('every attack stands in the table, with its test', async () => {
  const table = await readFile(path.join(import.meta.dirname, '../../docs/design/security.md'), 'utf8');
  const attacks = (await readdir(import.meta.dirname)).filter(
    (file) => file.endsWith('.test.ts') && file !== path.basename(import.meta.filename),
  );
  assert.deepEqual(
    attacks.filter((file) => !table.includes(`\`test/attacks/${file}\``)),
    [],
  );
});
