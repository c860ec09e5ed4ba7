/** Runs the syncer as people run it, beside a recorder that writes noise. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { watch } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type RecordingName, recordingAt } from '../../runtime/recordings/names.ts';
import { readSyncerState, type SyncerState } from '../../runtime/state/state.ts';

const encrocam = path.join(import.meta.dirname, '../../bin/encrocam');
/** Nothing that is waited for takes this long. */
const patienceMs = 60_000;
const slotMs = 3600_000;

export const camera = 'front-door';

/** The recording that was being written `slotsAgo` hours ago. */
export function recordingOf(slotsAgo: number): RecordingName {
  return recordingAt(Date.now() - slotsAgo * slotMs, slotMs);
}

export class SyncerPlace {
  readonly directory: string;
  /** What still runs in it, ended before it is removed. */
  readonly #running: (() => Promise<void>)[] = [];

  static async make(context: TestContext, storage: object, more: object = {}): Promise<SyncerPlace> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-sync-'));
    await mkdir(path.join(directory, 'recordings', camera), { recursive: true });
    const place = new SyncerPlace(directory);
    context.after(async () => {
      await Promise.all(place.#running.map((end) => end()));
      await rm(directory, { recursive: true, force: true });
    });
    await place.configure(storage, more);
    return place;
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  get recordings(): string {
    return path.join(this.directory, 'recordings');
  }

  local(name: RecordingName): string {
    return path.join(this.recordings, camera, name.fileName);
  }

  async configure(storage: object, more: object = {}): Promise<void> {
    const config = {
      owner: { keys: ['owner.asc'] },
      signing: { key: 'camera.asc' },
      recordings: { directory: 'recordings' },
      log: { level: 'debug', format: 'json' },
      cameras: [{ name: camera, input: { device: '/dev/video0' } }],
      storage,
      ...more,
    };
    await writeFile(path.join(this.directory, 'config.json'), JSON.stringify(config));
  }

  run(command: 'sync' | 'status', ...args: string[]): Run {
    const run = new Run(command, [...args, '--config', path.join(this.directory, 'config.json')]);
    this.#running.push(() => run.kill());
    return run;
  }

  /** Begins to write a recording. */
  write(name: RecordingName): Writer {
    const writer = new Writer(this.local(name));
    this.#running.push(() => writer.stop());
    return writer;
  }

  /** Waits for a state that the syncer writes; fails with the last one when it does not come. */
  async state(what: string, matches: (state: SyncerState) => boolean): Promise<SyncerState> {
    const watcher = watch(await this.#stateDirectory());
    const signal = AbortSignal.timeout(patienceMs);
    try {
      for (;;) {
        const changed = once(watcher, 'change', { signal });
        changed.catch(() => undefined);
        const state = await readSyncerState(this.recordings);
        if (state && matches(state)) return state;
        try {
          await changed;
        } catch {
          assert.fail(`${what} did not come; the last state is ${JSON.stringify(state)}`);
        }
      }
    } finally {
      watcher.close();
    }
  }

  async #stateDirectory(): Promise<string> {
    const directory = path.join(this.recordings, '.state');
    await mkdir(directory, { recursive: true });
    return directory;
  }
}

/** A process of `encrocam` with its output. */
export class Run {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  readonly #lines: Record<string, unknown>[] = [];
  readonly #events = new EventEmitter();
  stdout = '';
  stderr = '';

  constructor(command: string, args: readonly string[], environment: Record<string, string> = {}) {
    this.#child = spawn(encrocam, [command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    if (!this.#child.stderr) throw new Error('no standard error');
    createInterface({ input: this.#child.stderr }).on('line', (line) => {
      this.stderr += `${line}\n`;
      if (!line.startsWith('{')) return;
      this.#lines.push(JSON.parse(line) as Record<string, unknown>);
      this.#events.emit('line');
    });
  }

  get pid(): number {
    return this.#child.pid ?? assert.fail('it did not start');
  }

  /** Waits for a log line that has this text in its message. */
  async said(text: string): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs);
    while (!this.#lines.some((line) => String(line.message).includes(text))) {
      try {
        await once(this.#events, 'line', { signal });
      } catch {
        assert.fail(`it did not say ${JSON.stringify(text)}:\n${this.stderr}`);
      }
    }
  }

  /** Waits for the end. */
  async exitCode(): Promise<number | null> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patienceMs);
    await this.#ended;
    clearTimeout(timer);
    return this.#child.exitCode;
  }

  async terminate(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.exitCode();
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Appends pieces of random size at random times, as a recorder with much to say would. */
class Writer {
  readonly #file: string;
  readonly #progress = new EventEmitter();
  #running = true;
  #bytes = 0;
  readonly #ended: Promise<void>;

  constructor(file: string) {
    this.#file = file;
    this.#ended = this.#write();
  }

  async #write(): Promise<void> {
    while (this.#running) {
      const piece = randomBytes(randomInt(1, 100_000));
      await appendFile(this.#file, piece);
      this.#bytes += piece.length;
      this.#progress.emit('written');
      // The recorder's own pace is what is imitated here: nothing is waited for.
      await delay(randomInt(0, 30));
    }
  }

  /** Resolves once `bytes` more were written. */
  async more(bytes: number): Promise<void> {
    const until = this.#bytes + bytes;
    while (this.#bytes < until) await once(this.#progress, 'written');
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#ended;
  }
}

/** Passes a TCP connection on, until it is cut. */
export class Cable {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #whole = true;

  static async lay(context: TestContext, host: string, port: number): Promise<Cable> {
    const cable = new Cable(host, port);
    cable.#server.listen(0, '127.0.0.1');
    await once(cable.#server, 'listening');
    context.after(() => {
      cable.cut();
      cable.#server.close();
    });
    return cable;
  }

  private constructor(host: string, port: number) {
    this.#server = net.createServer((near) => {
      if (!this.#whole) return void near.destroy();
      const far = net.connect(port, host);
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.#sockets.delete(socket);
          (socket === near ? far : near).destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  cut(): void {
    this.#whole = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#whole = true;
  }
}

/** The bytes of a file, none if there is no such file. */
export async function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch(() => Buffer.alloc(0));
}
