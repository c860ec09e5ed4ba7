/** The recordings that one camera has open: the present one, and the one before it while its last bytes are written. */
import path from 'node:path';
import type { EndReason } from '../encrocrypt/v3/index.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Clock } from './clock.ts';
import type { FileSystem } from './file-system.ts';
import { DiskFullError } from './packet-file.ts';
import type { ActiveRecording, FileOptions, OpenRequest, RecordingFormat } from './recording-format.ts';

export interface OpenRecordingsOptions {
  readonly directory: string;
  readonly format: RecordingFormat;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with the bytes that were added to a file. */
  readonly onWritten: (bytes: number) => void;
  /** Called when everything written so far is safe. */
  readonly onFlushed: () => void;
  readonly onProblem: (problem: string) => void;
  /** There was no room for a new file. */
  readonly onFull: () => Promise<void>;
  readonly absence?: FileOptions['absence'];
}

export class OpenRecordings {
  readonly #options: OpenRecordingsOptions;
  readonly #open = new Set<ActiveRecording>();
  readonly #working = new Set<Promise<void>>();

  constructor(options: OpenRecordingsOptions) {
    this.#options = options;
  }

  /** Paths of the files that are being written. */
  get files(): string[] {
    return [...this.#open].map(({ name }) => path.join(this.#options.directory, name.fileName));
  }

  /** Opens the file, new or not. */
  async open(request: OpenRequest): Promise<ActiveRecording> {
    const { directory, format, fileSystem, clock, logger, onWritten, onFlushed, onProblem, onFull, absence } =
      this.#options;
    const { fileName } = request.name;
    const file: FileOptions = {
      ...{ directory, fileSystem, clock, onWritten, onFlushed, ...(absence ? { absence } : {}) },
      onFlushFailed: (error) => {
        const problem = `cannot flush to disk: ${messageOf(error)}`;
        onProblem(problem);
        logger.error(problem, { file: fileName });
      },
    };
    const recording = await format.open(request, file).catch(async (error: unknown) => {
      if (error instanceof DiskFullError) await onFull();
      throw error;
    });
    this.#open.add(recording);
    logger.info('recording', { file: fileName });
    return recording;
  }

  /** Closes a recording for good. */
  async retire(recording: ActiveRecording | undefined, reason: EndReason): Promise<void> {
    if (!recording) return;
    try {
      await recording.close(reason);
    } catch (error) {
      const problem = `cannot close ${recording.name.fileName}: ${messageOf(error)}`;
      this.#options.onProblem(problem);
      this.#options.logger.error(problem);
    }
    this.#open.delete(recording);
  }

  /** Work on a recording that nobody waits for until the end. */
  track(work: Promise<void>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }

  /** Resolves when all tracked work is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#working);
    await this.#options.format.settled();
  }
}
