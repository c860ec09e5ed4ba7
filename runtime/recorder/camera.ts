/**
 * One camera, for as long as the recorder runs: starts ffmpeg, puts what it delivers into the recording of the
 * present slot, and starts it again at a slot's end, on a stall, and on exit. What happens to one camera is of no
 * consequence to another.
 */

import { type Backoff, createBackoff } from '../backoff.ts';
import type { Camera } from '../config/load.ts';
import type { Happening, EndReason as RecordingEnd } from '../encrocrypt/v3/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import { type RecordingName, recordingAt } from '../recordings/names.ts';
import type { RecorderCameraState } from '../state/state.ts';
import { type Clock, StepDetector } from './clock.ts';
import type { CollectedVideo } from './collector.ts';
import { describeEnd, inBrackets, type VideoSource } from './ffmpeg-process.ts';
import type { FileSystem } from './file-system.ts';
import { GapLog, type PreviousRun } from './gap-log.ts';
import { OpenRecordings } from './open-recordings.ts';
import { DiskFullError } from './packet-file.ts';
import type { ActiveRecording, OpenRequest, RecordingFormat } from './recording-format.ts';
import { Session } from './session.ts';
import { chooseRecording, endsTogether } from './slot.ts';
import type { SpaceKeeper } from './space-keeper.ts';

/** How often stalls, slots and the clock are looked at. */
export const tickMs = 500;
/** Pauses before ffmpeg is started again: 1 s, doubling to 30 s; from the beginning after a healthy minute. */
const pauses = { firstMs: 1000, maxMs: 30_000, jitter: 0, stableMs: 60_000 };

