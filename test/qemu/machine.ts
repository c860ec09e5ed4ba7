/**
 * A computer for a card: QEMU's arm64 machine with UEFI, an empty flash of variables, a fake camera, a serial line,
 * a network with SSH forwarded to a loopback port, and a monitor. The card boots by its own loader; nothing on it is
 * changed. `powerCut` ends it as a pulled plug does, `start` on the same card is the next power-on.
 *
 * QEMU dies with the process that started it, and `stop` waits until it is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { Agent } from './agent.ts';
import { artifactsDirectory } from './artifacts.ts';
import type { Card } from './card.ts';
import { prepareFirmware } from './firmware.ts';
import { machineArguments } from './machine-arguments.ts';
import { qemuCommand } from './qemu.ts';
import { Qmp } from './qmp.ts';
import { SshSession } from './ssh.ts';
import { removeTemporary, temporaryDirectory } from './temporary.ts';
import { Terminal } from './terminal.ts';

export interface MachineOptions {
  /** Begins the names of its transcripts in `build/qemu/`. */
  readonly name: string;
  readonly card: Card;
  /** Default: plugged in. */
  readonly cable?: 'plugged' | 'unplugged';
  /** A screen and a keyboard, for `screenshot` and `pressKeys`. */
  readonly hasScreen?: boolean;
  /** Where everything that is written to the card is logged: see `write-log.ts`. */
  readonly writeLogFile?: string;
  /** Default: a webcam. `looped` shows what is fed to an output beside it, and has the webcam as its second input. */
  readonly camera?: 'webcam' | 'looped';
  /** What the clock says at power-on: a board without a battery does not know the time. */
  readonly clock?: Date;
  /** For a disk without a boot loader: QEMU starts this instead. */
  readonly directBoot?: DirectBoot;
}

export interface DirectBoot {
  readonly kernelFile: string;
  readonly initramfsFile: string;
  readonly commandLine: string;
}

/** QEMU answers on its sockets as soon as it runs. */
const connectTimeoutMs = 30_000;
const powerOffTimeoutMs = 120_000;
const sshTimeoutMs = 300_000;

export class Machine {
  readonly options: MachineOptions;
  readonly startedMs = Date.now();
  readonly console: Terminal;
  readonly agent: Agent;
  /** Where this machine's port 22 is on this computer's loopback. */
  readonly sshPort: number;
  readonly #qmp: Qmp;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #sessions: SshSession[] = [];
  readonly #exited: Promise<unknown>;

  private constructor(parts: {
    options: MachineOptions;
    console: Terminal;
    agent: Agent;
    qmp: Qmp;
    child: ChildProcess;
    directory: string;
    sshPort: number;
  }) {
    this.options = parts.options;
    this.console = parts.console;
    this.agent = parts.agent;
    this.sshPort = parts.sshPort;
    this.#qmp = parts.qmp;
    this.#child = parts.child;
    this.#directory = parts.directory;
    this.#exited = parts.child.exitCode === null ? once(parts.child, 'exit') : Promise.resolve();
  }

  /** Power on. Resolves when the machine runs: nothing has booted yet. */
  static async start(options: MachineOptions): Promise<Machine> {
    await mkdir(artifactsDirectory, { recursive: true });
    const directory = temporaryDirectory('machine');
    const sockets = {
      console: new Line(path.join(directory, 'console')),
      agent: new Line(path.join(directory, 'agent')),
      monitor: new Line(path.join(directory, 'monitor')),
    };
    let child: ChildProcess | undefined;
    try {
      await Promise.all(Object.values(sockets).map((line) => line.listen()));
      if (options.writeLogFile !== undefined) await writeFile(options.writeLogFile, '');
      const sshPort = await freePort();
      const firmware = await prepareFirmware(directory);
      const { consoleFile, number } = await nextTranscript(options.name);
      const args = machineArguments({
        options,
        firmware,
        sshPort,
        consoleSocket: sockets.console.path,
        agentSocket: sockets.agent.path,
        monitorSocket: sockets.monitor.path,
      });
      const [program, ...words] = await qemuCommand(args);
      child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
      const failure = qemuFailure(child);
      const [consoleSocket, agentSocket, monitorSocket] = await Promise.race([
        Promise.all([sockets.console.connected, sockets.agent.connected, sockets.monitor.connected]),
        failure,
      ]);
      const console = new Terminal(`${options.name} ${number}: serial console`, consoleFile, (text) => {
        consoleSocket.write(text);
      });
      consoleSocket.on('data', (chunk: Buffer) => console.feed(chunk));
      consoleSocket.on('error', () => console.close('the machine broke off'));
      consoleSocket.on('close', () => console.close('the machine stopped'));
      // A monitor that breaks off belongs to a QEMU that ends, and says why.
      const qmp = await Qmp.over(monitorSocket).catch(() => failure);
      const machine = new Machine({
        ...{ options, console, agent: new Agent(agentSocket), qmp, child, directory, sshPort },
      });
      if (options.cable === 'unplugged') await machine.unplugCable();
      await qmp.run('cont');
      running.add(machine);
      return machine;
    } catch (error) {
      child?.kill('SIGKILL');
      removeTemporary(directory);
      throw error;
    } finally {
      for (const line of Object.values(sockets)) line.stopListening();
    }
  }

