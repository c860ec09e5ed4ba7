/** A header and live video for an owner without OpenPGP, by our code and by a program in Python that shares nothing but the documents. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { decodeHeader, envelopeBytes } from '../../runtime/encrocrypt/v3/index.ts';
import { toHex } from '../../runtime/video-keys/hex.ts';
import { openLive, parseLive } from '../../runtime/video-keys/live-file.ts';
import { videoRunKeys } from '../../runtime/viewer/video-run-keys.ts';

const text = await readFile(path.join(import.meta.dirname, '../vectors/ledger/owner-keys.json'), 'utf8');
const vectors = JSON.parse(text);
const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex');

test('Python opens the header with the video key, and the live file with the live key', () => {
  const program = path.join(import.meta.dirname, 'ledger_owner_keys.py');
  const python = spawnSync('python3', [program], { input: text, encoding: 'utf8', timeout: 60_000 });
  assert.equal(python.status, 0, python.stderr);
  const { secret, root, nodes } = vectors;
  assert.deepEqual(JSON.parse(python.stdout), { secret, root, nodes });
});

test('so do we', async () => {
  const header = decodeHeader(bytes(vectors.header).subarray(envelopeBytes));
  const keys = await videoRunKeys([bytes(vectors.recordings)]).keysOf(header);
  assert.deepEqual(
    keys?.nodes.map(({ key }) => toHex(key)),
    [vectors.root],
  );
  const live = parseLive(vectors.liveFile);
  const nodes = live && openLive(live, bytes(vectors.live));
  assert.deepEqual(
    nodes?.map(({ depth, index, key }) => ({ depth, index, key: toHex(key) })),
    vectors.nodes,
  );
});

test('the vectors are what their program makes', () => {
  const program = path.join(import.meta.dirname, 'make-owner-key-vectors.ts');
  const made = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 60_000 });
  assert.equal(made.stdout, text, made.stderr);
});
