import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** How long a service gets to end by itself. */
const stopTimeoutMs = 10_000;
const maxOutputBytes = 8000;

/** A service that runs beside the demo. */
export interface Service {
  readonly pid: number;
  /** The last of what it said. */
  output(): string;
  /** Throws if it is not running any more. */
  throwIfEnded(): void;
  /** Ends it, in order if it will. */
  stop(): Promise<void>;
}

export function startService(name: string, command: string, args: readonly string[]): Service {
  // A process group of its own: Ctrl-C in the terminal reaches the demo alone, which ends things in order.
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const ended = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-maxOutputBytes);
    });
  }
  return {
    pid: child.pid ?? -1,
    output: () => output.trimEnd(),
    throwIfEnded() {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`encrocam ${name} has ended (${child.exitCode ?? child.signalCode})`);
      }
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
