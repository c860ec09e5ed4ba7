import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { blockText, parseBlockText, readNewestBlock, writeNewestBlock } from './newest-block.ts';

const hash = `0x${'0af1'.repeat(16)}`;

test('the newest block is kept as headers name it', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-block-'));
  context.after(() => rm(directory, { recursive: true }));
  assert.equal(await readNewestBlock(directory), undefined);
  await writeNewestBlock(directory, { chainId: 11155111, height: 7_654_321n, hash });
  const text = `11155111:7654321:${hash.slice(2)}`;
  assert.equal(await readNewestBlock(directory), text);
  assert.deepEqual(parseBlockText(text), { chainId: 11155111, height: 7_654_321n, hash });
});

test('what names no block is none, whoever wrote it', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-block-'));
  context.after(() => rm(directory, { recursive: true }));
  await mkdir(path.join(directory, '.state'));
  const good = blockText({ chainId: 1, height: 2n, hash });
  for (const text of [
    '',
    '{}',
    'null',
    JSON.stringify({ block: 7 }),
    JSON.stringify({ block: `${good}0` }),
    JSON.stringify({ block: good.toUpperCase() }),
    JSON.stringify({ block: `0${good}` }),
    JSON.stringify({ block: `1:-2:${hash.slice(2)}` }),
    JSON.stringify({ block: good }).padStart(2000),
  ]) {
    await writeFile(path.join(directory, '.state', 'newest-block.json'), text);
    assert.equal(await readNewestBlock(directory), undefined, text);
  }
});
