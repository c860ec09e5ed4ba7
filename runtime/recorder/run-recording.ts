/**
 * One run of EncroCrypt3 while it is written to its file: the header now and again, video and what happened beside it, a
 * checkpoint at least as often as the header says, and the final. What a checkpoint or the final would vouch for without video is told before it. Times are those of the monotonic clock.
 */
import path from 'node:path';
import {
  type EndReason,
  type Happening,
  HeaderIndex,
  maxPacketsPerCheckpoint,
  type RunWriter,
  type TreeNode,
} from '../encrocrypt/v3/index.ts';
import type { RecordingName } from '../recordings/names.ts';
import { type CollectedVideo, fullPacketBytes } from './collector.ts';
import { DiskFullError, PacketFile } from './packet-file.ts';
import type { ActiveRecording, FileOptions } from './recording-format.ts';

/** A reader that finds its way from the middle is never further from a header. */
export const headerIntervalMs = 10 * 60_000;
/** A run that is nearly as long as one may be ends at the next key frame, so that another one can begin there. */
const lastCallMs = 5 * 60_000;
/** Room for what is written at once; what is larger, and rare, gets its own. */
const maxJoinedBytes = fullPacketBytes + 1024;

/** Nothing more can be written to a run of which a packet was lost. */
class BrokenRunError extends Error {
  override readonly name = 'BrokenRunError';
}

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
  /** When the run began, by the wall clock, and on the monotonic one. */
  readonly startMs: number;
  readonly startedMs: number;
  readonly checkpointMs: number;
}

export interface RunRecordingOptions extends FileOptions {
  readonly name: RecordingName;
  readonly run: SealedRun;
  /** Of the headers that are in the file already, as far as they are known. Default: none is. */
  readonly index?: HeaderIndex;
  /** A checkpoint that could not be written; the next one covers what it should have. */
  readonly onCheckpointFailed: (error: unknown) => void;
  /** Called with what opens the segment that begins, and the next one. */
  readonly onSegment?: (nodes: readonly TreeNode[]) => void;
  /**
   * Called when it is closed, in order or not, with the last link that is in the file, and when that was by the monotonic clock.
   * Without a link its header is not in the file: the run never was.
   */
  readonly onClosed?: (link: Buffer | undefined, endedMs: number) => Promise<void>;
}

export class RunRecording implements ActiveRecording {
  readonly name: RecordingName;
  readonly #options: RunRecordingOptions;
  readonly #file: PacketFile;
  readonly #index: HeaderIndex;
  /** Repetitions that were due so far: by the run's start, so that a reader knows where to look for them. */
  #headersDue: number;
  /** Used again for each write: fresh memory of a packet's size would take half as long as encrypting and hashing it. */
  #room: Buffer = Buffer.alloc(0);
  #cancelCheckpoint: (() => void) | undefined;
  #segmentTold = -1;
  #isClosing = false;
  #endsSoon: { readonly reason: EndReason; readonly fromMs: number } | undefined;
  /** A packet that has its number did not get into the file: whatever stood behind it would look like tampering. */
  #isBroken = false;
  #link: Buffer;
  /** Where the header will stand that a full disk did not take to its end; it is written before anything else. */
  #headerDueAt: number | undefined;

  /**
   * Opens the file and writes the header. One that a full disk did not take waits for room, as any packet does: another one
   * behind a piece of it would make that a piece of nothing for ever.
   */
  static async open(options: RunRecordingOptions): Promise<RunRecording> {
    const { directory, name, run } = options;
    const file = await PacketFile.open({
      ...options,
      path: path.join(directory, name.fileName),
      untaken: 'kept',
    });
    const offset = file.sizeBytes;
    try {
      await file.write(() => run.header);
    } catch (error) {
      if (!(error instanceof DiskFullError)) {
        // The first failure is the one that matters.
        await file.abandon().catch(() => undefined);
        throw error;
      }
    }
    return new RunRecording(file, offset, options);
  }

  private constructor(file: PacketFile, headerAt: number, options: RunRecordingOptions) {
    this.#file = file;
    this.#index = options.index ?? new HeaderIndex();
    this.#options = options;
    this.#headerDueAt = headerAt;
    if (file.isWhole) this.#headerIsThere();
    this.name = options.name;
    this.#headersDue = Math.floor(this.#nowMs() / headerIntervalMs);
    this.#link = options.run.writer.link;
    this.#scheduleCheckpoint();
  }

  /** What the next run's header names, once this one is closed: the last link that is in the file. */
  get link(): Buffer {
    return this.#link;
  }

  endBefore({ monotonicMs, isKeyFrame }: CollectedVideo): EndReason | undefined {
    const { writer } = this.#options.run;
    const timeMs = this.#since(monotonicMs);
    if (!writer.fits(timeMs) || (isKeyFrame && !writer.fits(timeMs + lastCallMs))) return 'length';
    // A run without its header has nothing that could end.
    const soon = this.#headerDueAt === undefined ? this.#endsSoon : undefined;
    return isKeyFrame && soon && monotonicMs >= soon.fromMs ? soon.reason : undefined;
  }

