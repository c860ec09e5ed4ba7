import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { createSystem } from '../system.ts';
import { type GivenAnswers, readGivenAnswers } from './given.ts';

async function given(context: TestContext, files: Record<string, string>): Promise<GivenAnswers> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'encrocam-given-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(path.join(root, 'boot'));
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(root, 'boot', name), text);
  return readGivenAnswers(createSystem({ root }), '/boot');
}

test('an empty boot partition gives nothing, and so does none', async (context) => {
  assert.deepEqual(await given(context, {}), { answers: {}, notes: [] });
  assert.deepEqual(await readGivenAnswers(createSystem(), undefined), { answers: {}, notes: [] });
});

test('the answers file goes before Raspberry Pi Imager, and both are taken over', async (context) => {
  const { answers } = await given(context, {
    'user-data': 'hostname: imager\ntimezone: Europe/Berlin\n',
    'encrocam.json': '\ufeff{"hostName":"file"}',
  });
  assert.deepEqual(answers, { hostName: 'file', timeZone: 'Europe/Berlin' });
});

for (const [what, text] of [
  ['is not JSON', '{"unlocking":{"passphrase":"hunter2 hunter2"'],
  ['breaks a rule', '{"unlocking":{"passphrase":"hunter2"}}'],
] as const) {
  test(`an answers file that ${what} is refused without its secrets, and the rest is taken over`, async (context) => {
    const { answers, notes, refusal } = await given(context, {
      'user-data': 'hostname: a\n',
      'encrocam.json': text,
    });
    assert.deepEqual(answers, { hostName: 'a' });
    assert.equal(refusal?.code, 'CONFIG_INVALID');
    assert.doesNotMatch(`${notes.join()} ${refusal?.message} ${refusal?.hint}`, /hunter2/);
  });
}
