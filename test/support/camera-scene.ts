/** One camera's sync with a drive in memory, faults on request, and a clock that runs on while anything is waited for. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '../../runtime/log.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { CameraSync, type CameraSyncOptions } from '../../runtime/syncer/camera-sync.ts';
import { CommandMailbox } from '../../runtime/syncer/command-mailbox.ts';
import { Errands } from '../../runtime/syncer/errands.ts';
import { Ledger } from '../../runtime/syncer/ledger.ts';
import { FakeClock } from './fake-clock.ts';
import { type Fault, MemoryDrive, type Operation } from './memory-storage.ts';

export const slotMs = 3600_000;
export const startMs = Date.UTC(2026, 10, 22, 13);
export const [older, newest] = [recordingAt(startMs, slotMs), recordingAt(startMs + slotMs, slotMs)];

export interface SceneOptions extends Partial<CameraSyncOptions> {
  /** The recordings directory in which the owner's commands are kept; without, there are no errands. */
  readonly errandsFor?: string;
}

export class Scene {
  readonly drive = new MemoryDrive();
  readonly log: string[] = [];
  readonly clock = new FakeClock(startMs + 2 * slotMs);
  readonly directory: string;
  readonly ledger: Ledger;
  readonly sync: CameraSync;
  #run: Promise<void> | undefined;

  static async make(context: TestContext, options: SceneOptions = {}): Promise<Scene> {
    const directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-camera-'));
    const scene = new Scene(directory, options);
    context.after(async () => {
      await scene.stop();
      await rm(directory, { recursive: true, force: true });
    });
    return scene;
  }

  private constructor(directory: string, { errandsFor, ...options }: SceneOptions) {
    this.directory = directory;
    this.ledger = new Ledger(directory);
    const { clock } = this;
    const storage = this.drive.session();
    const logger = createLogger({
      level: 'info',
      format: 'journal',
      write: (line) => void this.log.push(line),
    });
    const mailbox = errandsFor === undefined ? undefined : new CommandMailbox(errandsFor, logger);
    const errands =
      mailbox &&
      new Errands({ storage, driveDirectory: 'camera', localDirectory: directory, mailbox, clock, logger });
    this.sync = new CameraSync({
      name: 'camera',
      storage,
      errands,
      driveDirectory: 'camera',
      ledger: this.ledger,
      driveRetentionMs: 0,
      once: false,
      logger,
      clock,
      random: () => 0,
      planCleanUp: async () => [],
      ...options,
    });
  }

  run(): Promise<void> {
    this.#run = this.sync.run();
    return this.#run;
  }

  async stop(): Promise<void> {
    this.sync.stop();
    await this.#run;
  }

  key(name: { fileName: string }): string {
    return `/camera/${name.fileName}`;
  }

  /** Synchronous: the clock of this scene runs on while anything is waited for. */
  write(name: { fileName: string }, bytes: Uint8Array): void {
    appendFileSync(path.join(this.directory, name.fileName), bytes);
    this.sync.localChanged(name.fileName);
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    for (let turns = 0; !holds(); turns++) {
      if (turns > 100_000) assert.fail(`${what} never came: ${this.log.join('')}`);
      await turn();
    }
  }

  /** Once, at the next such operation. */
  failNext(at: Operation, fault: Fault): void {
    let armed = true;
    this.drive.fault = (operation) => {
      if (!armed || operation !== at) return undefined;
      armed = false;
      return fault;
    };
  }

  confirmed(name: { fileName: string }): number {
    return this.sync.state().confirmedBytes[name.fileName] ?? 0;
  }
}
