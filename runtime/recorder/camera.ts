/**
 * One camera, for as long as the recorder runs: starts ffmpeg, puts what it delivers into the recording of the
 * present slot, and starts it again at a slot's end, on a stall, and on exit. What happens to one camera is of no
 * consequence to another.
 */

import { type Backoff, createBackoff } from '../backoff.ts';
import type { Camera } from '../config/load.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type RecordingName, recordingAt } from '../recordings/names.ts';
import type { RecorderCameraState } from '../state/state.ts';
import { type CameraDevice, CameraWatch, deviceOf } from './camera-watch.ts';
import type { Clock } from './clock.ts';
import type { CollectedVideo } from './collector.ts';
import { CurrentRecording } from './current-recording.ts';
import { describeEnd, inBrackets, type VideoSource } from './ffmpeg-process.ts';
import type { FileSystem } from './file-system.ts';
import { GapLog, noteOf, type PreviousRun } from './gap-log.ts';
import { OpenRecordings } from './open-recordings.ts';
import { DiskFullError } from './packet-file.ts';
import { quietAfterMs } from './quiet.ts';
import type { ActiveRecording, RecordingFormat } from './recording-format.ts';
import { Resumption } from './resumption.ts';
import { Session } from './session.ts';
import { dueEnd, type EndReason, patienceMs, recordingEnds, stopTimeoutsMs } from './session-end.ts';
import { chooseRecording, endsTogether } from './slot.ts';
import type { SpaceKeeper } from './space-keeper.ts';
import { startTicking } from './ticks.ts';

/** Pauses before ffmpeg is started again: 1 s, doubling to 30 s; from the beginning after a healthy minute. */
const pauses = { firstMs: 1000, maxMs: 30_000, jitter: 0, stableMs: 60_000 };

/** The cause of a gap. */
const diskFull = 'disk full';

export interface CameraRecorderOptions {
  readonly camera: Camera;
  readonly encoder: string;
  readonly slotMs: number;
  readonly format: RecordingFormat;
  /** Starts ffmpeg; it is told how far into the recording that is, and whether to record sound, if that is configured. */
  readonly start: (beginsAtMs: number, withSound: boolean) => VideoSource;
  /** Default: what the kernel shows. */
  readonly device?: CameraDevice;
  readonly space: Pick<SpaceKeeper, 'blocked' | 'met' | 'wrote'>;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How a run begins. */
export interface Beginning {
  readonly previous?: PreviousRun;
  /** What is on disk may have lost its end. */
  readonly afterPowerCut: boolean;
}

export class CameraRecorder {
  readonly #options: CameraRecorderOptions;
  readonly #gaps: GapLog;
  readonly #current: CurrentRecording;
  readonly #watch: CameraWatch;
  readonly #backoff: Backoff;
  readonly #files: OpenRecordings;
  readonly #startedMs: number;
  #session: Session | undefined;
  /** The one that the session's video belongs to, open or not. */
  #name: RecordingName | undefined;
  #endReason: EndReason | undefined;
  #stopping = false;
  #stopped = false;
  #hasRecorded = false;
  #previous: PreviousRun | undefined;
  #afterPowerCut = false;
  #wake: (() => void) | undefined;
  #lastWriteMs: number | undefined;
  #bytesWritten = 0;
  #restarts = 0;
  #lastProblem: string | undefined;