  async append({ video, monotonicMs, isKeyFrame }: CollectedVideo): Promise<void> {
    await this.#repeatHeader(this.#since(monotonicMs));
    await this.#write((writer) => writer.data(video, this.#since(monotonicMs), isKeyFrame));
    const { onSegment, run } = this.#options;
    const { segment } = run.writer;
    if (!onSegment || segment === this.#segmentTold) return;
    this.#segmentTold = segment;
    onSegment(run.writer.presentNodes());
  }

  endSoon(reason: EndReason, monotonicMs: number): void {
    this.#endsSoon = { reason, fromMs: monotonicMs };
  }

  note(happening: Happening, monotonicMs: number): Promise<void> {
    return this.#tell((writer) => writer.note(happening, this.#since(monotonicMs)));
  }

  event(happening: Happening, monotonicMs: number): Promise<void> {
    return this.#tell((writer) => writer.event(happening, this.#since(monotonicMs)));
  }

  /** What a full disk keeps until there is room is told. */
  async #tell(make: (writer: RunWriter) => readonly Buffer[]): Promise<void> {
    let isMade = false;
    try {
      await this.#write((writer) => {
        const packet = make(writer);
        isMade = true;
        return packet;
      });
    } catch (error) {
      if (!(isMade && error instanceof DiskFullError)) throw error;
    }
  }

  /**
   * Appends a packet that is not of this run, never inside one that a full disk cut short.
   * @returns false if it is being closed, so that nobody else writes to the file any more.
   */
  async appendBeside(packet: Buffer): Promise<boolean> {
    if (this.#isClosing) return false;
    await this.#file.write(() => packet);
    return true;
  }

  /** A full disk gets no final, nor does a run with a hole. */
  async close(reason: EndReason): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#cancelCheckpoint?.();
    try {
      await this.#write((writer) => [
        ...this.#absenceNote(writer),
        ...this.#indexNote(writer, this.#nowMs()),
        ...writer.final(this.#nowMs(), reason),
      ]).catch((error: unknown) => {
        if (!(error instanceof DiskFullError || error instanceof BrokenRunError)) throw error;
      });
    } finally {
      const { clock, onClosed, run } = this.#options;
      const endedMs = clock.monotonicMs();
      await this.#file.close().finally(() => {
        // There was room in the end for what waited.
        if (this.#file.isWhole && !this.#isBroken) this.#link = run.writer.link;
        const isThere = this.#headerDueAt === undefined || this.#file.isWhole;
        return onClosed?.(isThere ? this.#link : undefined, endedMs);
      });
    }
  }

  async #write(make: (writer: RunWriter) => readonly Buffer[]): Promise<void> {
    const { writer } = this.#options.run;
    let isMade = false;
    try {
      await this.#file.write(
        () => {
          // There was room for what had to stand before this.
          this.#headerIsThere();
          if (this.#isBroken) throw new BrokenRunError('the run has a hole');
          // So many in one interval: only a test gets here.
          const due = writer.uncovered >= maxPacketsPerCheckpoint ? [writer.checkpoint(this.#nowMs())] : [];
          isMade = due.length > 0;
          const packets = make(writer);
          isMade = true;
          return this.#joined([...due, ...packets]);
        },
        () => {
          this.#link = writer.link;
        },
      );
    } catch (error) {
      if (isMade && !(error instanceof DiskFullError)) this.#isBroken = true;
      throw error;
    }
  }

  #headerIsThere(): void {
    if (this.#headerDueAt === undefined) return;
    this.#index.add({ wallMs: this.#options.run.startMs, offset: this.#headerDueAt });
    this.#headerDueAt = undefined;
  }

  /** Valid until the next call: the file takes one after the other. */
  #joined(parts: readonly Buffer[]): Buffer {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > maxJoinedBytes) return Buffer.concat(parts, length);
    if (length > this.#room.length) this.#room = Buffer.allocUnsafeSlow(length);
    let end = 0;
    for (const part of parts) end += part.copy(this.#room, end);
    return this.#room.subarray(0, length);
  }

  /** @param timeMs of the packet that comes behind it. */
  async #repeatHeader(timeMs: number): Promise<void> {
    const due = Math.floor(this.#nowMs() / headerIntervalMs);
    if (due === this.#headersDue) return;
    const { header, startMs } = this.#options.run;
    let offset = 0;
    await this.#file.write(
      () => {
        this.#headerIsThere();
        offset = this.#file.sizeBytes;
        return header;
      },
      () => {
        this.#headersDue = due;
        this.#index.add({ wallMs: startMs + timeMs, offset });
      },
    );
    // Behind the header: no packet of these ten minutes stands before that.
    await this.#write((writer) => this.#indexNote(writer, timeMs));
  }

  #indexNote(writer: RunWriter, timeMs: number): readonly Buffer[] {
    const happening = this.#index.happening;
    return happening && writer.fits(timeMs) ? writer.note(happening, timeMs) : [];
  }

  /** Before what vouches for the time up to now. */
  #absenceNote(writer: RunWriter): readonly Buffer[] {
    const { absence, clock } = this.#options;
    const monotonicMs = clock.monotonicMs();
    const happening = absence?.(monotonicMs);
    const timeMs = this.#since(monotonicMs);
    return happening && writer.fits(timeMs) ? writer.note(happening, timeMs) : [];
  }

  #scheduleCheckpoint(): void {
    const { clock, run, onCheckpointFailed } = this.#options;
    this.#cancelCheckpoint = clock.schedule(run.checkpointMs, () => {
      if (this.#isClosing) return;
      void this.#write((writer) => [...this.#absenceNote(writer), writer.checkpoint(this.#nowMs())])
        // It vouches for nothing while a power cut can take it away.
        .then(() => this.#file.flushSoon(), onCheckpointFailed);
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