  /**
   * Pulls the plug. What the guest had handed to the card is on it; what its kernel still held is lost. (For what a
   * card itself may lose: `write-log.ts`.)
   */
  async powerCut(): Promise<void> {
    await this.stop();
  }

  /** Ends the machine at once and removes its files; the card and the transcripts stay. */
  async stop(): Promise<void> {
    running.delete(this);
    this.#child.kill('SIGKILL');
    await this.#exited;
    for (const session of this.#sessions) await session.stop();
    this.console.close('the machine was stopped');
    removeTemporary(this.#directory);
  }

  /** Presses the power button and waits for the orderly end. */
  async powerOff(): Promise<void> {
    await this.#qmp.run('system_powerdown');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), powerOffTimeoutMs);
    await this.#exited;
    clearTimeout(late);
    const wasKilled = this.#child.signalCode !== null;
    const tail = this.console.tail();
    await this.stop();
    if (wasKilled) throw new Error(`The machine did not power off by itself. Its console ends:\n${tail}`);
  }

  async unplugCable(): Promise<void> {
    await this.#qmp.run('set_link', { name: 'network', up: false });
  }

  async plugCable(): Promise<void> {
    await this.#qmp.run('set_link', { name: 'network', up: true });
  }

  /** Takes the fake camera away while it is in use, as a pulled USB plug does. */
  async unplugCamera(): Promise<void> {
    await this.agent.run('echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind');
  }

  async plugCamera(): Promise<void> {
    await this.agent.run('echo vivid.0 >/sys/bus/platform/drivers/vivid/bind');
  }

  /** Opens an SSH session with a terminal, as `ssh USER@camera` does. */
  async ssh(user: string, identityFile: string, command: readonly string[] = []): Promise<SshSession> {
    await this.#sshAnswers();
    const number = this.#sessions.length + 1;
    const session = SshSession.open({
      name: `${this.options.name}: ssh ${user} ${number}`,
      transcriptFile: path.join(artifactsDirectory, `${this.options.name}-ssh-${number}.log`),
      port: this.sshPort,
      user,
      identityFile,
      command,
    });
    this.#sessions.push(session);
    return session;
  }

  /** Waits for sshd, as somebody does who tries again: QEMU takes the connection long before. */
  async #sshAnswers(): Promise<void> {
    const deadlineMs = Date.now() + sshTimeoutMs;
    for (;;) {
      const socket = connect(this.sshPort, '127.0.0.1');
      const greeting = await new Promise<string>((resolve) => {
        socket.once('data', (chunk) => resolve(chunk.toString()));
        socket.once('error', () => resolve(''));
        socket.once('close', () => resolve(''));
        socket.setTimeout(5000, () => resolve(''));
      });
      socket.destroy();
      if (greeting.startsWith('SSH-')) return;
      if (Date.now() > deadlineMs) throw new Error(`${this.options.name}: no sshd answers.`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /** A picture of the screen, in `build/qemu/`. */
  async screenshot(name: string): Promise<string> {
    const file = path.join(artifactsDirectory, `${this.options.name}-${name}.png`);
    await this.#qmp.run('screendump', { filename: file, format: 'png' });
    return file;
  }

  /** Types small letters, spaces and returns on the keyboard that stands before the screen. */
  async typeOnKeyboard(text: string): Promise<void> {
    const names: Readonly<Record<string, string>> = { ' ': 'spc', '\n': 'ret' };
    await this.pressKeys([...text].map((character) => names[character] ?? character));
  }

  /** Presses keys on that keyboard, by QEMU's names: `a`, `shift-a`, `ret`. */
  async pressKeys(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const held = name.split('-').map((data) => ({ type: 'qcode', data }));
      await this.#qmp.run('send-key', { keys: held, 'hold-time': 20 });
      // The guest must see each key go up before it repeats it, and before the next one goes down.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /** Seconds since power-on. */
  get uptimeSeconds(): number {
    return (Date.now() - this.startedMs) / 1000;
  }
}

const running = new Set<Machine>();

/** For `after`: stops whatever a failed test left running. */
export async function stopAllMachines(): Promise<void> {
  for (const machine of running) await machine.stop();
}

/** One socket on which QEMU is awaited. */
class Line {
  readonly path: string;
  readonly #server: Server;
  readonly connected: Promise<Socket>;

  constructor(socketPath: string) {
    this.path = socketPath;
    this.#server = createServer();
    this.connected = new Promise((resolve) => {
      this.#server.once('connection', resolve);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
  }

  stopListening(): void {
    this.#server.close();
  }
}

/** Rejects when QEMU ends, or is late, before it has connected. */
function qemuFailure(child: ChildProcess): Promise<never> {
  let errors = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    errors += text;
  });
  const failure = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`QEMU ended with ${code}: ${errors}`)));
    setTimeout(
      () => reject(new Error(`QEMU did not connect within ${connectTimeoutMs / 1000} s. ${errors}`)),
      connectTimeoutMs,
    ).unref();
  });
  failure.catch(() => undefined); // Awaited only while starting.
  return failure;
}

const transcripts = new Map<string, number>();

/** Each power-on has a transcript of its own. */
async function nextTranscript(name: string): Promise<{ consoleFile: string; number: number }> {
  const number = (transcripts.get(name) ?? 0) + 1;
  transcripts.set(name, number);
  return { consoleFile: path.join(artifactsDirectory, `${name}-serial-${number}.log`), number };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
