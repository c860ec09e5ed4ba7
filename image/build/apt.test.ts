import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Apt } from './apt.ts';
import { Runner } from './run.ts';

test('processes that share the cache wait for each other instead of meeting in the lists', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-apt-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const runner = new Runner(path.join(directory, 'log'), { PATH: process.env.PATH ?? '' });
  const apt = new Apt(runner, { directory, architecture: 'amd64', keyring: '/none', sources: [] });
  await apt.prepare();
  // Another process, in the middle of its own update.
  const other = spawn('flock', [path.join(directory, 'in-use'), 'sh', '-c', 'echo locked; read line'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.after(() => other.kill());
  await once(other.stdout, 'data');
  let isDone = false;
  const update = apt.update().then(() => {
    isDone = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(isDone, false);
  other.stdin.end('\n');
  await update;
  await runner.close();
});
