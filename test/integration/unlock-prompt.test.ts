/** The unlock prompt and the login in a real terminal: echo, keys that interrupt, hang-ups, and what comes after. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CameraState } from '../../provision/state.ts';
import { Agent, listen, type Unlocker } from '../../provision/unlock/agent.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { silentLogger } from '../../runtime/log.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const deadlineMs = 30_000;

let directory: string;
let socketPath: string;
let server: net.Server;
let tried: string[];
/** The agent says nothing before this resolves. */
let firstWord: Promise<void>;
let speak: () => void;
let pty: Pty | undefined;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'encrocam-prompt-'));
  socketPath = path.join(directory, 'agent.sock');
  tried = [];
  firstWord = new Promise((resolve) => {
    speak = resolve;
  });
  let state: CameraState = 'locked';
  const unlocker: Unlocker = {
    state: async () => {
      await firstWord;
      return state;
    },
    upTimeMs: async () => 1000,
    recordsLocked: async () => true,
    report: async () => '',
    async unlock(passphrase) {
      tried.push(passphrase);
      if (passphrase !== 'right') throw new EncroCamError('PASSPHRASE_WRONG', 'no');
      state = 'recording';
      return undefined;
    },
  };
  server = await listen(new Agent({ unlocker, logger: silentLogger }), { path: socketPath });
});

afterEach(async () => {
  pty?.end();
  pty = undefined;
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

/** script(1) runs a program in a pty of its own; its input is the keyboard, its output the screen. */
class Pty {
  readonly #child: ChildProcess;
  readonly ended: Promise<void>;
  screen = '';
  #wake: () => void = () => undefined;

  constructor(command: string) {
    this.#child = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'vt220', SHELL: '/bin/sh' },
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.screen += text;
      this.#wake();
    });
    this.ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  async expect(pattern: RegExp): Promise<void> {
    const deadline = AbortSignal.timeout(deadlineMs);
    while (!pattern.test(this.screen)) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        deadline.onabort = () => reject(new Error(`${pattern} did not come: ${JSON.stringify(this.screen)}`));
      });
    }
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

function openPrompt(): Pty {
  const program = path.join(root, 'test/support/prompt-in-terminal.ts');
  pty = new Pty(`exec ${process.execPath} ${program} ${socketPath}`);
  return pty;
}

test('what is typed before the prompt and at it never shows, and only what is typed at it counts', async () => {
  const terminal = openPrompt();
  await terminal.expect(/quiet now/);
  terminal.type('too early\r');
  // script(1) hands it on in its own time, and nothing tells when it has reached the terminal's queue.
  await pause(1000);
  speak();
  await terminal.expect(/\(not shown\): /);
  terminal.type('wrong one\r');
  await terminal.expect(/Wrong passphrase \(1 wrong so far\)[\s\S]*\(not shown\): /);
  terminal.type('right\r');
  await terminal.expect(/outcome: unlocked/);
  assert.deepEqual(tried, ['wrong one', 'right']);
  assert.doesNotMatch(terminal.screen, /too early|wrong one|right/);
});

test('keys that interrupt elsewhere do nothing here, and no shell appears', async () => {
  const terminal = openPrompt();
  speak();
  await terminal.expect(/\(not shown\): /);
  terminal.type('\u0003\u0004\u001a\u001c\u0003');
  terminal.type('right\r');
  await terminal.expect(/outcome: unlocked/);
  assert.deepEqual(tried, ['right']);
});

test('a pipe is told what came of its last line, after it has ended', async () => {
  speak();
  const program = path.join(root, 'test/support/prompt-in-terminal.ts');
  const child = spawn(process.execPath, [program, socketPath], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end('wrong one\nstill wrong');
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) output += text;
  assert.deepEqual(tried, ['wrong one', 'still wrong']);
  assert.match(output, /Wrong passphrase \(1 wrong so far\)[\s\S]*Wrong passphrase \(2 wrong so far\)/);
  assert.match(output, /outcome: ended/);
});

test('the line hanging up ends the prompt', async () => {
  const terminal = openPrompt();
  speak();
  await terminal.expect(/\(not shown\): /);
  const connections = (): Promise<number> =>
    new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  assert.equal(await connections(), 1);
  const hungUp = new Promise<void>((resolve) => {
    const timer = setInterval(async () => {
      if ((await connections()) > 0) return;
      clearInterval(timer);
      resolve();
    }, 20);
  });
  terminal.end();
  await hungUp;
});

test('the login takes the place of the process on the same terminal, with its signals as they should be', async () => {
  const module = path.join(root, 'provision/unlock/login.ts');
  const loader = path.join(directory, 'login.ts');
  await writeFile(
    loader,
    `import { becomeLogin } from ${JSON.stringify(module)};\nbecomeLogin('ttyAMA0');\n`,
  );
  const pidFile = path.join(directory, 'pid');
  pty = new Pty(
    `echo $$ > ${pidFile}; exec ${process.execPath} --disable-warning=ExperimentalWarning ${loader}`,
  );
  await pty.expect(/login: /);
  const pid = (await readFile(pidFile, 'utf8')).trim();
  assert.match(await readFile(`/proc/${pid}/cmdline`, 'latin1'), /agetty/);
  const ignored = /^SigIgn:\s+([0-9a-f]+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  const sigpipe = 1n << 12n;
  assert.equal(BigInt(`0x${ignored}`) & sigpipe, 0n);
});
