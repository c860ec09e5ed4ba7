/**
 * The syncer as a whole: one {@link CameraSync} a camera, retention, the state file, the monitor. The cameras are
 * independent of each other; nothing here can stop one of them.
 */
import path from 'node:path';
import type { Camera, LoadedConfig } from '../config/load.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { ledgerDirectoryName } from '../recordings/companions.ts';
import { parseRecordingName, type RecordingName } from '../recordings/names.ts';
import { ledgerAlarm, periodMsOf, readLedgerState } from '../state/ledger-state.ts';
import { type SyncerCameraState, type SyncerState, stateIntervalMs, writeState } from '../state/state.ts';
import type { DriveFile, Storage } from '../storage/storage.ts';
import { CameraSync } from './camera-sync.ts';
import { cleanUpDisk } from './clean-up.ts';
import { CommandMailbox } from './command-mailbox.ts';
import { Errands } from './errands.ts';
import { Ledger } from './ledger.ts';
import { Monitor, type MonitorSignal, signalUrl } from './monitor.ts';
import { dayMs, judgeClock, planDriveCleanUp } from './retention.ts';
import { type Clock, systemClock, Wake } from './wake.ts';
import { type DirectoryWatch, watchDirectory } from './watch.ts';

/** Retention counts in days: an hour more or less is nothing, and a listing an hour costs nothing. */
export const cleanUpIntervalMs = 3600_000;
/** How long an upload has to be confirmed when the service is told to stop; then it is cut. */
export const stopTimeoutMs = 5000;

export interface SyncerOptions {
  readonly config: LoadedConfig;
  readonly cameras: readonly Camera[];
  readonly once: boolean;
  readonly logger: Logger;
  /** A session with the drive; one a camera. `undefined`: there is no drive. */
  readonly openDrive: (() => Promise<Storage>) | undefined;
  readonly callMonitor: (url: string, timeoutMs: number) => Promise<void>;
  readonly clockSynchronised: () => Promise<boolean>;
  readonly clock?: Clock;
  readonly random?: () => number;
}

interface Work {
  readonly camera: Camera;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly drive: { readonly sync: CameraSync; readonly storage: Storage } | undefined;
}

export class Syncer {
  readonly #options: SyncerOptions;
  readonly #clock: Clock;
  readonly #wake: Wake;
  readonly #monitor: Monitor | undefined;
  /** Of an owner without OpenPGP. */
  readonly #mailbox: CommandMailbox | undefined;
  readonly #startedMs: number;
  #work: readonly Work[] = [];
  #stopping = false;
  #nextCleanUpMs: number;
  #lastMonitorMs: number | undefined;
  #monitorCall: Promise<void> | undefined;
  #stateProblem: string | undefined;
  /** Something beside recording and upload that the monitor has to tell of. */
  #alarm: string | undefined;

  constructor(options: SyncerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#wake = new Wake(this.#clock);
    this.#startedMs = this.#clock.now();
    this.#nextCleanUpMs = this.#startedMs;
    const { monitor, owner, recordings } = options.config;
    if (owner.symmetricKeys !== undefined) {
      this.#mailbox = new CommandMailbox(recordings.directory, options.logger);
    }
    if (monitor && !options.once) {
      const { intervalSeconds, startAndFailSignals } = monitor;
      this.#monitor = new Monitor({ intervalMs: intervalSeconds * 1000, startAndFailSignals });
    }
  }

  /** Begins an orderly end. */
  stop(): void {
    this.#stopping = true;
    this.#wake.notify();
  }

  /** @returns whether the drive was complete at the end; without a drive `true`. */
  async run(): Promise<boolean> {
    const { once, cameras } = this.#options;
    this.#work = await Promise.all(cameras.map((camera) => this.#newWork(camera)));
    const watches = once ? [] : await Promise.all(this.#work.map((work) => this.#watch(work)));
    let running = this.#work.filter((work) => work.drive).length;
    const syncs = this.#work.map(async ({ drive }) => {
      if (!drive) return;
      await drive.sync.run();
      running -= 1;
      this.#wake.notify();
    });
    while (!this.#stopping && (!once || running > 0)) {
      await this.#tick();
      await this.#wake.wait(stateIntervalMs);
    }
    await this.#end(watches, syncs);
    if (once && !this.#stopping) await this.#cleanUp();
    await this.#writeState(this.#clock.now());
    return this.#work.every(({ drive }) => drive === undefined || drive.sync.complete);
  }

