/** Keys and codes of a pairing, by our code (`ledger/`) and by a program in Python that shares nothing but the document. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

test('Python makes the same key-encryption key, ids, wrapped keys and signed text, and reads the codes', async () => {
  const text = await readFile(path.join(import.meta.dirname, '../vectors/ledger/pairing.json'), 'utf8');
  const python = spawnSync('python3', [path.join(import.meta.dirname, 'ledger_pairing.py')], {
    input: text,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(python.status, 0, python.stderr);
  const { kek, keys, message, signedText } = JSON.parse(text);
  assert.deepEqual(JSON.parse(python.stdout), {
    kek,
    keys: keys.map(({ id, wrapped }: { id: string; wrapped: string }) => ({ id, wrapped })),
    message,
    signedText,
  });
});
