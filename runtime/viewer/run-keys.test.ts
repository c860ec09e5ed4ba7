import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { envelopeBytes, type Header, readHeader } from '../encrocrypt/v3/index.ts';
import { EncroCamError, isEncroCamError } from '../errors.ts';
import { keyFileDecrypter } from '../pgp/key-file-decrypter.ts';
import { maxFailuresInARow, ownerRunKeys } from './run-keys.ts';

const vectors = path.join(import.meta.dirname, '../../test/vectors');
const expected = JSON.parse(await readFile(path.join(vectors, 'encrocrypt3/expected.json'), 'utf8')) as {
  keyTree: { runId: string };
};
const decrypter = await keyFileDecrypter(path.join(vectors, 'encrocrypt2/owner.secret.asc'), async () => '');

async function firstHeader(file: string): Promise<Header> {
  const bytes = await readFile(path.join(vectors, 'encrocrypt3', file));
  const header = readHeader(bytes.subarray(envelopeBytes, envelopeBytes + bytes.readUIntBE(4, 3)));
  assert.ok(header);
  return header;
}

test("the owner's key opens a run whole, and the same header again costs nothing", async () => {
  let operations = 0;
  const source = ownerRunKeys({
    decrypt: (message) => {
      operations += 1;
      return decrypter.decrypt(message);
    },
  });
  const header = await firstHeader('whole.encrocam');
  const keys = await source.keysOf(header);
  assert.equal(keys?.runId.toString('hex'), expected.keyTree.runId);
  assert.deepEqual(
    keys?.nodes.map(({ depth, index }) => [depth, index]),
    [[0, 0]],
  );
  assert.deepEqual(await source.keysOf(await firstHeader('whole.encrocam')), keys);
  assert.equal(operations, 1);
});

test('a secret that is not the one that the header commits to opens nothing', async () => {
  const header = await firstHeader('whole.encrocam');
  const statement = { ...header.statement, commitment: Buffer.alloc(32) };
  await assert.rejects(ownerRunKeys(decrypter).keysOf({ ...header, statement }), (error: unknown) =>
    isEncroCamError(error, 'NOT_AUTHENTIC'),
  );
});

test('a header without anything for OpenPGP has no keys, and that is no failure', async () => {
  const header = await firstHeader('whole.encrocam');
  assert.equal(await ownerRunKeys(decrypter).keysOf({ ...header, sealed: { wrapped: [] } }), undefined);
});

test('after many headers in a row that cannot be opened, no more are tried', async () => {
  let operations = 0;
  const source = ownerRunKeys({
    decrypt: async () => {
      operations += 1;
      throw new EncroCamError('DECRYPTION_FAILED', 'damaged');
    },
  });
  const header = await firstHeader('whole.encrocam');
  for (let index = 0; index < 2 * maxFailuresInARow; index++) {
    await assert.rejects(source.keysOf({ ...header, hash: Buffer.alloc(32, index) }));
  }
  assert.equal(operations, maxFailuresInARow);
});
