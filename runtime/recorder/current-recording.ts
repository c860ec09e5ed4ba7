/**
 * The recording that a camera's video goes into. A file of EncroCrypt3 is one run or more: where one has to end, another one
 * begins in the same file. Only one is opened at a time, so that each names the end of the one before.
 */
import type { EndReason, Happening } from '../encrocrypt/v3/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { RecordingName } from '../recordings/names.ts';
import { fitting } from './causes.ts';
import { type Clock, StepDetector } from './clock.ts';
import type { CollectedVideo } from './collector.ts';
import type { OpenRecordings } from './open-recordings.ts';
import type { ActiveRecording, RecordingFormat } from './recording-format.ts';

export interface CurrentRecordingOptions {
  readonly format: Pick<RecordingFormat, 'takes'>;
  readonly files: Pick<OpenRecordings, 'open' | 'retire'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A camera that cannot be recorded for long has more to tell than what moved. */
const maxWaitingEvents = 100;

/** Why a recording is to end with the next key frame, and what it says of that. */
interface Interruption {
  readonly atMs: number;
  readonly reason: EndReason;
  readonly happening: Happening;
}

export class CurrentRecording {
  readonly #options: CurrentRecordingOptions;
  readonly #steps: StepDetector;
  /** What happened while none was open: what is being opened was made before that. */
  #pending: Interruption[] = [];
  /** Events that came while none was open. */
  #waiting: Omit<Interruption, 'reason'>[] = [];
  #open: ActiveRecording | undefined;
  /** Of its stream. */
  #initialisation: Buffer | undefined;

  constructor(options: CurrentRecordingOptions) {
    this.#options = options;
    this.#steps = new StepDetector(options.clock);
  }

  /** `undefined` between two, also while the next one is being opened. */
  get open(): ActiveRecording | undefined {
    return this.#open;
  }

  /** Ends the open one, if there is one. */
  async end(reason: EndReason): Promise<void> {
    await this.#options.files.retire(this.handOver(), reason);
  }

  /** The open one, which somebody else is to end. */
  handOver(): ActiveRecording | undefined {
    const recording = this.#open;
    this.#open = undefined;
    return recording;
  }

  /** The one for a stream that begins like this: the open one if it has that name and can go on, else a new one. */
  async forStream(name: RecordingName, initialisation: Buffer | undefined): Promise<ActiveRecording> {
    const { clock, format } = this.#options;
    const recording = this.#open;
    if (recording?.name.fileName === name.fileName && format.takes(recording, initialisation))
      return recording;
    return this.#next(name, 'stream', initialisation, clock.monotonicMs());
  }

  /** The one for this video of a stream that went into `recording`: another one of the same file where that has to end. */
  async forVideo(recording: ActiveRecording, video: CollectedVideo): Promise<ActiveRecording> {
    const reason = recording.endBefore(video);
    // One that was handed over has no successor: its time is over.
    if (reason === undefined || recording !== this.#open) return recording;
    return this.#next(recording.name, reason, this.#initialisation, video.monotonicMs);
  }

  /** By how much the wall clock was set since this was called last; the open recording says so. */
  lookAtClock(): number {
    const { logger } = this.#options;
    const stepMs = this.#steps.stepMs();
    if (stepMs === 0) return 0;
    logger.warn('the clock was set', { bySeconds: Math.round(stepMs / 1000) });
    this.endSoon('clock', { what: 'clock-step', milliseconds: Math.round(stepMs) });
    return stepMs;
  }

  /** Another run begins with the next key frame. */
  endSoon(reason: EndReason, happening: Happening): void {
    const interruption = { atMs: this.#options.clock.monotonicMs(), reason, happening };
    if (this.#open) this.#interrupt(this.#open, interruption);
    else this.#pending.push(interruption);
  }

  /** Into the open recording, for everybody; what cannot be written stands in the log alone. */
  note(happening: Happening, monotonicMs = this.#options.clock.monotonicMs()): void {
    this.#open?.note(fitting(happening), monotonicMs).catch((error: unknown) => {
      this.#options.logger.warn('the recording does not tell of something that happened', {
        ...{ ...happening, because: messageOf(error) },
      });
    });
  }

  /** For the owners alone; what comes between two recordings stands at the beginning of the next. */
  event(happening: Happening, monotonicMs: number): void {
    if (!this.#open) {
      this.#waiting = [...this.#waiting, { happening, atMs: monotonicMs }].slice(-maxWaitingEvents);
      return;
    }
    this.#open.event(happening, monotonicMs).catch((error: unknown) => {
      this.#options.logger.debug('an event was not recorded', {
        what: happening.what,
        because: messageOf(error),
      });
    });
  }

  #interrupt(recording: ActiveRecording, { atMs, reason, happening }: Interruption): void {
    this.note(happening, atMs);
    recording.endSoon(reason, atMs);
  }

  async #next(
    name: RecordingName,
    reason: EndReason,
    initialisation: Buffer | undefined,
    monotonicMs: number,
  ): Promise<ActiveRecording> {
    const { clock, files } = this.#options;
    await this.end(reason);
    this.lookAtClock();
    this.#pending = [];
    // By the clock as it is set now, whenever that was.
    const timeMs = clock.nowMs() - (clock.monotonicMs() - monotonicMs);
    const recording = await files.open({ name, initialisation, timeMs, monotonicMs });
    this.#open = recording;
    this.#initialisation = initialisation;
    for (const { happening, atMs } of this.#waiting.splice(0)) this.event(happening, atMs);
    for (const interruption of this.#pending) this.#interrupt(recording, interruption);
    return recording;
  }
}
