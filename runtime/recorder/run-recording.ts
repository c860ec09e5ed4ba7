/**
 * One run of EncroCrypt3 while it is written to its file: the header now and again, video and what happened beside it, a
 * checkpoint at least as often as the header says, and the final. Times are those of the monotonic clock.
 */
import path from 'node:path';
import {
  type EndReason,
  type Happening,
  maxPacketsPerCheckpoint,
  type RunWriter,
} from '../encrocrypt/v3/index.ts';
import type { RecordingName } from '../recordings/names.ts';
import type { CollectedVideo } from './collector.ts';
import { DiskFullError, PacketFile } from './packet-file.ts';
import type { ActiveRecording, FileOptions } from './recording-format.ts';

/** A reader that finds its way from the middle is never further from a header. */
export const headerIntervalMs = 10 * 60_000;
/** A run that is nearly as long as one may be ends at the next key frame, so that another one can begin there. */
const lastCallMs = 5 * 60_000;

export interface SealedRun {
  /** The whole packet. */
  readonly header: Buffer;
  readonly writer: RunWriter;
  readonly runId: Buffer;
  /** The public half of the key that signs it. */
  readonly runKey: Buffer;
  readonly headerHash: Buffer;
  /** The camera did not sign it. */
  readonly isLocked: boolean;
  /** When the run began, on the monotonic clock. */
  readonly startedMs: number;
  readonly checkpointMs: number;
}

export interface RunRecordingOptions extends FileOptions {
  readonly name: RecordingName;
  readonly run: SealedRun;
  /** A checkpoint that could not be written; the next one covers what it should have. */
  readonly onCheckpointFailed: (error: unknown) => void;
  /** Called with its last link when it is closed, in order or not. */
  readonly onClosed?: (link: Buffer) => Promise<void>;
}

export class RunRecording implements ActiveRecording {
  readonly name: RecordingName;
  readonly #options: RunRecordingOptions;
  readonly #file: PacketFile;
  #headerMs: number;
  #cancelCheckpoint: (() => void) | undefined;
  #isClosing = false;
  #endsSoon: EndReason | undefined;

  /** Opens the file and writes the header. */
  static async open(options: RunRecordingOptions): Promise<RunRecording> {
    const { directory, name, run } = options;
    const file = await PacketFile.open({
      ...options,
      path: path.join(directory, name.fileName),
      untaken: 'kept',
    });
    try {
      await file.write(() => run.header);
    } catch (error) {
      // The first failure is the one that matters.
      await file.abandon().catch(() => undefined);
      throw error;
    }
    return new RunRecording(file, options);
  }

  private constructor(file: PacketFile, options: RunRecordingOptions) {
    this.#file = file;
    this.#options = options;
    this.name = options.name;
    this.#headerMs = options.clock.monotonicMs();
    this.#scheduleCheckpoint();
  }

  /** What the next run's header names, once this one is closed. */
  get link(): Buffer {
    return this.#options.run.writer.link;
  }

  endBefore({ monotonicMs, isKeyFrame }: CollectedVideo): EndReason | undefined {
    const { writer } = this.#options.run;
    const timeMs = this.#since(monotonicMs);
    if (!writer.fits(timeMs) || (isKeyFrame && !writer.fits(timeMs + lastCallMs))) return 'length';
    return isKeyFrame ? this.#endsSoon : undefined;
  }

  async append({ video, monotonicMs, isKeyFrame }: CollectedVideo): Promise<void> {
    await this.#repeatHeader();
    await this.#write((writer) => writer.data(video, this.#since(monotonicMs), isKeyFrame));
  }

  endSoon(reason: EndReason): void {
    this.#endsSoon = reason;
  }

  note(happening: Happening, monotonicMs: number): Promise<void> {
    return this.#write((writer) => writer.note(happening, this.#since(monotonicMs)));
  }

  event(happening: Happening, monotonicMs: number): Promise<void> {
    return this.#write((writer) => writer.event(happening, this.#since(monotonicMs)));
  }

  /** A full disk gets no final. */
  async close(reason: EndReason): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#cancelCheckpoint?.();
    try {
      await this.#write((writer) => writer.final(this.#nowMs(), reason)).catch((error: unknown) => {
        if (!(error instanceof DiskFullError)) throw error;
      });
    } finally {
      await this.#file.close().finally(() => this.#options.onClosed?.(this.link));
    }
  }

  async #write(make: (writer: RunWriter) => readonly Buffer[]): Promise<void> {
    const { writer } = this.#options.run;
    await this.#file.write(() => {
      // So many in one interval: only a test gets here.
      const due = writer.uncovered >= maxPacketsPerCheckpoint ? [writer.checkpoint(this.#nowMs())] : [];
      return Buffer.concat([...due, ...make(writer)]);
    });
  }

  async #repeatHeader(): Promise<void> {
    const { clock, run } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#headerMs < headerIntervalMs) return;
    this.#headerMs = nowMs;
    await this.#file.write(() => run.header);
  }

  #scheduleCheckpoint(): void {
    const { clock, run, onCheckpointFailed } = this.#options;
    this.#cancelCheckpoint = clock.schedule(run.checkpointMs, () => {
      if (this.#isClosing) return;
      void this.#file.write(() => run.writer.checkpoint(this.#nowMs())).catch(onCheckpointFailed);
      this.#scheduleCheckpoint();
    });
  }

  #nowMs(): number {
    return this.#since(this.#options.clock.monotonicMs());
  }

  /** On the run's clock; what came before it began came at its beginning. */
  #since(monotonicMs: number): number {
    return Math.max(0, monotonicMs - this.#options.run.startedMs);
  }
}
