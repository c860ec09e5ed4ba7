/** What is left of `encrocam export` and `share` that were stopped, or could not write: nothing. And what they show meanwhile. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cameraFile } from '../support/camera-recordings.ts';
import { fragmentedVideo } from '../support/fragmented-video.ts';
import { argumentsOf, exported, ownerSecret, recordInRow, run, seconds } from './export-harness.ts';
import { encrocam } from './recorder-harness.ts';

let directory: string;
let place: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-stopped-'));
  place = path.join(directory, 'front');
  await mkdir(place);
  await recordInRow(place, await fragmentedVideo('320x180', seconds));
});
after(() => rm(directory, { recursive: true, force: true }));

test('stopped by Ctrl-C while it works, export leaves neither keys nor video behind', {
  timeout: 60_000,
}, async () => {
  const [bin, results] = [path.join(directory, 'bin'), path.join(directory, 'results')];
  await Promise.all([mkdir(bin), mkdir(results)]);
  // It tells that the work has come to it, and waits for more than there is.
  const ffmpeg = path.join(bin, 'ffmpeg');
  await writeFile(ffmpeg, `#!/bin/sh\n: > ${bin}/started\ncat > /dev/null\nread forever < ${bin}/never\n`);
  await chmod(ffmpeg, 0o755);
  assert.equal((await run('mkfifo', [path.join(bin, 'never')])).code, 0);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const started = watch(bin);
    const [program = '', ...args] = argumentsOf(6, 14, path.join(results, 'out'), place);
    const child = spawn(program, args, {
      env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
      stdio: 'ignore',
      detached: true,
    });
    const ended = once(child, 'close');
    try {
      for await (const { filename } of started) if (filename === 'started') break;
      assert.equal((await readdir(results)).length, 1);
      child.kill(signal);
      assert.deepEqual(await ended, [null, signal]);
      assert.deepEqual(await readdir(results), []);
    } finally {
      // The program that it had started waits for ever.
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
    }
    await rm(path.join(bin, 'started'));
  }
});

test('what cannot be written is told before anything is read', async () => {
  const nowhere = path.join(directory, 'nowhere/out');
  const { code, messages } = await exported(6, 14, nowhere, path.join(directory, 'absent'));
  assert.equal(code, 1);
  assert.match(messages, /Cannot write .*nowhere\/out/);
  const keys = ['--signed-by', cameraFile, '--key', ownerSecret, '--link'];
  const share = (input: string, out: string): ReturnType<typeof run> =>
    run(encrocam, ['share', input, '--from', '-10m', '--to', '-5m', ...keys, '--out', out]);
  assert.match(
    (await share(path.join(directory, 'absent'), nowhere)).messages,
    /Cannot write .*nowhere\/out/,
  );
  const unused = path.join(directory, 'unused');
  assert.equal((await share(place, unused)).code, 1);
  assert.ok(!(await readdir(directory)).includes('unused'), 'nothing was shared, and nothing is left');
});
