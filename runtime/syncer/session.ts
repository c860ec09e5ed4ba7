/**
 * One connection's work for one camera: finds out what the drive holds, brings it up to date, follows. It is
 * thrown away when anything fails; what must outlive it is in the ledger and with the host, `camera-sync.ts`.
 *
 * The newest recording is appended to as it grows, through an append that is held open. While older recordings
 * are missing on the drive, slices of them go between pieces of the newest.
 */
import path from 'node:path';
import { type EncroCamError, isEncroCamError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { RecordingName } from '../recordings/names.ts';
import { type DrivePath, drivePath, type Storage } from '../storage/storage.ts';
import type { Companions } from './companions.ts';
import { DriveView } from './drive-view.ts';
import type { Errands } from './errands.ts';
import type { Ledger, Recording } from './ledger.ts';
import { firstSliceBytes, type Job, nextJob, nextSliceBytes } from './plan.ts';
import { Upload } from './upload.ts';
import { verifyCopy } from './verify.ts';
import type { Clock, Wake } from './wake.ts';

/**
 * An append that is held open is ended this often, so that the drive confirms what it holds: that is what may be
 * removed from a full disk, and what the monitor is told. It costs two or three round trips, some 3 ms on a local
 * network and 200 ms across an ocean: 2 % of the time at most.
 */
export const confirmIntervalMs = 10_000;
/** Servers end a data connection that says nothing; vsftpd waits 300 s, hosting companies less. */
export const idleMs = 3000;
/** Longest time for which an event that the kernel lost can delay an upload. */
const pollMs = 1000;
/** How often the whole directory is read again, in case an event for an older file was lost. */
const rescanMs = 30_000;
/** Bytes of the newest recording that are sent before timers are looked at again. */
const burstBytes = 1024 * 1024;
/** Removing a year of recordings must not hold live video up. */
const removalSliceMs = 500;
/** After this, what the drive holds is asked again before an append. */
const sizeTrustMs = 1000;

export interface SessionOptions {
  /** Tells this connection from the ones before. */
  readonly number: number;
  readonly storage: Storage;
  readonly driveDirectory: string;
  readonly ledger: Ledger;
  readonly companions: Companions;
  /** End when the drive is up to date. */
  readonly once: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly wake: Wake;
  readonly host: SessionHost;
  /** What is to be done between uploads. */
  readonly errands?: Pick<Errands, 'areDue' | 'run'> | undefined;
}

/** What outlives a connection. */
export interface SessionHost {
  readonly stopping: boolean;
  /** Whether the drive shall hold a recording, and it is to be tried now. */
  isDue(name: RecordingName): boolean;
  /** Called before each step with what it will be; `undefined`: all is done that can be. */
  stepping(job: Job<Recording> | undefined, isBetweenUploads: boolean): void;
  /** The drive confirmed bytes. */
  confirmed(bytes: number): void;
  mismatched(recording: Recording, error: EncroCamError): void;
  /** The drive holds all of a recording, and `bytes` more than the disk. */
  ahead(recording: Recording, bytes: number): void;
  failed(recording: Recording, error: unknown): void;
  /** Names to be removed from the drive, once when they are due: takes the listing. */
  dueRemovals(list: () => ReturnType<Storage['list']>): Promise<readonly string[]>;
  removed(fileName: string): void;
  /** @returns whether the removal of other files is to be tried. */
  removalRefused(fileName: string, error: unknown): boolean;
  /** The drive held these recordings and does not any more. */
  vanished(recordings: readonly Recording[]): void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #directory: DrivePath;
  readonly #drive = new DriveView();
  #open: { readonly upload: Upload; readonly openedMs: number; sentMs: number } | undefined;
  #lastConfirmed: { readonly recording: Recording; readonly atMs: number } | undefined;
  #sliceBytes = firstSliceBytes;
  #nextRescanMs = 0;
  #removals: string[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#directory = drivePath('/', options.driveDirectory);
  }

  /** Works until the host stops, or with `once` until the drive is up to date. */
  async run(): Promise<void> {
    const { storage, ledger, clock, host, once, number } = this.#options;
    await storage.connect();
    await storage.makeDirectory(this.#directory);
    await this.#list();
    while (!host.stopping) {
      if (clock.now() >= this.#nextRescanMs) {
        this.#nextRescanMs = clock.now() + rescanMs;
        ledger.changed();
      }
      await ledger.update();
      await this.#cleanUp();
      const job = nextJob(ledger.recordings, number, (name) => host.isDue(name));
      host.stepping(job, this.#open === undefined);
      if (this.#mustConfirm(job)) await this.#confirm();
      else if (await this.#sendCompanions(job)) continue;
      else if (await this.#mayRunErrands()) continue;
      else if (job) await this.#do(job);
      else if (this.#removals.length > 0) continue;
      else if (once) break;
      else await this.#idle();
    }
    await this.#confirm();
  }

  /** Gives everything up at once. */
  async abort(): Promise<void> {
    await this.#open?.upload.abort();
    this.#open = undefined;
    for (const recording of this.#options.ledger.recordings) {
      const { copy, confirmedBytes } = recording;
      // What was sent and not confirmed may be there, or not, or in part.
      if (copy.kind === 'known' && copy.bytes !== confirmedBytes) recording.copy = { kind: 'unknown' };
    }
  }

  async #list(): ReturnType<Storage['list']> {
    const { storage, ledger } = this.#options;
    const listing = await storage.list(this.#directory);
    this.#options.companions.enter(listing);
    const missing = this.#drive.enter(listing, ledger.recordings);
    const vanished: Recording[] = [];
    for (const { recording, fileName } of missing) {
      // A listing may be cut short: only the file's own absence says that it is gone.
      const size = await storage.size(this.#path(fileName));
      if (size === undefined) vanished.push(recording);
      else this.#drive.set(fileName, size);
    }
    if (vanished.length > 0) this.#options.host.vanished(vanished);
    return listing;
  }

  /** Between appends, when no older recording waits. */
  async #sendCompanions(job: Job<Recording> | undefined): Promise<boolean> {
    const { storage, ledger, companions, once } = this.#options;
    if (this.#open || (job && job.recording !== ledger.newest)) return false;
    return companions.send(storage, once && !job);
  }

  async #idle(): Promise<void> {
    const { clock, ledger, wake } = this.#options;
    const open = this.#open;
    const confirmMs = open
      ? Math.min(open.openedMs + confirmIntervalMs, open.sentMs + idleMs) - clock.now()
      : pollMs;
    await wake.wait(Math.max(0, Math.min(confirmMs, pollMs)));
    if (ledger.newest) ledger.changed(ledger.newest.name.fileName);
  }

  #mustConfirm(job: Job<Recording> | undefined): boolean {
    const { clock, ledger, once } = this.#options;
    const open = this.#open;
    if (!open) return false;
    const { recording } = open.upload;
    if (!ledger.has(recording)) return true;
    if (job && (job.recording !== recording || job.kind === 'verify')) return true;
    if (clock.now() - open.openedMs >= confirmIntervalMs) return true;
    return !job && (once || clock.now() - open.sentMs >= idleMs);
  }

  /** @returns whether time went by. */
  async #mayRunErrands(): Promise<boolean> {
    const { errands } = this.#options;
    if (!(await errands?.areDue())) return false;
    await this.#confirm();
    await errands?.run();
    return true;
  }

  async #do(job: Job<Recording>): Promise<void> {
    const { recording } = job;
    try {
      if (job.kind === 'verify') await this.#verify(recording);
      else if (recording === this.#options.ledger.newest) await this.#sendNewest(recording);
      else await this.#sendSlice(recording);
    } catch (error) {
      this.#options.host.failed(recording, error);
      throw error;
    }
  }

  async #verify(recording: Recording): Promise<void> {
    const { storage, ledger, number, host } = this.#options;
    await verifyCopy({
      storage,
      ledger,
      recording,
      session: number,
      drive: this.#drive.sizes,
      pathOf: (fileName) => this.#path(fileName),
      different: (error) => host.mismatched(recording, error),
      ahead: (bytes) => host.ahead(recording, bytes),
    });
    this.#lastConfirmed = { recording, atMs: this.#options.clock.now() };
  }

  /** Appends what is new of the newest recording, and leaves the append open for more. */
  async #sendNewest(recording: Recording): Promise<void> {
    const { clock } = this.#options;
    if (!this.#open) {
      if (!(await this.#isAsKnown(recording))) return;
      const nowMs = clock.now();
      this.#open = { upload: this.#newUpload(recording), openedMs: nowMs, sentMs: nowMs };
    }
    const { upload } = this.#open;
    const result = await upload.pump(burstBytes);
    this.#open.sentMs = clock.now();
    if (result === 'gone' || result === 'diverged') await this.#lost(recording);
  }

  /** Appends a part of an older recording, and has it confirmed. */
  async #sendSlice(recording: Recording): Promise<void> {
    const { clock } = this.#options;
    if (!(await this.#isAsKnown(recording))) return;
    const openedMs = clock.now();
    const before = recording.copy.kind === 'known' ? recording.copy.bytes : 0;
    this.#open = { upload: this.#newUpload(recording), openedMs, sentMs: openedMs };
    const result = await this.#open.upload.pump(this.#sliceBytes);
    const sentBytes = (recording.copy.kind === 'known' ? recording.copy.bytes : 0) - before;
    await this.#confirm();
    this.#sliceBytes = nextSliceBytes(this.#sliceBytes, sentBytes, clock.now() - openedMs);
    if (result === 'gone' || result === 'diverged') await this.#lost(recording);
  }

  /** The local file is gone, or no longer begins with what was sent: what the drive holds is compared again. */
  async #lost(recording: Recording): Promise<void> {
    await this.#confirm();
    recording.copy = { kind: 'unknown' };
    recording.confirmedBytes = 0;
    this.#options.ledger.changed(recording.name.fileName);
  }

  /** Whether the drive's file still has the size it was left with: others may write there, too. */
  async #isAsKnown(recording: Recording): Promise<boolean> {
    const { storage, clock } = this.#options;
    const { copy } = recording;
    if (copy.kind !== 'known') return false;
    const last = this.#lastConfirmed;
    if (last?.recording === recording && clock.now() - last.atMs <= sizeTrustMs) return true;
    const size = await storage.size(this.#path(copy.target.fileName));
    if ((size ?? 0) === copy.bytes) return true;
    this.#drive.set(copy.target.fileName, size);
    recording.copy = { kind: 'unknown' };
    recording.confirmedBytes = 0;
    return false;
  }

  #newUpload(recording: Recording): Upload {
    const { storage, driveDirectory, ledger } = this.#options;
    const localFile = path.join(ledger.directory, recording.name.fileName);
    return new Upload({ storage, driveDirectory, localFile, ledger, recording });
  }

  /** Ends the open append, if there is one, and enters what the drive confirms. */
  async #confirm(): Promise<void> {
    const open = this.#open;
    if (!open) return;
    const { upload } = open;
    const confirmed = await upload.finish();
    this.#open = undefined;
    const { recording } = upload;
    this.#lastConfirmed = { recording, atMs: this.#options.clock.now() };
    if (recording.copy.kind === 'known' && recording.copy.bytes > 0) {
      this.#drive.set(upload.target.fileName, recording.copy.bytes);
    }
    if (confirmed > 0) this.#options.host.confirmed(confirmed);
  }

  /** Removes what is due on the drive, a short time's worth. */
  async #cleanUp(): Promise<void> {
    const { storage, clock, host, logger } = this.#options;
    const due = await host.dueRemovals(async () => {
      await this.#confirm();
      return this.#list();
    });
    this.#removals.push(...due);
    if (this.#removals.length === 0) return;
    await this.#confirm();
    const untilMs = clock.now() + removalSliceMs;
    while (this.#removals.length > 0 && clock.now() < untilMs) {
      const fileName = this.#removals.shift() ?? '';
      try {
        await storage.remove(this.#path(fileName));
      } catch (error) {
        if (!isEncroCamError(error, 'STORAGE_REFUSED')) throw error;
        if (!host.removalRefused(fileName, error)) this.#removals = [];
        // A driver may have ended the session over it.
        await storage.connect();
        continue;
      }
      this.#drive.set(fileName, undefined);
      host.removed(fileName);
      logger.info('removed from the drive: past retention', { file: fileName });
    }
  }

  #path(fileName: string): DrivePath {
    return drivePath('/', this.#options.driveDirectory, fileName);
  }
}
