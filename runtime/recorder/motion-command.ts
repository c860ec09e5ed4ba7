/** Runs the owner's program when motion begins: without a shell, for a bounded time, with what happened and no more. */
import { spawn } from 'node:child_process';
import { messageOf } from '../errors.ts';
import { withoutCredentials } from './credentials.ts';
import type { MotionReport } from './motion.ts';

/** What the program may say before the rest is thrown away. */
const maxWordsBytes = 4096;
const maxLogCharacters = 300;
/** What it inherits: enough to find programs and to write times, and nothing that EncroCam was given. */
const inherited = ['PATH', 'HOME', 'LANG', 'TZ'];

export interface CommandRun {
  readonly command: readonly [string, ...string[]];
  readonly report: MotionReport;
  readonly timeoutMs: number;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

/**
 * Resolves when it has ended with 0.
 * @throws {Error} how it ended otherwise, and the last line that it wrote to standard error.
 */
export async function runMotionCommand({ command, report, timeoutMs, signal }: CommandRun): Promise<void> {
  const [program, ...args] = command;
  let words = '';
  let timedOut = false;
  await new Promise<void>((resolve, reject) => {
    const child = spawn(program, args, {
      env: environmentOf(report),
      stdio: ['pipe', 'ignore', 'pipe'],
      // A process group of its own: what it started ends with it.
      detached: true,
    });
    const kill = (): void => killGroup(child.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeoutMs);
    signal.addEventListener('abort', kill, { once: true });
    const finish = (failure?: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
      // What it left behind may hold the pipes open for ever.
      child.stdin.destroy();
      child.stderr.destroy();
      if (failure === undefined) resolve();
      else reject(new Error(failure));
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-maxWordsBytes);
    });
    // It need not read what it is told.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(report)}\n`);
    child.once('error', (error) => finish(`it cannot be started: ${messageOf(error)}`));
    child.once('exit', (code, killedBy) => {
      if (timedOut) finish(`it was killed after ${timeoutMs / 1000} s`);
      else if (code === 0) finish();
      // Its last words may still be in the pipe.
      else
        setImmediate(() =>
          finish(`it ended with ${code === null ? killedBy : `code ${code}`}${last(words)}`),
        );
    });
  });
}

function environmentOf({ camera, zone, score, time }: MotionReport): NodeJS.ProcessEnv {
  const kept = inherited.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    ENCROCAM_CAMERA: camera,
    ENCROCAM_ZONE: zone,
    ENCROCAM_SCORE: String(score),
    ENCROCAM_TIME: time,
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function last(words: string): string {
  const line = words.trim().split('\n').at(-1) ?? '';
  return line === '' ? '' : ` (${withoutCredentials(line).slice(0, maxLogCharacters)})`;
}
