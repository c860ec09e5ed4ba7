/** The child that seals, when it fails before it is asked anything. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Sealer } from './seal-child.ts';

/** One whose child counts how often it is started, and then does this with its number. */
async function sealerWhose(context: TestContext, child: string) {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-seal-'));
  context.after(() => rm(directory, { recursive: true }));
  const [entry, starts] = [path.join(directory, 'child.mjs'), path.join(directory, 'starts')];
  await writeFile(starts, '');
  await writeFile(
    entry,
    `import { appendFileSync, readFileSync } from 'node:fs';
    appendFileSync(${JSON.stringify(starts)}, '.');
    const start = readFileSync(${JSON.stringify(starts)}).length;
    ${child}`,
  );
  const pausesMs: number[] = [];
  const sealer = new Sealer({ ownerKeys: [], signingKey: '' }, entry, async (pauseMs) => {
    pausesMs.push(pauseMs);
  });
  context.after(() => sealer.close());
  return { sealer, pausesMs, starts: async () => (await readFile(starts)).length };
}

const ready = { camera: 'ab', ownerKeyBytes: [] };
const isKilled = `process.kill(process.pid, 'SIGKILL');`;
const answers = (answer: object): string =>
  `process.stdin.on('data', () => console.log(${JSON.stringify(JSON.stringify(answer))}));`;

test('a child that is killed while it starts is started again, and nobody hears of it', async (context) => {
  const { sealer, pausesMs, starts } = await sealerWhose(
    context,
    `if (start < 3) ${isKilled} else ${answers(ready)}`,
  );
  assert.deepEqual(await sealer.prepare(), ready);
  assert.equal(await starts(), 3);
  assert.deepEqual(pausesMs, [500, 2000]);
});

test('a child that is killed each time it starts is given up', async (context) => {
  const { sealer, starts } = await sealerWhose(context, isKilled);
  await assert.rejects(sealer.prepare(), { code: 'INTERNAL' });
  assert.equal(await starts(), 3);
});

test('keys that are no good are told at once', async (context) => {
  const error = { code: 'KEY_UNREADABLE', message: 'No such key.' };
  const { sealer, pausesMs, starts } = await sealerWhose(context, answers({ error }));
  await assert.rejects(sealer.prepare(), { code: 'KEY_UNREADABLE' });
  assert.equal(await starts(), 1);
  assert.deepEqual(pausesMs, []);
});
