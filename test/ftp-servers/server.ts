/**
 * Starts one of the three servers, unpacked by `fetch.ts`, on free loopback ports, with its files in a temporary
 * directory. ProFTPD runs as whoever starts it, unless it is to keep a quota; vsftpd and pure-ftpd need root (`sudo -n`
 * elsewhere). Sessions run as whoever starts it, or as `nobody` where that is root.
 * A small shell script watches the starting process and cleans up after it, even when that is killed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeCertificate } from './certificates.ts';
import { type FetchedServer, fetchServer } from './fetch.ts';
import { type Launch, type LaunchPlan, prepareLaunch } from './launch.ts';
import { freePorts } from './ports.ts';
import { processTree } from './processes.ts';
import type { FtpServer, FtpServerOptions } from './types.ts';

const run = promisify(execFile);

const startTimeoutMs = 15_000;
const pollMs = 20;
const maxOpenFiles = 1024;
/** Whom sessions run as where root starts it: `nobody`, whom Debian and Ubuntu number alike. */
const nobody = 65_534;

/** Starts a server; resolves once it greets. Its files and processes end with `stop()`, or with this process. */
export async function startFtpServer(options: FtpServerOptions): Promise<FtpServer> {
  const fetched = await fetchServer(options.software);
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-ftp-'));
  // ProFTPD's quota does not notice removals in a root directory that mod_vroot makes up.
  const needsRoot = options.software !== 'proftpd' || options.quotaBytes !== undefined;
  const server = new RunningServer(directory, needsRoot);
  try {
    return await server.begin(options, fetched);
  } catch (error) {
    const logs = await server.logs();
    await server.stop();
    throw new Error(`${options.software} does not start. ${logs}`, { cause: error });
  }
}

class RunningServer {
  readonly #directory: string;
  /** What goes in front of a command that needs root. */
  readonly #asRoot: readonly string[];
  readonly #reaper: ChildProcess;
  #launch: Launch | undefined;
  #fetched: FetchedServer | undefined;
  #child: ChildProcess | undefined;

