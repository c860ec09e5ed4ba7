/** An SSH session in a terminal, with the system's own `ssh`: what an owner has. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Terminal } from './terminal.ts';

export interface SshOptions {
  readonly name: string;
  readonly transcriptFile: string;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  /** Without one, a session with a terminal, as an owner opens it. */
  readonly command: readonly string[];
}

export class SshSession {
  readonly terminal: Terminal;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(terminal: Terminal, child: ChildProcess) {
    this.terminal = terminal;
    this.#child = child;
    this.#closed = once(child, 'close');
    this.#closed.catch(() => undefined); // A program that is missing is told by the transcript.
  }

  static open({ name, transcriptFile, port, user, identityFile, command }: SshOptions): SshSession {
    const child = spawn('ssh', [...sshArguments(port, identityFile), `${user}@127.0.0.1`, ...command], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, TERM: 'xterm-256color', SSH_AUTH_SOCK: '' },
    });
    const terminal = new Terminal(name, transcriptFile, (text) => child.stdin.write(text));
    child.stdin.on('error', () => undefined); // A session that ends while it is typed into says so by closing.
    child.stdout.on('data', (chunk: Buffer) => terminal.feed(chunk));
    child.stderr.on('data', (chunk: Buffer) => terminal.feed(chunk));
    child.on('error', (error) => terminal.close(`ssh does not run: ${error.message}`));
    child.on('close', (code, signal) => terminal.close(`ssh ended with ${code ?? signal}`));
    return new SshSession(terminal, child);
  }

  /** Waits for the end. Returns ssh's exit code: the command's, or 255. */
  async ended({ timeoutMs = 300_000 } = {}): Promise<number> {
    await this.terminal.closed({ timeoutMs });
    await this.#closed;
    return this.#child.exitCode ?? 255;
  }

  /** Breaks the connection off, as a lost network does: the other side is told nothing. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await this.#closed;
    }
  }
}

/** Nothing of this computer's own configuration or keys; the host key is compared by the scenario that asks for it. */
export function sshArguments(port: number, identityFile: string): string[] {
  const options = [
    'IdentitiesOnly=yes',
    'PreferredAuthentications=publickey',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'GlobalKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=60',
    'ControlPath=none',
  ];
  return [
    '-F',
    '/dev/null',
    '-tt',
    '-p',
    String(port),
    '-i',
    identityFile,
    ...options.flatMap((o) => ['-o', o]),
  ];
}
