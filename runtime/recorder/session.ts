/**
 * One run of ffmpeg: its bytes are collected into packets, in order and without loss, and handed on; its last
 * words are kept. It knows nothing of files, slots and reasons to end.
 */
import { messageOf } from '../errors.ts';
import type { Clock } from './clock.ts';
import { type CollectedVideo, Collector, fullPacketBytes } from './collector.ts';
import { withoutCredentials } from './ffmpeg.ts';
import type { SourceEnd, VideoSource } from './ffmpeg-process.ts';
import { type Pause, Quiet } from './quiet.ts';
import type { Piece, StreamCutter } from './stream.ts';

/** ffmpeg ends within this after SIGTERM, or it is killed: it has at most a few frames to deliver. */
export const stopTimeoutMs = 5000;
/** When this much waits for a slow disk, ffmpeg has to wait too. */
export const maxWaitingBytes = 4 * fullPacketBytes;
const maxLastLines = 8;
const maxLineCharacters = 300;

export interface SessionOptions {
  readonly source: VideoSource;
  readonly cutter: StreamCutter;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Takes one packet's video; resolves when the next may come. A rejection ends the session. */
  readonly sink: (video: CollectedVideo) => Promise<void>;
  readonly onLine: (line: string) => void;
  /** Nothing for longer than this is a pause. */
  readonly quietAfterMs: number;
  /** Called when bytes come again, before they go to the sink. */
  readonly onPause: (pause: Pause) => void;
}

export class Session {
  readonly startedMs: number;
  /** The process has ended; its last bytes may still be on their way to the sink. */
  readonly ended: Promise<SourceEnd>;
  /**
   * What has to stand before all video, if anything, once the first video is there. Does not resolve for an ffmpeg that ended
   * without any.
   */
  readonly begun: Promise<Buffer | undefined>;
  /** All that it delivered has been through the sink. Never rejects. */
  readonly drained: Promise<void>;
  readonly #options: SessionOptions;
  readonly #collector = new Collector();
  readonly #quiet: Quiet;
  #begin: (initialisation: Buffer | undefined) => void = () => undefined;
  #hasBegun = false;
  #isRunning = true;
  #firstByteMs: number | undefined;
  #lastByteMs: number | undefined;
  #deliveredBytes = 0;
  #cancelTimer: (() => void) | undefined;
  #cancelKill: (() => void) | undefined;
  #pumping: Promise<void> | undefined;
  #finished = false;
  #failure: string | undefined;
  #lostSinceMs: number | undefined;
  #lines: string[] = [];
  #line = '';