  constructor(directory: string, needsRoot: boolean) {
    this.#directory = directory;
    this.#asRoot = needsRoot && process.getuid?.() !== 0 ? ['sudo', '-n'] : [];
    const script = path.join(import.meta.dirname, 'reaper.sh');
    const [command = 'sh', ...args] = [...this.#asRoot, 'sh', script, directory];
    this.#reaper = spawn(command, args, { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
    this.#reaper.unref();
    if (this.#reaper.stdin && 'unref' in this.#reaper.stdin)
      (this.#reaper.stdin as { unref(): void }).unref();
  }

  async begin(options: FtpServerOptions, fetched: FetchedServer): Promise<FtpServer> {
    const host = options.bindAddress ?? '127.0.0.1';
    // 127.0.0.2 is where a test's proxy listens on the same ports.
    const ports = await freePorts(host === '::1' ? ['::1'] : ['127.0.0.1', '127.0.0.2']);
    const certificate = await makeCertificate(
      path.join(this.#directory, 'tls'),
      options.certificate ?? 'valid',
    );
    const rootDirectory = path.join(this.#directory, 'root');
    const workDirectory = path.join(this.#directory, 'work');
    await chmod(this.#directory, 0o755);
    await mkdir(workDirectory);
    await mkdir(rootDirectory);
    const root = process.getuid?.() === 0;
    const plan: LaunchPlan = {
      options,
      fetched,
      ports,
      host,
      certificate,
      workDirectory,
      rootDirectory,
      user: 'camera',
      password: randomBytes(12).toString('base64url'),
      asRoot: root || this.#asRoot.length > 0,
      uid: root ? nobody : (process.getuid?.() ?? nobody),
      gid: root ? nobody : (process.getgid?.() ?? nobody),
    };
    if (options.quotaBytes !== undefined && options.software === 'vsftpd') {
      await this.#mountSmall(plan, options.quotaBytes);
    }
    if (options.readOnly) await chmod(rootDirectory, 0o555);
    else if (root) await chown(rootDirectory, plan.uid, plan.gid);
    this.#launch = await prepareLaunch[options.software](plan);
    this.#fetched = fetched;
    await this.#start(host, ports.control);
    return {
      software: options.software,
      host,
      port: ports.control,
      passivePorts: ports.passive,
      user: plan.user,
      password: plan.password,
      rootDirectory,
      caFile: certificate.caFile,
      fingerprint: certificate.fingerprint,
      kill: () => this.kill(),
      restart: () => this.#start(host, ports.control),
      stop: () => this.stop(),
      logs: () => this.logs(),
    };
  }

  async #mountSmall({ rootDirectory, uid, gid }: LaunchPlan, sizeBytes: number): Promise<void> {
    const [command = 'mount', ...args] = [
      ...[...this.#asRoot, 'mount', '-t', 'tmpfs', '-o', `size=${sizeBytes},mode=0755,uid=${uid},gid=${gid}`],
      ...['encrocam-test', rootDirectory],
    ];
    await run(command, args);
    await writeFile(path.join(this.#directory, 'mounted'), '');
  }

  async #start(host: string, port: number): Promise<void> {
    if (!this.#launch || !this.#fetched) throw new Error('The server was never set up.');
    if (this.#child && processTree(this.#child.pid ?? 0).length > 0)
      throw new Error('The server still runs.');
    const library = this.#fetched.libraryPath;
    const [command = '', ...args] = [
      // pure-ftpd closes every possible file descriptor one by one: 3 s at a limit of a million.
      ...[...this.#asRoot, 'prlimit', `--nofile=${maxOpenFiles}`, 'env', `LD_LIBRARY_PATH=${library}`],
      ...[...(this.#launch.wrapper ?? []), this.#fetched.program, ...this.#launch.args],
    ];
    // Detached: a session of its own, by which its orphans are known.
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const output = createWriteStream(path.join(this.#directory, 'output.log'), { flags: 'a' });
    output.on('error', () => undefined); // The directory may go before the last line does.
    child.stdout?.pipe(output, { end: false });
    child.stderr?.pipe(output, { end: false });
    child.unref();
    this.#child = child;
    const failed = once(child, 'error').then(([error]) => Promise.reject(error));
    failed.catch(() => undefined);
    await writeFile(path.join(this.#directory, 'pid'), `${child.pid}\n`);
    const deadlineMs = Date.now() + startTimeoutMs;
    while (!(await Promise.race([greets(host, port), failed]))) {
      if (child.exitCode !== null) throw new Error(`It exited with ${child.exitCode}.`);
      if (Date.now() > deadlineMs) throw new Error(`It does not greet within ${startTimeoutMs} ms.`);
      await pause(pollMs);
    }
  }

  async kill(): Promise<void> {
    const root = this.#child?.pid;
    if (root === undefined) return;
    const deadlineMs = Date.now() + startTimeoutMs;
    for (let pids = processTree(root); pids.length > 0; pids = processTree(root)) {
      if (Date.now() > deadlineMs) throw new Error(`Processes ${pids.join(', ')} survive kill -9.`);
      if (this.#asRoot.length > 0) {
        const [command = 'kill', ...args] = [...this.#asRoot, 'kill', '-9', ...pids.map(String)];
        await run(command, args).catch(() => undefined); // One of them may be gone already: the loop looks again.
      } else {
        for (const pid of pids) killQuietly(pid);
      }
      await pause(2);
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#reaper.exitCode === null) {
      this.#reaper.ref();
      const gone = once(this.#reaper, 'exit');
      this.#reaper.stdin?.end();
      await gone;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  async logs(): Promise<string> {
    const names = ['output.log', 'work/proftpd-tls.log', 'work/quota.log'].map((name) =>
      path.join(this.#directory, name),
    );
    if (this.#launch) names.push(this.#launch.logFile);
    const texts = await Promise.all(
      names.map((name) =>
        readFile(name, 'utf8').catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return '';
          return `${name}: ${error.message}\n`;
        }),
      ),
    );
    return texts.join('');
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether something on this port says `220`. */
function greets(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.setEncoding('latin1');
    socket.once('data', (text: string) => {
      socket.end('QUIT\r\n');
      resolve(text.startsWith('220'));
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.setTimeout(startTimeoutMs, () => socket.destroy());
  });
}
