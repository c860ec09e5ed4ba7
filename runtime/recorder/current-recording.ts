/**
 * The recording that a camera's video goes into. A file of EncroCrypt3 is one run or more: where one has to end, another one
 * begins in the same file. Only one is opened at a time, so that each names the end of the one before.
 */
import { type EndReason, FormatError, type Happening } from '../encrocrypt/v3/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { RecordingName } from '../recordings/names.ts';
import { fitting } from './causes.ts';
import { type Clock, StepDetector } from './clock.ts';
import type { CollectedVideo } from './collector.ts';
import type { OpenRecordings } from './open-recordings.ts';
import type { ActiveRecording, RecordingFormat } from './recording-format.ts';
import { type Waiting, WaitingRoom } from './waiting.ts';

export interface CurrentRecordingOptions {
  readonly format: Pick<RecordingFormat, 'takes'>;
  readonly files: Pick<OpenRecordings, 'open' | 'retire'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** These speak of the time at which they stand. */
const untrueLater: ReadonlySet<string> = new Set(['gap', 'storage-full']);

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
  readonly #pending: Interruption[] = [];
  readonly #waiting = new WaitingRoom();
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

  /** For everybody. What comes between two recordings stands at the beginning of the next. */
  note(happening: Happening, monotonicMs = this.#options.clock.monotonicMs()): void {
    this.#tell({ happening: fitting(happening), to: 'all', atMs: monotonicMs });
  }

  /** The same, for the owners alone. */
  event(happening: Happening, monotonicMs: number): void {
    this.#tell({ happening, to: 'owners', atMs: monotonicMs });
  }

  /** What waits comes first; all of it waits for the next recording if there is none. */
  #tell(one: Waiting): void {
    const recording = this.#open;
    if (!recording) this.#waiting.push(one);
    else for (const each of [...this.#waiting.take(), one]) this.#tellIn(recording, each);
  }

  #tellIn(recording: ActiveRecording, one: Waiting): void {
    const { happening, to, atMs } = one;
    const told = to === 'all' ? recording.note(happening, atMs) : recording.event(happening, atMs);
    told.catch((error: unknown) => {
      const { what } = happening;
      if (!(error instanceof FormatError) && !untrueLater.has(what)) return this.#waiting.push(one);
      // What is for the owners alone is not for the log.
      const of = to === 'all' ? happening : { what };
      const because = messageOf(error);
      this.#options.logger.warn('the recording does not tell of something that happened', { ...of, because });
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
    // What is opened now need not end for these.
    for (const { happening, atMs } of this.#pending.splice(0)) this.note(happening, atMs);
    // By the clock as it is set now, whenever that was.
    const timeMs = clock.nowMs() - (clock.monotonicMs() - monotonicMs);
    const recording = await files.open({ name, initialisation, timeMs, monotonicMs });
    this.#open = recording;
    this.#initialisation = initialisation;
    for (const one of this.#waiting.take()) this.#tellIn(recording, one);
    for (const interruption of this.#pending.splice(0)) this.#interrupt(recording, interruption);
    return recording;
  }
}
