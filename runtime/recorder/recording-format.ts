/** What a camera's life needs of a recording format; `encrocrypt2-format.ts` and `encrocrypt3-format.ts` give it. */
import type { Container, EndReason, Happening } from '../encrocrypt/v3/index.ts';
import type { RecordingName } from '../recordings/names.ts';
import type { CollectedVideo } from './collector.ts';
import type { PacketFileOptions } from './packet-file.ts';
import type { StreamCutter } from './stream.ts';

/** A recording, or a part of one that proves itself, while it is written. Times are those of the monotonic clock. */
export interface ActiveRecording {
  readonly name: RecordingName;
  /** @throws {DiskFullError} nothing of this video is in the file, or it will be whole when there is room. */
  append(video: CollectedVideo): Promise<void>;
  /** Something that everybody may know. Dropped by a format that has no place for it. If it rejects, it is not in the file and will not be. */
  note(happening: Happening, monotonicMs: number): Promise<void>;
  /** Something for the owners alone. Dropped as above. */
  event(happening: Happening, monotonicMs: number): Promise<void>;
  /**
   * It is to end, and another one of the same name to begin, with the first key frame that comes then or later. Ignored by a format
   * that need not.
   */
  endSoon(reason: EndReason, monotonicMs: number): void;
  /** Why this video must go into another one of the same name, if so. */
  endBefore(video: CollectedVideo): EndReason | undefined;
  /** Waits for what is being written, ends it in order, flushes, and closes. */
  close(reason: EndReason): Promise<void>;
}

export interface OpenRequest {
  readonly name: RecordingName;
  /** What has to stand before all video of this stream. */
  readonly initialisation: Buffer | undefined;
  /** Of its first byte, by the wall clock and by the monotonic one. */
  readonly timeMs: number;
  readonly monotonicMs: number;
}

/** What a file needs beyond its name and place. */
export interface FileOptions extends Omit<PacketFileOptions, 'path' | 'untaken'> {
  readonly directory: string;
  /** What is to be said, at this time, of time without video that is not over: nobody may take it for video that was recorded. */
  readonly absence?: (monotonicMs: number) => Happening | undefined;
}

export interface RecordingFormat {
  readonly container: Container;
  /** Takes apart what an ffmpeg writes that begins so far into the recording. */
  cutter(beginsAtMs: number): StreamCutter;
  /** One will be opened soon. */
  prepare(): void;
  /** Called now and again while one is open; `leftMs` is until its time is over. */
  tend(recording: ActiveRecording, leftMs: number): Promise<void> | undefined;
  /** Whether a stream that begins like this can go on in it. */
  takes(recording: ActiveRecording, initialisation: Buffer | undefined): boolean;
  /** Resolves when nothing is left to be done for what was recorded. */
  settled(): Promise<void>;
  /** Opens the file, new or not. */
  open(request: OpenRequest, file: FileOptions): Promise<ActiveRecording>;
}
