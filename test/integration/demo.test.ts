import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';

const root = path.join(import.meta.dirname, '../..');
/** The demo takes 25 s on an idle machine. */
const patienceMs = 180_000;
const pollMs = 20;

/** Command lines of all processes that mention `text`. */
function processesWith(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(text));
}

interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the demo in a process group of its own, which gets Ctrl-C at some moment, as on a terminal. */
async function interruptWhen(context: TestContext, isMoment: (output: string) => boolean): Promise<Run> {
  const demo = spawn(process.execPath, ['demo/demo.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
    detached: true,
  });
  const { pid } = demo;
  assert.ok(pid);
  context.after(() => demo.kill('SIGKILL'));
  const timer = setTimeout(() => demo.kill('SIGTERM'), patienceMs);
  let output = '';
  for (const stream of [demo.stdout, demo.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  // Once: a second one may meet a process that has taken its handlers down already.
  const watching = setInterval(() => {
    if (!isMoment(output)) return;
    clearInterval(watching);
    process.kill(-pid, 'SIGINT');
  }, pollMs);
  const [code] = (await once(demo, 'close')) as [number | null];
  clearInterval(watching);
  clearTimeout(timer);
  return { code, output };
}

function directoryOf(output: string): string | undefined {
  return /files +(\S+)/.exec(output)?.[1];
}

function assertNothingIsLeft({ output }: Run): void {
  assert.match(output, /nothing is left running/);
  const directory = directoryOf(output);
  assert.ok(directory, output);
  assert.equal(existsSync(path.join(root, directory)), false);
  assert.deepEqual(processesWith(directory), []);
  assert.deepEqual(processesWith(/ca (\S+)\/tls/.exec(output)?.[1] ?? directory), []);
}

test('the demo plays back what it recorded, goes on, and Ctrl-C leaves nothing running and nothing lying about', async (context) => {
  const run = await interruptWhen(context, (output) => output.includes('It goes on recording.'));
  assert.equal(run.code, 0, run.output);
  assert.match(run.output, /Verified by ffprobe: h264, \d+x\d+, \d+ frames/);
  assert.match(run.output, /ends with 3 \(not authentic\)/);
  assertNothingIsLeft(run);
});

test('Ctrl-C while the owner is watching ends the demo in order, and is no failure', async (context) => {
  const run = await interruptWhen(context, (output) => {
    const directory = directoryOf(output);
    return directory !== undefined && processesWith(`${directory}/watched.mp4`).length > 0;
  });
  assert.equal(run.code, 0, run.output);
  assert.doesNotMatch(run.output, /The demo failed/);
  assertNothingIsLeft(run);
});
