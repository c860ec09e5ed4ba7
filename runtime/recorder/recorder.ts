/** The recorder: all cameras in one process, each on its own, and what they share. */
import path from 'node:path';
import type { Camera, LoadedConfig } from '../config/load.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import {
  type RecorderState,
  readRecorderState,
  readSyncerState,
  stateIntervalMs,
  writeState,
} from '../state/state.ts';
import { type Beginning, CameraRecorder } from './camera.ts';
import type { Clock } from './clock.ts';
import { type ChosenEncoder, ffmpegArguments } from './ffmpeg.ts';
import type { StartSource } from './ffmpeg-process.ts';
import type { FileSystem } from './file-system.ts';
import type { RecordingFormat } from './recording-format.ts';
import { SpaceKeeper } from './space-keeper.ts';

export interface PreparedCamera {
  readonly camera: Camera;
  readonly encoder: ChosenEncoder;
  readonly fontFile: string | undefined;
  readonly needsPacing: boolean;
}

export interface RecorderOptions {
  readonly config: LoadedConfig;
  readonly cameras: readonly PreparedCamera[];
  /** Whether recordings go to a drive, if the configuration is not to say so. */
  readonly hasDrive?: boolean;
  /** How one camera's recordings are made. */
  readonly formatFor: (camera: Camera, logger: Logger) => RecordingFormat;
  readonly startSource: StartSource;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another one after each start of the machine. */
  readonly bootId: string;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #cameras: CameraRecorder[] = [];
  readonly #running = new Set<Promise<void>>();
  #before: RecorderState | undefined;
  #isStopping = false;
  readonly #begun = new Set<CameraRecorder>();
  readonly #space: SpaceKeeper;
  readonly #startedMs: number;
  #cancelState: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  #stateFailed = false;

  constructor(options: RecorderOptions) {
    const { config, clock, logger } = options;
    this.#options = options;
    this.#startedMs = clock.nowMs();
    const { directory, keepFreeMegabytes, diskBudgetGigabytes } = config.recordings;
    this.#space = new SpaceKeeper({
      recordingsDirectory: directory,
      // All of them, whichever this process records: the disk is one.
      cameras: config.cameras,
      keepFreeBytes: keepFreeMegabytes * 1e6,
      budgetBytes: diskBudgetGigabytes === undefined ? undefined : diskBudgetGigabytes * 1e9,
      hasDrive: options.hasDrive ?? config.storage.driver !== 'none',
      readSyncerState: () => readSyncerState(directory),
      openFiles: () => new Set(this.#cameras.flatMap((camera) => camera.openFiles())),
      clock,
      logger,
    });
    this.#cameras.push(...options.cameras.map((prepared) => this.#cameraFor(prepared)));
  }

  #cameraFor(prepared: PreparedCamera): CameraRecorder {
    const { config, clock, logger, fileSystem, startSource, formatFor } = this.#options;
    const { camera, encoder } = prepared;
    const cameraLogger = logger.with({ camera: camera.name });
    const format = formatFor(camera, cameraLogger);
    const { container } = format;
    return new CameraRecorder({
      ...{ camera, encoder, format, fileSystem, clock, slotMs: config.slotMs, space: this.#space },
      start: (beginsAtMs, withSound) =>
        startSource(
          ffmpegArguments(camera, { ...prepared, container, beginsAtMs, withoutSound: !withSound }),
        ),
      logger: cameraLogger,
    });
  }

  /** Records until it is stopped and everything is on disk. */
  async run(): Promise<void> {
    await this.#space.start();
    this.#before = await readRecorderState(this.#options.config.recordings.directory);
    this.#writeStateRegularly();
    for (const camera of this.#cameras) this.#run(camera);
    while (this.#running.size > 0) await Promise.all(this.#running);
    this.#space.stop();
    this.#cancelState?.();
    await this.#writeState({ stoppedMs: this.#options.clock.nowMs() });
  }

  /** Records more cameras, from now on. */
  add(cameras: readonly PreparedCamera[]): void {
    if (this.#isStopping) return;
    this.#space.add(cameras.map(({ camera }) => camera));
    for (const prepared of cameras) {
      const camera = this.#cameraFor(prepared);
      this.#cameras.push(camera);
      this.#run(camera);
    }
  }

  /** What is recorded from the next key frame on is signed by the camera. */
  unlocked(cameras: readonly Camera[]): void {
    for (const camera of this.#cameras) {
      camera.unlocked(cameras.find(({ name }) => name === camera.state().name)?.motion);
    }
  }

  /** What is recorded from the next key frame on is for the owner's new keys. */
  keysChanged(): void {
    for (const camera of this.#cameras) camera.keysChanged();
  }

  #run(camera: CameraRecorder): void {
    // One that was added before the others began is not begun again with them.
    if (this.#begun.has(camera)) return;
    this.#begun.add(camera);
    const { bootId } = this.#options;
    const running = camera.run(beginning(this.#before, camera.state().name, bootId)).finally(() => {
      this.#running.delete(running);
    });
    this.#running.add(running);
  }

  stop(): void {
    this.#isStopping = true;
    for (const camera of this.#cameras) camera.stop();
  }

  kill(): void {
    for (const camera of this.#cameras) camera.kill();
  }

  #writeStateRegularly(): void {
    void this.#writeState({});
    this.#cancelState = this.#options.clock.schedule(stateIntervalMs, () => this.#writeStateRegularly());
  }

  #writeState(more: Pick<RecorderState, 'stoppedMs'>): Promise<void> {
    // One after the other: they share a temporary file.
    this.#writing = this.#writing.then(async () => {
      const { clock, config, logger } = this.#options;
      const state: RecorderState = {
        service: 'record',
        pid: process.pid,
        bootId: this.#options.bootId,
        startedMs: this.#startedMs,
        updatedMs: clock.nowMs(),
        ...more,
        cameras: this.#cameras.map((camera) => camera.state()),
      };
      try {
        await writeState(config.recordings.directory, state);
        this.#stateFailed = false;
      } catch (error) {
        // A full disk lets recordings be made room for, but not this; saying it once is enough.
        if (!this.#stateFailed) {
          logger.warn('cannot write the state file', {
            directory: path.join(config.recordings.directory, '.state'),
            cause: messageOf(error),
          });
        }
        this.#stateFailed = true;
      }
    });
    return this.#writing;
  }
}

/** What the state file of the run before tells a camera of this one. */
function beginning(state: RecorderState | undefined, name: string, bootId: string): Beginning {
  const inOrder = state?.stoppedMs !== undefined;
  // A process that was killed loses nothing: what it wrote is the kernel's. A kernel that went loses what was not flushed.
  const afterPowerCut = !inOrder && state?.bootId !== bootId;
  const lastWriteMs = state?.cameras.find((camera) => camera.name === name)?.lastWriteMs;
  if (typeof lastWriteMs !== 'number') return { afterPowerCut };
  return { afterPowerCut, previous: { lastWriteMs, inOrder } };
}
