import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { describeEnd, ffmpegStarter } from './ffmpeg-process.ts';

test('a recorder that is killed leaves no ffmpeg behind that keeps the camera', {
  timeout: 15_000,
}, async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-orphan-'));
  context.after(() => rm(directory, { recursive: true }));
  const [silent, alive] = [path.join(directory, 'ffmpeg'), path.join(directory, 'alive')];
  // It writes nothing, so no broken pipe ends it either.
  await writeFile(silent, `#!/bin/bash\nexec sleep 20 3> ${alive}\n`);
  await chmod(silent, 0o755);
  execFileSync('mkfifo', [alive]);
  const script = `
    import { ffmpegStarter } from ${JSON.stringify(new URL('./ffmpeg-process.ts', import.meta.url).href)};
    ffmpegStarter(${JSON.stringify(silent)})([]);`;
  const recorder = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
  // Open when it runs, closed when nobody has it open any more.
  const living = createReadStream(alive);
  await once(living, 'open');
  recorder.kill('SIGKILL');
  await once(living.resume(), 'end');
});

test('how an ffmpeg ends, and what it says, comes through', async () => {
  const start = ffmpegStarter('/bin/sh');
  const failing = start(['-c', 'echo video; echo why >&2; exit 3']);
  const said = await Promise.all([text(failing.stdout), text(failing.stderr), failing.ended]);
  assert.deepEqual(said, ['video\n', 'why\n', { code: 3, signal: null }]);
  const killed = start(['-c', 'echo video; exec sleep 20']);
  await once(killed.stdout, 'data');
  killed.kill('SIGKILL');
  assert.deepEqual(await killed.ended, { code: null, signal: 'SIGKILL' });
});

test('where setpriv is forbidden, or is not there, ffmpeg is started without', async (context) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-setpriv-'));
  const { PATH } = process.env;
  context.after(async () => {
    process.env.PATH = PATH;
    await rm(directory, { recursive: true });
  });
  process.env.PATH = directory;
  const works = async (): Promise<void> => {
    const source = ffmpegStarter('/bin/sh')(['-c', 'echo video']);
    assert.deepEqual(await Promise.all([text(source.stdout), source.ended]), [
      'video\n',
      { code: 0, signal: null },
    ]);
  };
  await works();
  await writeFile(path.join(directory, 'setpriv'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
  await works();
});

test('an ffmpeg that is not there any more says so', async () => {
  const missing = ffmpegStarter('/nowhere/ffmpeg')([]);
  const [words, end] = await Promise.all([text(missing.stderr), missing.ended]);
  assert.match(describeEnd(end, words.trim()), /\/nowhere\/ffmpeg.*(No such file|ENOENT)/);
});
