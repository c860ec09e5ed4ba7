/** Recordings of EncroCrypt3, for one camera: each begins with a run that names the end of the run before. */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ClockState, type Container, HeaderIndex } from '../encrocrypt/v3/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { CameraAuthority, CertifiableRun } from './authority.ts';
import type { Clock } from './clock.ts';
import { FragmentCutter } from './fragments.ts';
import type { LastRun, LastRunStore } from './last-run.ts';
import type { LiveFile } from './live-file.ts';
import { PacketFile } from './packet-file.ts';
import type { ActiveRecording, FileOptions, OpenRequest, RecordingFormat } from './recording-format.ts';
import { RunRecording, type SealedRun } from './run-recording.ts';
import type { RunPlan } from './sealed-run.ts';
import type { StreamCutter } from './stream.ts';
import { TransportStreamCutter } from './transport-stream.ts';

/** The child that seals needs a second or two to start on a small board. */
const prepareAheadMs = 5000;
/** Video waits in memory while a run is sealed: so much is tried before it is given up. */
const sealPausesMs = [500, 2000];
/** A disk that is full may have room again. */
const certifyAttempts = 20;
const certifyPauseMs = 30_000;
/** A recorder that is to end waits so long for certificates: it is killed after twice that. */
const settleMs = 10_000;

export interface EncroCrypt3Options {
  readonly container: Container;
  /** Of the camera, for its headers. */
  readonly camera?: string;
  readonly authority: Pick<CameraAuthority, 'isLocked' | 'prepare' | 'sealRun' | 'certify'>;
  readonly lastRuns: LastRunStore;
  /** Told of each run that ended, sooner or later and maybe more than once; also of one that a power cut ended. */
  readonly onRunEnded?: (run: RunThatEnded) => void;
  /** Where live video is opened to others. */
  readonly live?: Pick<LiveFile, 'publish'>;
  readonly clockState: () => Promise<ClockState>;
  /** The newest block of a public chain that is known here, as headers name it. */
  readonly newestBlock: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type RunThatEnded = Omit<LastRun, 'recorded'> & NonNullable<LastRun['recorded']>;

export class EncroCrypt3Format implements RecordingFormat {
  readonly container: Container;
  readonly #options: EncroCrypt3Options;
  #last: Promise<LastRun | undefined> | undefined;
  /** The run that was opened last, closed or not. */
  #latest: RunRecording | undefined;
  /** The run that was opened last is closed, and what is known of it kept. */
  #closed: Promise<void> = Promise.resolve();
  /** When that was, by the monotonic clock. */
  #closedMs = 0;
  /** Certificates for runs that ended while the camera was locked. */
  #late: Promise<void> = Promise.resolve();
  /** Of the file that was opened last. */
  #index = { file: '', headers: new HeaderIndex() };
  #initialisations = new WeakMap<ActiveRecording, Buffer>();

  constructor(options: EncroCrypt3Options) {
    this.#options = options;
    this.container = options.container;
  }

  cutter(beginsAtMs: number): StreamCutter {
    return this.container === 'video/mp4' ? new FragmentCutter(beginsAtMs) : new TransportStreamCutter();
  }

  prepare(): void {
    this.#last ??= this.#loadLast();
    this.#last.catch(() => undefined);
    // Whoever asks for a run hears what is wrong.
    this.#options.authority.prepare().catch(() => undefined);
  }

  tend(_recording: ActiveRecording, leftMs: number): undefined {
    if (leftMs <= prepareAheadMs) this.prepare();
  }

  takes(recording: ActiveRecording, initialisation: Buffer | undefined): boolean {
    return (
      initialisation === undefined || this.#initialisations.get(recording)?.equals(initialisation) === true
    );
  }