  constructor(options: SessionOptions) {
    this.#options = options;
    const { source, clock } = options;
    this.startedMs = clock.monotonicMs();
    this.#quiet = new Quiet(options.quietAfterMs);
    this.begun = new Promise((resolve) => {
      this.#begin = (initialisation) => {
        this.#hasBegun = true;
        resolve(initialisation);
      };
    });
    if (!options.cutter.needsInitialisation) this.#begin(undefined);
    this.ended = source.ended.then((end) => {
      this.#isRunning = false;
      this.#cancelKill?.();
      return end;
    });
    source.stderr.setEncoding('utf8');
    source.stderr.on('data', (text: string) => this.#take(text));
    source.stdout.on('data', (bytes: Buffer) => this.#receive(bytes));
    const closed = new Promise<void>((resolve) => {
      source.stdout.once('close', resolve);
      source.stdout.once('end', resolve);
      source.stdout.once('error', (error) => {
        this.#giveUp(messageOf(error));
        resolve();
      });
    });
    this.drained = this.#drain(closed);
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Its process has not ended. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** When its first byte came, on the monotonic clock. */
  get firstByteMs(): number | undefined {
    return this.#firstByteMs;
  }

  get lastByteMs(): number | undefined {
    return this.#lastByteMs;
  }

  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  /** Why nothing more can be taken from it, if so. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** When the first video came that the sink did not take, on the monotonic clock. */
  get lostSinceMs(): number | undefined {
    return this.#lostSinceMs;
  }

  /** Whether it is held back because the disk is slower than the camera. */
  get heldBack(): boolean {
    return this.#options.source.stdout.isPaused();
  }

  /** The pause that is not over, if there is one. */
  pauseAt(monotonicMs: number): Pause | undefined {
    return this.#quiet.soFar(monotonicMs);
  }

  /** What ffmpeg said last, in one line; empty if it said nothing. */
  get lastWords(): string {
    return [...this.#lines, withoutCredentials(this.#line)]
      .filter((line) => line.trim() !== '')
      .slice(-3)
      .join(' | ');
  }

  /** Asks ffmpeg to end, and makes it after a while. */
  stop(timeoutMs = stopTimeoutMs): void {
    if (this.#cancelKill) return;
    const { source, clock } = this.#options;
    source.kill('SIGTERM');
    this.#cancelKill = clock.schedule(timeoutMs, () => source.kill('SIGKILL'));
  }

  /** Ends ffmpeg at once. */
  kill(): void {
    this.#options.source.kill('SIGKILL');
  }

  #receive(bytes: Buffer): void {
    if (this.#failure !== undefined) return;
    const { clock, source } = this.#options;
    this.#lastByteMs = clock.monotonicMs();
    const pause = this.#quiet.heard(this.#lastByteMs);
    if (pause) this.#options.onPause(pause);
    this.#firstByteMs ??= this.#lastByteMs;
    this.#deliveredBytes += bytes.length;
    try {
      this.#collect(this.#options.cutter.push(bytes));
    } catch (error) {
      this.#giveUp(`what ffmpeg writes is of no use: ${messageOf(error)}`);
    }
    if (this.#collector.bytes >= maxWaitingBytes) {
      source.stdout.pause();
      this.#quiet.heldBack();
    }
    this.#arrange();
  }

  #collect(pieces: readonly Piece[]): void {
    const { clock } = this.#options;
    for (const piece of pieces) {
      if (piece.kind === 'initialisation') this.#begin(piece.bytes);
      else this.#collector.push(piece, clock.nowMs(), this.#lastByteMs ?? clock.monotonicMs());
    }
  }

  /** Sees to it that what waits goes on its way in time. */
  #arrange(): void {
    const { clock, intervalMs } = this.#options;
    const { sinceMs } = this.#collector;
    if (sinceMs === undefined || this.#pumping) return;
    const waitMs =
      this.#finished || this.#collector.ready ? 0 : Math.max(0, sinceMs + intervalMs - clock.monotonicMs());
    if (waitMs > 0) {
      this.#cancelTimer ??= clock.schedule(waitMs, () => {
        this.#cancelTimer = undefined;
        this.#startPump();
      });
      return;
    }
    this.#startPump();
  }

  #startPump(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#pumping) return;
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = undefined;
      this.#arrange();
    });
  }

  async #pump(): Promise<void> {
    do {
      const collected = this.#collector.take();
      if (!collected) break;
      try {
        await this.#options.sink(collected);
      } catch (error) {
        this.#lostSinceMs ??= collected.monotonicMs;
        this.#fail(messageOf(error));
        break;
      }
      if (this.#collector.bytes < maxWaitingBytes / 2) this.#options.source.stdout.resume();
    } while (this.#collector.ready || this.#finished);
  }

  #fail(reason: string): void {
    while (this.#collector.take()) {
      // What cannot be written is not kept.
    }
    this.#giveUp(reason);
  }

  /** Takes nothing more; what came before goes on its way. */
  #giveUp(reason: string): void {
    this.#failure ??= reason;
    this.#options.source.stdout.resume();
    this.stop();
  }

  async #drain(closed: Promise<void>): Promise<void> {
    await Promise.all([this.ended, closed]);
    this.#finished = true;
    if (this.#failure === undefined) this.#collect(this.#options.cutter.end());
    while (this.#pumping || this.#collector.bytes > 0) {
      if (!this.#pumping) this.#startPump();
      await this.#pumping;
    }
  }

  #take(text: string): void {
    const lines = (this.#line + text).split(/[\r\n]+/);
    this.#line = (lines.pop() ?? '').slice(0, maxLineCharacters);
    for (const line of lines) {
      if (line.trim() === '') continue;
      const clean = withoutCredentials(line).slice(0, maxLineCharacters);
      this.#lines = [...this.#lines.slice(1 - maxLastLines), clean];
      this.#options.onLine(clean);
    }
  }
}