  constructor(options: CameraRecorderOptions) {
    this.#options = options;
    this.#gaps = new GapLog(options.logger);
    this.#backoff = createBackoff({ ...pauses, now: () => options.clock.monotonicMs() });
    this.#startedMs = options.clock.monotonicMs();
    this.#gaps.starts(this.#startedMs);
    const { camera, format, fileSystem, clock, logger, space } = options;
    this.#files = new OpenRecordings({
      ...{ directory: camera.localDirectory, format, fileSystem, clock, logger },
      onWritten: (bytes) => {
        this.#bytesWritten += bytes;
        space.wrote(bytes);
      },
      onFlushed: () => {
        this.#lastWriteMs = clock.nowMs();
      },
      onProblem: (problem) => {
        this.#lastProblem = problem;
      },
      onFull: () => space.met(),
      absence: (atMs) => this.#gaps.soFar(atMs, this.#session?.pauseAt(atMs)),
    });
    this.#current = new CurrentRecording({ format, files: this.#files, clock, logger });
    const device = options.device ?? deviceOf(camera.input);
    this.#watch = new CameraWatch({ camera, device, current: this.#current, clock, logger });
  }

  /** Runs until it is stopped; never rejects. */
  async run({ previous, afterPowerCut }: Beginning = { afterPowerCut: false }): Promise<void> {
    this.#previous = previous;
    this.#afterPowerCut = afterPowerCut;
    // Still true, and needed by the next run if this one is killed before its first write.
    this.#lastWriteMs = previous?.lastWriteMs;
    const { clock, slotMs } = this.#options;
    const cancelTick = startTicking(clock, slotMs, () => this.#tick());
    while (!this.#stopping) {
      await this.#watch.ready(() => this.#stopping);
      const problem = await this.#recordOnce();
      if (problem === undefined || this.#stopping) continue;
      const pauseMs = this.#backoff.failed();
      this.#restarts += 1;
      this.#options.logger.debug('starting again after a pause', { problem, pauseSeconds: pauseMs / 1000 });
      await this.#pause(pauseMs);
    }
    cancelTick();
    await this.#session?.drained;
    await this.#watch.stop();
    await this.#current.end('stop');
    await this.#files.settled();
    this.#gaps.end(this.#options.clock.monotonicMs());
    this.#stopped = true;
    this.#options.logger.info('stopped', { bytes: this.#bytesWritten });
  }

  /** Asks ffmpeg to end; `run` resolves when all that it delivers is on disk. */
  stop(): void {
    this.#stopping = true;
    this.#endSession('stop');
    this.#wake?.();
  }

  /** What is recorded from the next key frame on is signed by the camera. */
  unlocked(motion: Camera['motion']): void {
    this.#watch.callOnMotion(motion);
    this.#current.endSoon('unlocked', { what: 'unlocked' });
  }

  /** What is recorded from the next key frame on is for the owner's new keys. */
  keysChanged(): void {
    this.#current.endSoon('stop', { what: 'key-changed' });
  }

  /** Ends ffmpeg at once, for when nobody waits any longer. */
  kill(): void {
    this.#session?.kill();
  }

  /** Paths of the files that are being written. */
  openFiles(): string[] {
    return this.#files.files;
  }

  state(): RecorderCameraState {
    const { camera, clock, encoder } = this.#options;
    const activity = this.#stopped
      ? 'stopped'
      : this.#gaps.cause !== undefined
        ? 'gap'
        : this.#hasRecorded
          ? 'recording'
          : 'starting';
    return {
      name: camera.name,
      activity,
      encoder,
      ...(this.#current.open ? { fileName: this.#current.open.name.fileName } : {}),
      ...(this.#lastWriteMs === undefined ? {} : { lastWriteMs: this.#lastWriteMs }),
      bytesWritten: this.#bytesWritten,
      restarts: this.#restarts,
      gapMs: Math.round(this.#gaps.totalMs(clock.monotonicMs())),
      ...(this.#lastProblem === undefined ? {} : { lastProblem: this.#lastProblem }),
    };
  }

  /** From one start of ffmpeg to its end. Gives what went wrong, or `undefined` if it may go on at once. */
  async #recordOnce(): Promise<string | undefined> {
    const { camera, clock, format, logger, start } = this.#options;
    let name: RecordingName;
    try {
      name = await this.#nameForNow();
    } catch (error) {
      return this.#trouble(`cannot write: ${messageOf(error)}`, this.#silentSinceMs());
    }
    if (this.#stopping) return undefined;
    // On a small board ffmpeg takes as long to start as a key to be sealed: side by side, and early video waits.
    if (!this.#current.open) format.prepare();
    const beginsAtMs = clock.nowMs() - name.startMs;
    const source = start(beginsAtMs, this.#watch.begins(name.startMs + name.lengthMs));
    this.#watch.started(source);
    const session = new Session({
      source,
      cutter: format.cutter(beginsAtMs),
      intervalMs: camera.encryptIntervalMs,
      clock,
      sink: async (collected) => {
        recording ??= await opening;
        // What comes last from an ffmpeg that was asked to end is worth no run of its own.
        if (this.#endReason === undefined) recording = await this.#current.forVideo(recording, collected);
        await this.#store(recording, collected, resumption);
        if (!delivers) this.#watch.delivers(collected.monotonicMs);
        delivers = true;
      },
      onLine: (line) => logger.debug('ffmpeg says', { line }),
      quietAfterMs: quietAfterMs(camera),
      onPause: (pause) => this.#gaps.paused(pause),
    });
    this.#session = session;
    this.#name = name;
    this.#endReason = undefined;
    /** The one that it writes to, from its first video on. */
    let recording: ActiveRecording | undefined;
    let delivers = false;
    const resumption = new Resumption();
    const opening = session.begun.then(async (initialisation) => {
      const opened = await this.#current.forStream(name, initialisation);
      this.#afterPowerCut = false;
      return opened;
    });
    opening.catch(() => session.stop());
    const end = await session.ended;
    // What it delivered last may still be on its way.
    await Promise.race([session.begun, session.drained]);
    try {
      // An ffmpeg that ended before all video gets no recording.
      if (session.hasBegun) await opening;
    } catch (error) {
      await session.drained;
      this.#session = undefined;
      return this.#trouble(`cannot write: ${messageOf(error)}`, session.lostSinceMs ?? this.#silentSinceMs());
    }
    const reason: EndReason | undefined = this.#endReason;
    if (session.failure === undefined && (reason === 'slot' || reason === 'clock')) {
      this.#leave(session, reason);
      return undefined;
    }
    await session.drained;
    this.#session = undefined;
    if (session.failure !== undefined) {
      // The file may be the problem: another one is opened.
      await this.#current.end('stream');
      return this.#trouble(`cannot write: ${session.failure}`, this.#lostSinceMs(session));
    }
    if (reason === 'stop') {
      this.#endsQuietly(session);
      return undefined;
    }
    const cause =
      reason === 'stall'
        ? `no video for ${patienceMs(session, camera.stallTimeoutSeconds * 1000) / 1000} s${inBrackets(session.lastWords)}`
        : describeEnd(end, session.lastWords);
    this.#current.note({ what: 'ffmpeg-ended', cause });
    const mayGoOn = this.#watch.ended(session, reason === 'stall' ? 'stall' : 'exit');
    const problem = this.#trouble(cause, this.#lostSinceMs(session));
    return mayGoOn ? undefined : problem;
  }

  /**
   * Leaves a recording to the last bytes of its session. The device is free: the next ffmpeg need not wait until they are
   * written.
   */
  #leave(session: Session, reason: 'slot' | 'clock'): void {
    const { logger } = this.#options;
    const recording = this.#current.handOver();
    const finish = async (): Promise<void> => {
      await session.drained;
      if (session.failure !== undefined) {
        this.#lastProblem = `cannot write the end of a recording: ${session.failure}`;
        logger.error(this.#lastProblem);
      }
      await this.#files.retire(recording, recordingEnds[reason]);
    };
    this.#files.track(finish());
    const cause = reason === 'slot' ? 'change to the next recording' : 'the clock was set';
    this.#gaps.begin(cause, session.lastByteMs ?? this.#silentSinceMs(), true);
  }

  /** The open recording's if it is the present slot's, or that of the one to open. */
  async #nameForNow(): Promise<RecordingName> {
    const { camera, clock, slotMs, fileSystem } = this.#options;
    const slot = recordingAt(clock.nowMs(), slotMs);
    const { open } = this.#current;
    if (open && endsTogether(open.name, slot)) return open.name;
    await this.#current.end('time');
    const existing = await fileSystem.list(camera.localDirectory);
    return chooseRecording({ nowMs: clock.nowMs(), slotMs, existing, afterPowerCut: this.#afterPowerCut });
  }

  async #store(recording: ActiveRecording, video: CollectedVideo, resumption: Resumption): Promise<void> {
    const { space } = this.#options;
    if (space.blocked) resumption.lost(video);
    if (space.blocked || !resumption.takes(video)) return this.#full(video);
    try {
      await recording.append(video);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      resumption.lost(video);
      this.#full(video);
      return space.met();
    }
    this.#backoff.succeeded();
    if (!this.#hasRecorded) {
      this.#hasRecorded = true;
      const startMs = Math.round(video.monotonicMs - this.#startedMs);
      this.#options.logger.info('video is coming', { startMs, encoder: this.#options.encoder });
      this.#gaps.reachBack(this.#previous, video);
    }
    // Last bytes of an ffmpeg that was asked to end do not end the gap that begins with them.
    const gaps = recording === this.#current.open ? this.#gaps.end(video.monotonicMs) : [];
    for (const gap of gaps) this.#current.note(noteOf(gap), gap.sinceMs + gap.lengthMs);
  }

  /** This video has no room. */
  #full({ monotonicMs }: CollectedVideo): void {
    if (this.#gaps.cause !== diskFull) this.#current.note({ what: 'storage-full' }, monotonicMs);
    this.#trouble(diskFull, monotonicMs);
  }

  #tick(): void {
    const { camera, clock, format, logger, slotMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const stepMs = this.#current.lookAtClock();
    const recording = this.#current.open;
    if (this.#session && this.#name && this.#endReason === undefined) {
      const due = dueEnd(this.#session, {
        ...{ nowMs, stepMs, stallTimeoutMs: camera.stallTimeoutSeconds * 1000 },
        isSlotOver: !endsTogether(recordingAt(clock.nowMs(), slotMs), this.#name),
        hasRecording: recording !== undefined,
      });
      if (due) this.#endSession(due);
      const leftMs = this.#name.startMs + this.#name.lengthMs - clock.nowMs();
      const work =
        recording &&
        format.tend(recording, leftMs)?.catch((error: unknown) => {
          // A disk that is full: the old key is still good, and the next recording takes a new one.
          logger.warn('the new key could not be written', { cause: messageOf(error) });
        });
      if (work) this.#files.track(work);
    }
    this.#gaps.remind(nowMs);
  }

  #endSession(reason: EndReason): void {
    if (this.#endReason === 'stop') return;
    // The end of a recording is no cause of what began before it.
    if (this.#session && reason !== 'stall') this.#endsQuietly(this.#session);
    this.#endReason = reason;
    this.#session?.stop(stopTimeoutsMs[reason]);
  }

  /** Its pause is a gap that its end does not end. */
  #endsQuietly(session: Session): void {
    const pause = session.pauseAt(this.#options.clock.monotonicMs());
    if (pause) this.#gaps.begin(pause.cause, pause.sinceMs);
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(pauseMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #trouble(cause: string, sinceMs: number): string {
    this.#lastProblem = cause;
    this.#gaps.begin(cause, sinceMs);
    return cause;
  }

  /** When the first video came that was lost with this session. */
  #lostSinceMs(session: Session): number {
    return session.lostSinceMs ?? session.lastByteMs ?? this.#silentSinceMs();
  }

  /** When video came last, for a gap that begins before ffmpeg has delivered anything. */
  #silentSinceMs(): number {
    return this.#hasRecorded ? this.#options.clock.monotonicMs() : this.#startedMs;
  }
}