  async #newWork(camera: Camera): Promise<Work> {
    const { openDrive, once, config } = this.#options;
    const logger = this.#options.logger.with({ camera: camera.name });
    const ledger = new Ledger(camera.localDirectory);
    if (!openDrive) return { camera, ledger, logger, drive: undefined };
    const storage = await openDrive();
    const { driveDirectory, localDirectory } = camera;
    const errands =
      this.#mailbox &&
      new Errands({
        ...{ storage, driveDirectory, localDirectory, mailbox: this.#mailbox },
        ...{ clock: this.#clock, logger },
      });
    const sync = new CameraSync({
      name: camera.name,
      storage,
      driveDirectory,
      ledger,
      ...(camera === config.cameras[0] && {
        treeDirectory: path.join(config.recordings.directory, ledgerDirectoryName),
      }),
      errands,
      driveRetentionMs: driveRetentionMs(config),
      once,
      logger,
      clock: this.#clock,
      ...(this.#options.random && { random: this.#options.random }),
      planCleanUp: (listing) => this.#planDriveCleanUp(ledger, logger, listing),
      // Before the drive was looked at, nothing is known to be on it, and everything would be held back.
      onCaughtUp: () => {
        if (!once) void this.#cleanUpCamera(work);
      },
    });
    const work: Work = { camera, ledger, logger, drive: { sync, storage } };
    return work;
  }

  #watch({ camera, ledger, logger, drive }: Work): Promise<DirectoryWatch> {
    const changed = (fileName?: string): void =>
      drive ? drive.sync.localChanged(fileName) : ledger.changed(fileName);
    return watchDirectory({
      directory: camera.localDirectory,
      onChange: changed,
      onError: (error) => {
        logger.warn('watching the recordings fails; they are looked at every second', {
          reason: messageOf(error),
        });
        changed();
      },
    });
  }

  async #tick(): Promise<void> {
    const { once, config } = this.#options;
    for (const { ledger, drive, logger } of this.#work) {
      // With a drive the session does this: one caller at a time.
      if (drive) continue;
      if (ledger.newest) ledger.changed(ledger.newest.name.fileName);
      await ledger.update().catch((error) => {
        logger.warn('the recordings cannot be read', { reason: messageOf(error) });
      });
    }
    const nowMs = this.#clock.now();
    if (!once && nowMs >= this.#nextCleanUpMs) {
      const isFirst = this.#nextCleanUpMs === this.#startedMs;
      this.#nextCleanUpMs = nowMs + cleanUpIntervalMs;
      for (const { drive } of this.#work) drive?.sync.requestCleanUp();
      if (!isFirst || config.storage.driver === 'none') await this.#cleanUp();
    }
    await this.#readAlarm(nowMs);
    this.#callMonitorIfDue(nowMs);
    await this.#writeState(undefined);
  }

  async #end(watches: readonly DirectoryWatch[], syncs: readonly Promise<void>[]): Promise<void> {
    for (const { drive } of this.#work) drive?.sync.stop();
    await Promise.all(watches.map((watch) => watch.close()));
    const cancel = this.#clock.setTimer(() => {
      for (const { drive, logger } of this.#work) {
        if (!drive || drive.sync.state().activity === 'stopped') continue;
        logger.warn('the upload did not end in time; the connection is cut');
        void drive.storage.close();
      }
    }, stopTimeoutMs);
    await Promise.all(syncs);
    cancel();
    await this.#monitorCall;
  }

  async #cleanUp(): Promise<void> {
    await Promise.all(this.#work.map((work) => this.#cleanUpCamera(work)));
  }

  async #cleanUpCamera({ camera, ledger, logger, drive }: Work): Promise<void> {
    const { config, clockSynchronised } = this.#options;
    const { retentionDays, removeUnrecognisedFiles } = config.recordings;
    try {
      await cleanUpDisk({
        directory: camera.localDirectory,
        nowMs: this.#clock.now(),
        retentionMs: retentionDays * dayMs,
        drive: drive && {
          retentionMs: driveRetentionMs(config),
          confirmedBytes: { ...ledger.confirmed(), ...drive.sync.confirmedCompanions() },
        },
        removeUnrecognised: removeUnrecognisedFiles,
        clockSynchronised: await clockSynchronised(),
        logger,
      });
    } catch (error) {
      logger.warn('retention on the disk failed', { reason: messageOf(error) });
    }
  }

  async #planDriveCleanUp(
    ledger: Ledger,
    logger: Logger,
    listing: readonly DriveFile[],
  ): Promise<readonly string[]> {
    const { config, clockSynchronised } = this.#options;
    if (config.storage.driver === 'none' || config.storage.retention === 'server') return [];
    const nowMs = this.#clock.now();
    const due = planDriveCleanUp(listing, {
      nowMs,
      retentionMs: driveRetentionMs(config),
      removeUnrecognised: config.recordings.removeUnrecognisedFiles,
    });
    if (due.length === 0) return due;
    const names = ledger.recordings.map((recording) => recording.name);
    // Names on the drive count as well: after a card was replaced they are all there is to hold the clock against.
    const verdict = judgeClock(nowMs, await clockSynchronised(), [...names, ...recordingNames(listing)]);
    if (verdict.plausible) return due;
    logger.warn('nothing is removed from the drive for its age', { reason: verdict.reason });
    return [];
  }

  /** The monitor tells of the ledger's wallet too: it is what owners look at. */
  async #readAlarm(nowMs: number): Promise<void> {
    const { ledger, recordings } = this.#options.config;
    if (!this.#monitor || !ledger) return;
    const state = await readLedgerState(recordings.directory);
    const alarm = ledgerAlarm(state, { periodMs: periodMsOf(ledger), nowMs });
    if (alarm !== undefined && this.#alarm === undefined) {
      this.#options.logger.warn('the uptime monitor is told of a failure: checkpoints wait for coins', {
        reason: alarm,
      });
    }
    this.#alarm = alarm;
  }

  #callMonitorIfDue(nowMs: number): void {
    // A call that hangs until its time-out holds nothing up but the next call.
    if (!this.#monitor || this.#monitorCall) return;
    const signal = this.#monitor.check(
      this.#work.map(({ camera, ledger, drive }) => ({
        name: camera.name,
        recordedBytes: ledger.grownBytes,
        uploadedBytes: drive?.sync.bytesUploaded,
      })),
      nowMs,
      { isAlarmed: this.#alarm !== undefined },
    );
    if (!signal) return;
    this.#monitorCall = this.#call(signal).finally(() => {
      this.#monitorCall = undefined;
    });
  }

  async #call(signal: MonitorSignal): Promise<void> {
    const { config, callMonitor, logger } = this.#options;
    if (!config.monitor) return;
    const { url, timeoutSeconds } = config.monitor;
    try {
      await callMonitor(signalUrl(url, signal), timeoutSeconds * 1000);
      this.#lastMonitorMs = this.#clock.now();
      logger.debug('called the uptime monitor', { signal });
    } catch (error) {
      logger.warn(messageOf(error), { signal });
    }
  }

  async #writeState(stoppedMs: number | undefined): Promise<void> {
    const { config, logger } = this.#options;
    try {
      await writeState(config.recordings.directory, this.#state(stoppedMs));
      this.#stateProblem = undefined;
    } catch (error) {
      const reason = messageOf(error);
      if (reason !== this.#stateProblem) logger.warn('the state cannot be written', { reason });
      this.#stateProblem = reason;
    }
  }

  #state(stoppedMs: number | undefined): SyncerState {
    return {
      service: 'sync',
      pid: process.pid,
      startedMs: this.#startedMs,
      updatedMs: this.#clock.now(),
      ...(stoppedMs !== undefined && { stoppedMs }),
      location: this.#work[0]?.drive?.storage.location ?? 'none',
      nextRetentionMs: this.#nextCleanUpMs,
      ...(this.#lastMonitorMs !== undefined && { lastMonitorMs: this.#lastMonitorMs }),
      cameras: this.#work.map((work) => cameraState(work, stoppedMs !== undefined)),
    };
  }
}

function cameraState({ camera, drive }: Work, stopped: boolean): SyncerCameraState {
  if (drive) return drive.sync.state();
  return {
    name: camera.name,
    activity: stopped ? 'stopped' : 'following',
    backlogBytes: 0,
    backlogFiles: 0,
    bytesUploaded: 0,
    confirmedBytes: {},
  };
}

/** 0, for ever, also where there is no drive. */
function driveRetentionMs({ storage }: LoadedConfig): number {
  return storage.driver === 'none' ? 0 : storage.retentionDays * dayMs;
}

function recordingNames(listing: readonly DriveFile[]): RecordingName[] {
  return listing.map((file) => parseRecordingName(file.name)).filter((name) => name !== undefined);
}