  async open(
    { name, initialisation, timeMs, monotonicMs }: OpenRequest,
    file: FileOptions,
  ): Promise<RunRecording> {
    const { container, camera, clockState, lastRuns, live, logger } = this.#options;
    // Its end is what the header names.
    await this.#closed;
    this.#last ??= this.#loadLast();
    const before = await this.#last;
    // Video of the next one comes before the last one is on disk: a run begins where the one before ends, not before that.
    const waitedMs = Math.max(0, this.#closedMs - monotonicMs);
    const notBefore = await this.#options.newestBlock();
    const run = await this.#seal({
      recording: name.fileName,
      ...(before ? { previous: { runId: before.runId, link: before.link } } : {}),
      startMs: Math.ceil(timeMs + waitedMs),
      startedMs: monotonicMs + waitedMs,
      clock: { state: await clockState() },
      container,
      ...(initialisation ? { initialisation } : {}),
      ...(notBefore === undefined ? {} : { notBefore }),
      ...(camera === undefined ? {} : { name: camera }),
    });
    const { runId, runKey, headerHash } = run;
    const known = { runId, runKey, headerHash, file: name.fileName, startMs: run.startMs, before };
    const closed = Promise.withResolvers<void>();
    const keep = async (end?: { readonly link: Buffer; readonly endMs: number }): Promise<void> => {
      try {
        await lastRuns.keep({ ...known, ...end });
      } catch (error) {
        logger.warn('cannot note where the chain of recordings is; it will be read from the last one', {
          cause: messageOf(error),
        });
      }
    };
    await keep();
    if (this.#index.file !== name.fileName) this.#index = { file: name.fileName, headers: new HeaderIndex() };
    const recording = await RunRecording.open({
      ...file,
      name,
      run,
      index: this.#index.headers,
      onCheckpointFailed: (error) =>
        logger.warn('a checkpoint could not be written', { cause: messageOf(error) }),
      ...(live
        ? { onSegment: (nodes) => void live.publish({ runId, recording: name.fileName, nodes }) }
        : {}),
      onClosed: async (link, endedMs) => {
        this.#closedMs = endedMs;
        // The next one names the run before.
        if (!link) return closed.resolve();
        this.#last = Promise.resolve({ runId, link });
        const { startMs } = run;
        const endMs = startMs + Math.max(0, Math.round(endedMs - run.startedMs));
        await keep({ link, endMs });
        this.#options.onRunEnded?.({ runId, link, file: name.fileName, startMs, endMs });
        if (run.isLocked)
          await this.#certify({ runId, headerHash, link }, path.join(file.directory, name.fileName), file);
        closed.resolve();
      },
    });
    this.#closed = closed.promise;
    this.#latest = recording;
    if (initialisation) this.#initialisations.set(recording, initialisation);
    return recording;
  }

  async #loadLast(): Promise<LastRun | undefined> {
    const last = await this.#options.lastRuns.load();
    if (last?.recorded) {
      const { runId, link, recorded } = last;
      this.#options.onRunEnded?.({ runId, link, ...recorded });
    }
    return last;
  }

  /** Puts the camera's certificate behind a run that it could not sign, now or when it is unlocked. */
  async #certify(run: CertifiableRun, recording: string, file: FileOptions): Promise<void> {
    const tried = Promise.withResolvers<void>();
    if (this.#options.authority.isLocked) {
      // One after the other: however many have come together until somebody unlocks, what is recorded then goes before them.
      this.#late = this.#late.then(() => this.#appendCertificate(run, recording, file, tried.resolve));
      return;
    }
    // The next run does not wait for a second attempt: its video is there already.
    void this.#appendCertificate(run, recording, file, tried.resolve);
    await tried.promise;
  }

  async settled(): Promise<void> {
    const { authority, clock } = this.#options;
    if (authority.isLocked) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.schedule(settleMs, resolve);
      void this.#late.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** @param onTried called when it was tried once. */
  async #appendCertificate(
    run: CertifiableRun,
    recording: string,
    file: FileOptions,
    onTried: () => void,
  ): Promise<void> {
    const { authority, logger } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const certificate = await authority.certify(run);
        if (!certificate) break;
        const names = await file.fileSystem.list(file.directory);
        // It may have been recorded over meanwhile.
        if (!names.includes(path.basename(recording))) break;
        const isOpen = this.#latest?.name.fileName === path.basename(recording);
        if (!isOpen || !(await this.#latest?.appendBeside(certificate))) {
          const whole = await PacketFile.open({ ...file, path: recording, untaken: 'dropped' });
          await whole.write(() => certificate).finally(() => whole.close());
        }
        logger.info('what was recorded while locked is certified', { file: path.basename(recording) });
        break;
      } catch (error) {
        if (attempt === certifyAttempts) {
          logger.error('what was recorded while locked could not be certified', { cause: messageOf(error) });
          break;
        }
        onTried();
        // A recorder that has ended does not stay for it.
        await pause(certifyPauseMs, undefined, { ref: false });
      }
    }
    onTried();
  }

  async #seal(plan: RunPlan): Promise<SealedRun> {
    for (const pauseMs of sealPausesMs) {
      try {
        return await this.#options.authority.sealRun(plan);
      } catch (error) {
        this.#options.logger.warn('a run could not be sealed; trying again', { cause: messageOf(error) });
        await new Promise<void>((resolve) => {
          this.#options.clock.schedule(pauseMs, resolve);
        });
      }
    }
    return this.#options.authority.sealRun(plan);
  }
}
