/**
 * Keeps one camera's directory on the drive equal to the one on disk: one connection after another, with growing
 * pauses between those that fail. What a connection does is in `session.ts`.
 */
import { type Backoff, createBackoff } from '../backoff.ts';
import { EncroCamError, isEncroCamError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { RecordingName } from '../recordings/names.ts';
import type { SyncerCameraState } from '../state/state.ts';
import type { DriveFile, Storage } from '../storage/storage.ts';
import { Companions } from './companions.ts';
import type { Errands } from './errands.ts';
import type { Ledger, Recording } from './ledger.ts';
import type { Job } from './plan.ts';
import { Problem } from './problem.ts';
import { Removals } from './removals.ts';
import { isExpired } from './retention.ts';
import { Session, type SessionHost } from './session.ts';
import { type Clock, Wake } from './wake.ts';

/** An older recording that the drive refuses is tried again after this; the others need not wait for it. */
const refusedHoldMs = 600_000;
/** With `once`: how often a connection is tried before giving up. */
const onceAttempts = 3;

export interface CameraSyncOptions {
  readonly name: string;
  readonly storage: Storage;
  readonly driveDirectory: string;
  readonly ledger: Ledger;
  /** Where the ledger's trees are, for the one camera that they are uploaded with. */
  readonly treeDirectory?: string;
  /** 0: for ever. */
  readonly driveRetentionMs: number;
  /** End when the drive is up to date. */
  readonly once: boolean;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random?: () => number;
  /** Names to be removed from the drive, of those that it lists; none where the server sees to its retention. */
  readonly planCleanUp: (listing: readonly DriveFile[]) => Promise<readonly string[]>;
  /** Of an owner without OpenPGP. */
  readonly errands?: Errands | undefined;
  /** Called when first nothing is left to be done. */
  readonly onCaughtUp?: () => void;
}

export class CameraSync {
  readonly #options: CameraSyncOptions;
  readonly #wake: Wake;
  readonly #backoff: Backoff;
  readonly #problem: Problem;
  readonly #removals: Removals;
  readonly #companions: Companions;
  readonly #refusedUntilMs = new Map<string, number>();
  #activity: SyncerCameraState['activity'] = 'connecting';
  #stopping = false;
  #cleanUpDue = true;
  #caughtUp = false;
  #lastMismatch: string | undefined;
  #bytesUploaded = 0;
  #lastUploadMs: number | undefined;
  #vanished = 0;

  constructor(options: CameraSyncOptions) {
    const { clock, logger, storage, random = Math.random } = options;
    this.#options = options;
    this.#wake = new Wake(clock);
    this.#backoff = createBackoff({ firstMs: 1000, maxMs: 60_000, random, now: () => clock.now() });
    this.#problem = new Problem(logger, clock, storage.location);
    this.#removals = new Removals(clock, logger, storage.location);
    const { ledger, driveDirectory, treeDirectory } = options;
    const isWanted = (name: RecordingName): boolean => this.#isWanted(name);
    this.#companions = new Companions({ ledger, driveDirectory, treeDirectory, isWanted, clock, logger });
  }

  /** Notes that a file changed on disk; without a name, that any may have. */
  localChanged(fileName?: string): void {
    this.#options.ledger.changed(fileName);
    this.#wake.notify();
  }

  /** Asks for what is past retention to be removed from the drive. */
  requestCleanUp(): void {
    this.#cleanUpDue = true;
    this.#wake.notify();
  }

  /** Ends `run` once what is being sent was confirmed. */
  stop(): void {
    this.#stopping = true;
    this.#wake.notify();
  }

  /** Whether everything that the drive should hold is there, and nothing had to go beside other bytes. */
  get complete(): boolean {
    const backlog = this.#options.ledger.backlog((name) => this.#isWanted(name));
    return this.#caughtUp && backlog.files === 0 && this.#lastMismatch === undefined;
  }

  /** Of each proof on the disk, how much the drive holds, if all of it. */
  confirmedCompanions(): Readonly<Record<string, number>> {
    return this.#companions.confirmed();
  }

  get bytesUploaded(): number {
    return this.#bytesUploaded;
  }

  state(): SyncerCameraState {
    const { name, ledger } = this.#options;
    const backlog = ledger.backlog((recording) => this.#isWanted(recording));
    const { refused } = this.#removals;
    const lastProblem = this.#problem.text ?? this.#lastMismatch;
    return {
      name,
      activity: this.#activity,
      ...(this.#lastUploadMs !== undefined && { lastUploadMs: this.#lastUploadMs }),
      backlogBytes: backlog.bytes,
      backlogFiles: backlog.files,
      bytesUploaded: this.#bytesUploaded,
      ...(lastProblem !== undefined && { lastProblem }),
      ...(refused !== undefined && { removalsRefused: refused }),
      ...(this.#vanished > 0 && { vanishedRecordings: this.#vanished }),
      confirmedBytes: ledger.confirmed(),
    };
  }

  /** Works until `stop`; with `once` until the drive is up to date, or was tried often enough. Never rejects. */
  async run(): Promise<void> {
    const { once, storage, clock } = this.#options;
    for (let attempt = 1; !this.#stopping; attempt++) {
      this.#activity = 'connecting';
      const session = this.#newSession(attempt);
      try {
        await session.run();
        break;
      } catch (error) {
        this.#problem.occurred(error);
        await this.#giveUp(session);
      }
      if (once && attempt >= onceAttempts) break;
      this.#activity = 'waiting';
      const untilMs = clock.now() + this.#backoff.failed();
      // Changes on disk wake it as well; they are no reason to try earlier.
      while (!this.#stopping && clock.now() < untilMs) await this.#wake.wait(untilMs - clock.now());
    }
    await storage.close();
    this.#activity = 'stopped';
  }

  async #giveUp(session: Session): Promise<void> {
    try {
      await session.abort();
    } catch (error) {
      this.#options.logger.debug('ending a broken upload failed as well', { reason: messageOf(error) });
    }
    await this.#options.storage.close();
  }

  #newSession(number: number): Session {
    const { storage, driveDirectory, ledger, once, logger, clock, errands } = this.#options;
    const host = this.#host;
    return new Session({
      number,
      storage,
      driveDirectory,
      ledger,
      companions: this.#companions,
      once,
      logger,
      clock,
      wake: this.#wake,
      host,
      errands,
    });
  }

  get #host(): SessionHost {
    const stopping = (): boolean => this.#stopping;
    return {
      get stopping() {
        return stopping();
      },
      ahead: ({ name }, bytes) =>
        this.#options.logger.warn(
          'the drive holds more of a recording than the disk: a power cut took it from the disk',
          {
            file: name.fileName,
            bytes,
          },
        ),
      isDue: (name) => this.#isWanted(name) && !this.#isHeld(name),
      stepping: (job, isBetweenUploads) => this.#stepping(job, isBetweenUploads),
      confirmed: (bytes) => this.#confirmed(bytes),
      mismatched: (recording, error) => this.#mismatched(recording, error),
      failed: (recording, error) => this.#failed(recording, error),
      dueRemovals: (list) => this.#dueRemovals(list),
      removed: (fileName) => this.#removals.removed(fileName),
      removalRefused: (fileName, error) => this.#removals.refusedFor(fileName, error),
      vanished: (recordings) => this.#noteVanished(recordings),
    };
  }

  /** Recordings that the drive would remove again at once are not sent to it. */
  #isWanted(name: RecordingName): boolean {
    return !isExpired(name, this.#options.clock.now(), this.#options.driveRetentionMs);
  }

  #isHeld(name: RecordingName): boolean {
    const untilMs = this.#refusedUntilMs.get(name.fileName);
    if (untilMs === undefined) return false;
    if (this.#options.clock.now() < untilMs) return true;
    this.#refusedUntilMs.delete(name.fileName);
    return false;
  }

  #stepping(job: Job<Recording> | undefined, isBetweenUploads: boolean): void {
    const { ledger, onCaughtUp, logger } = this.#options;
    this.#activity = job && job.recording !== ledger.newest ? 'catching-up' : 'following';
    if (job) return;
    if (isBetweenUploads) this.#works();
    // Not only between uploads: a recorder that writes without a pause leaves no such moment.
    if (this.#caughtUp) return;
    this.#caughtUp = true;
    const fields = {
      drive: this.#options.storage.location,
      recordings: ledger.recordings.length,
      uploadedBytes: this.#bytesUploaded,
    };
    const givenUp = ledger.recordings.filter(
      ({ name, copy }) => copy.kind === 'given-up' && this.#isWanted(name),
    );
    if (givenUp.length === 0) logger.info('the drive is up to date', fields);
    else {
      logger.error(
        'the drive is not up to date: recordings were given up, because their copies there were changed',
        {
          ...fields,
          givenUp: givenUp.length,
          oldest: givenUp[0]?.name.fileName,
        },
      );
    }
    onCaughtUp?.();
  }

  #confirmed(bytes: number): void {
    this.#bytesUploaded += bytes;
    this.#lastUploadMs = this.#options.clock.now();
    this.#works();
  }

  #works(): void {
    this.#backoff.succeeded();
    this.#problem.over();
  }

  #mismatched(recording: Recording, error: EncroCamError): void {
    this.#lastMismatch = `${error.message} [${error.code}]`;
    this.#options.logger.error(this.#lastMismatch, {
      file: recording.name.fileName,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }

  /** The newest is tried again as often as the connection is; an older one must not break that every time. */
  #failed(recording: Recording, error: unknown): void {
    const { ledger, clock } = this.#options;
    const isItsOwn = isEncroCamError(error, 'STORAGE_REFUSED') || !(error instanceof EncroCamError);
    if (!isItsOwn || recording === ledger.newest) return;
    this.#refusedUntilMs.set(recording.name.fileName, clock.now() + refusedHoldMs);
  }

  async #dueRemovals(list: () => Promise<readonly DriveFile[]>): Promise<readonly string[]> {
    if (!this.#cleanUpDue) return [];
    const due = await this.#options.planCleanUp(await list());
    this.#cleanUpDue = false;
    return this.#removals.due(due);
  }

  /** What is past retention may go, whoever removed it. What is not, somebody deleted, or the drive keeps less. */
  #noteVanished(recordings: readonly Recording[]): void {
    const { logger, storage } = this.#options;
    const fields = (some: readonly Recording[]) => ({
      drive: storage.location,
      recordings: some.length,
      oldest: some[0]?.name.fileName,
      newest: some.at(-1)?.name.fileName,
    });
    const wanted = recordings.filter(({ name }) => this.#isWanted(name));
    const expired = recordings.filter(({ name }) => !this.#isWanted(name));
    if (expired.length > 0) {
      logger.info(
        'the drive removed recordings past retention; they are not uploaded again',
        fields(expired),
      );
    }
    if (wanted.length === 0) return;
    this.#vanished += wanted.length;
    logger.warn('recordings are gone from the drive before their time; they are uploaded again', {
      ...fields(wanted),
      hint: 'If the drive removes old recordings by itself, set storage.retentionDays to the days that it keeps them.',
    });
  }
}