export interface CameraRecorderOptions {
  readonly camera: Camera;
  readonly encoder: string;
  readonly slotMs: number;
  readonly format: RecordingFormat;
  /** Starts ffmpeg; it is told how far into the recording that is. */
  readonly start: (beginsAtMs: number) => VideoSource;
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

/** Why a session was ended by us. */
type EndReason = 'slot' | 'stall' | 'clock' | 'stop';

/** How long ffmpeg may take to end: one that stalls has nothing to deliver, one at a slot's end holds up the next. */
const stopTimeoutsMs: Record<EndReason, number> = { slot: 2000, clock: 2000, stall: 1000, stop: 5000 };

/** What the end of a session means for its recording. */
const recordingEnds: Record<EndReason, RecordingEnd> = {
  slot: 'time',
  clock: 'clock',
  stall: 'stream',
  stop: 'stop',
};

export class CameraRecorder {
  readonly #options: CameraRecorderOptions;
  readonly #gaps: GapLog;
  readonly #steps: StepDetector;
  readonly #backoff: Backoff;
  readonly #files: OpenRecordings;
  readonly #startedMs: number;
  #session: Session | undefined;
  #endReason: EndReason | undefined;
  #recording: ActiveRecording | undefined;
  #stopping = false;
  #stopped = false;
  #hasRecorded = false;
  /** Of the open recording's stream. */
  #initialisation: Buffer | undefined;
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
    this.#steps = new StepDetector(options.clock);
    this.#backoff = createBackoff({ ...pauses, now: () => options.clock.monotonicMs() });
    this.#startedMs = options.clock.monotonicMs();
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
    });
  }

  /** Runs until it is stopped; never rejects. */
  async run({ previous, afterPowerCut }: Beginning = { afterPowerCut: false }): Promise<void> {
    this.#previous = previous;
    this.#afterPowerCut = afterPowerCut;
    // Still true, and needed by the next run if this one is killed before its first write.
    this.#lastWriteMs = previous?.lastWriteMs;
    const cancelTick = this.#startTicking();
    while (!this.#stopping) {
      const problem = await this.#recordOnce();
      if (problem === undefined || this.#stopping) continue;
      const pauseMs = this.#backoff.failed();
      this.#restarts += 1;
      this.#options.logger.debug('starting again after a pause', { problem, pauseSeconds: pauseMs / 1000 });
      await this.#pause(pauseMs);
    }
    cancelTick();
    await this.#session?.drained;
    await this.#files.retire(this.#recording, 'stop');
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
  unlocked(): void {
    this.#note({ what: 'unlocked' });
    this.#recording?.endSoon('unlocked');
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
      ...(this.#recording ? { fileName: this.#recording.name.fileName } : {}),
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
    if (!this.#recording) format.prepare();
    const beginsAtMs = clock.nowMs() - name.startMs;
    const session = new Session({
      source: start(beginsAtMs),
      cutter: format.cutter(beginsAtMs),
      intervalMs: camera.encryptIntervalMs,
      clock,
      sink: async (collected) => {
        recording = await this.#successor(await opening, recording, collected);
        await this.#store(recording, collected);
      },
      onLine: (line) => logger.debug('ffmpeg says', { line }),
    });
    this.#session = session;
    this.#endReason = undefined;
    /** The one that it writes to, from its first video on. */
    let recording: ActiveRecording | undefined;
    const opening = session.begun.then((initialisation) => this.#recordingOf(name, initialisation));
    opening.catch(() => session.stop());
    const end = await session.ended;
    try {
      // An ffmpeg that ended before all video gets no recording.
      if (await Promise.race([session.begun.then(() => true), session.drained])) await opening;
    } catch (error) {
      await session.drained;
      this.#session = undefined;
      return this.#trouble(`cannot write: ${messageOf(error)}`, this.#silentSinceMs());
    }
    const reason: EndReason | undefined = this.#endReason;
    if (session.failure === undefined && (reason === 'slot' || reason === 'clock')) {
      // The device is free again: the next ffmpeg need not wait for this one's last bytes to be written.
      const open = this.#recording;
      this.#files.track(
        session.drained.then(() => this.#files.retire(recording ?? open, recordingEnds[reason])),
      );
      this.#recording = undefined;
      this.#gaps.begin(
        reason === 'slot' ? 'change to the next recording' : 'the clock was set',
        session.lastByteMs ?? this.#silentSinceMs(),
        true,
      );
      return undefined;
    }
    await session.drained;
    this.#session = undefined;
    if (reason === 'stop') return undefined;
    if (session.failure !== undefined) {
      // The file may be the problem: another one is opened.
      await this.#files.retire(this.#recording, 'stream');
      this.#recording = undefined;
      return this.#trouble(`cannot write: ${session.failure}`, session.lastByteMs ?? this.#silentSinceMs());
    }
    const cause =
      reason === 'stall'
        ? `no video for ${camera.stallTimeoutSeconds} s${inBrackets(session.lastWords)}`
        : describeEnd(end, session.lastWords);
    this.#note({ what: 'ffmpeg-ended', cause });
    return this.#trouble(cause, session.lastByteMs ?? this.#silentSinceMs());
  }

  /** The open recording's if it is the present slot's, or that of the one to open. */
  async #nameForNow(): Promise<RecordingName> {
    const { camera, clock, slotMs, fileSystem } = this.#options;
    const slot = recordingAt(clock.nowMs(), slotMs);
    if (this.#recording && endsTogether(this.#recording.name, slot)) return this.#recording.name;
    await this.#files.retire(this.#recording, 'time');
    this.#recording = undefined;
    const existing = await fileSystem.list(camera.localDirectory);
    return chooseRecording({ nowMs: clock.nowMs(), slotMs, existing, afterPowerCut: this.#afterPowerCut });
  }

  /** The open recording of that name, or a new one. */
  async #recordingOf(name: RecordingName, initialisation: Buffer | undefined): Promise<ActiveRecording> {
    const { clock, format } = this.#options;
    if (this.#recording && format.takes(this.#recording, initialisation)) return this.#recording;
    await this.#files.retire(this.#recording, 'stream');
    this.#recording = undefined;
    return this.#open({ name, initialisation, timeMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });
  }

  async #open(request: OpenRequest): Promise<ActiveRecording> {
    const recording = await this.#files.open(request);
    this.#afterPowerCut = false;
    this.#initialisation = request.initialisation;
    this.#recording = recording;
    return recording;
  }

  /** The recording that this video goes into: another part of the same file where the one before has to end. */
  async #successor(
    first: ActiveRecording,
    latest: ActiveRecording | undefined,
    { timeMs, monotonicMs, ...video }: CollectedVideo,
  ): Promise<ActiveRecording> {
    const recording = latest ?? first;
    const reason = recording.endBefore({ ...video, timeMs, monotonicMs });
    // One that was left by its session has no successor: its time is over.
    if (reason === undefined || recording !== this.#recording) return recording;
    await this.#files.retire(recording, reason);
    this.#recording = undefined;
    return this.#open({ name: recording.name, initialisation: this.#initialisation, timeMs, monotonicMs });
  }

  async #store(recording: ActiveRecording, collected: CollectedVideo): Promise<void> {
    const { space } = this.#options;
    if (space.blocked) {
      this.#trouble('disk full', collected.monotonicMs);
      return;
    }
    try {
      await recording.append(collected);
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
      this.#trouble('disk full', collected.monotonicMs);
      await space.met();
      return;
    }
    this.#backoff.succeeded();
    if (!this.#hasRecorded) {
      this.#hasRecorded = true;
      const startMs = Math.round(collected.monotonicMs - this.#startedMs);
      this.#options.logger.info('video is coming', { startMs, encoder: this.#options.encoder });
      this.#gaps.tellOfPreviousRun(this.#previous, collected.timeMs);
    }
    // Last bytes of an ffmpeg that was asked to end do not end the gap that begins with them.
    const gap = recording === this.#recording ? this.#gaps.end(collected.monotonicMs) : undefined;
    if (!gap) return;
    const cause = gap.causes.join('; ');
    this.#note({ what: 'gap', milliseconds: Math.round(gap.lengthMs), cause }, collected.monotonicMs);
  }

  /** Into the recording, for everybody. */
  #note(happening: Happening, atMs = this.#options.clock.monotonicMs()): void {
    // What cannot be written now stands in the log.
    this.#recording?.note(happening, atMs).catch((error: unknown) => {
      this.#options.logger.debug('not noted', { ...happening, because: messageOf(error) });
    });
  }

  #tick(): void {
    const { camera, clock, format, logger, slotMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const stepMs = this.#steps.stepMs();
    if (stepMs !== 0) {
      logger.warn('the clock was set', { bySeconds: Math.round(stepMs / 1000) });
      this.#note({ what: 'clock-step', milliseconds: Math.round(stepMs) });
      this.#recording?.endSoon('clock');
    }
    const session = this.#session;
    const recording = this.#recording;
    if (session && recording && this.#endReason === undefined) {
      const wanted = recordingAt(clock.nowMs(), slotMs);
      const silentMs = nowMs - Math.max(session.lastByteMs ?? session.startedMs, session.startedMs);
      if (!endsTogether(wanted, recording.name)) {
        this.#endSession(stepMs === 0 ? 'slot' : 'clock');
      } else if (!session.heldBack && silentMs >= camera.stallTimeoutSeconds * 1000) {
        this.#endSession('stall');
      }
      const leftMs = recording.name.startMs + recording.name.lengthMs - clock.nowMs();
      const work = format.tend(recording, leftMs)?.catch((error: unknown) => {
        // A disk that is full: the old key is still good, and the next recording takes a new one.
        logger.warn('the new key could not be written', { cause: messageOf(error) });
      });
      if (work) this.#files.track(work);
    }
    this.#gaps.remind(nowMs);
  }

  #endSession(reason: EndReason): void {
    if (this.#endReason === 'stop') return;
    this.#endReason = reason;
    this.#session?.stop(stopTimeoutsMs[reason]);
  }

  #startTicking(): () => void {
    const { clock, slotMs } = this.#options;
    let cancel: () => void = () => undefined;
    const next = (): void => {
      // The end of a slot is met to the millisecond; the clock may be set meanwhile, hence never longer.
      const toSlotEndMs = slotMs - (clock.nowMs() % slotMs);
      cancel = clock.schedule(Math.min(tickMs, toSlotEndMs), () => {
        this.#tick();
        next();
      });
    };
    next();
    return () => cancel();
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

  /** When video came last, for a gap that begins before ffmpeg has delivered anything. */
  #silentSinceMs(): number {
    return this.#hasRecorded ? this.#options.clock.monotonicMs() : this.#startedMs;
  }
}
