/** The wizard as it runs on a camera: bundled, with the validators as finished code, in a Node.js without WebAssembly. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { build } from 'esbuild';
import { buildOptions } from '../../ci/bundle.ts';
import { nodeFlags } from '../../ci/node-flags.ts';
import { validateAnswers } from '../../provision/answers/validate.ts';
import { answerPages, approve, pages, TestCamera } from './person.ts';

test('a person sets a camera up with the bundle that a camera has', async (context) => {
  const camera = await TestCamera.make();
  context.after(() => camera.remove());
  const outdir = await mkdtemp(path.join(os.tmpdir(), 'encrocam-bundle-'));
  context.after(() => rm(outdir, { recursive: true, force: true }));
  await build({
    ...buildOptions,
    entryPoints: { wizard: 'test/wizard/wizard-process.ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
  });
  const pty = await camera.start({ command: [...nodeFlags, path.join(outdir, 'wizard.mjs')] });
  context.after(() => pty.close());
  await pty.answer('Press Enter to begin here', '');
  await pty.expect('1 of 11: Time zone ---');
  const all = pages(camera);
  await all[0]?.answer(pty);
  await pty.expect(': Host name ---');
  // The finished validator refuses with the same words.
  await pty.answer('Host name [encrocam]', 'a b');
  await pty.expect('! Expected Name of the camera in the network.');
  pty.type('\u0015');
  await pty.answer('Host name [encrocam]', 'front-door');
  await answerPages(pty, all.slice(2));
  await approve(pty);
  assert.equal(await pty.exitCode, 0);
  assert.equal(validateAnswers(await camera.applied()).hostName, 'front-door');
});
