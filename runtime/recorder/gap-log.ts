/**
 * Tells of gaps. The log: when they end, now and again while they last, and of the one before this run. The recording: when
 * they end, and with whatever vouches for time while they last.
 */
import type { Happening } from '../encrocrypt/v3/index.ts';
import type { Logger } from '../log.ts';
import { type Gap, GapKeeper, leastOpenMs, seconds, starting } from './gaps.ts';
import type { Pause } from './quiet.ts';

/** What the run before this one left in its state file, at most `stateIntervalMs` old. */
export interface PreviousRun {
  readonly lastWriteMs: number;
  /** It was asked to end, and did. */
  readonly inOrder: boolean;
}

/** Pauses whose video is on its way to the disk: it cannot wait for long. */
const maxPauses = 100;

export function noteOf({ lengthMs, causes }: Pick<Gap, 'lengthMs' | 'causes'>): Happening {
  return { what: 'gap', milliseconds: Math.round(lengthMs), cause: causes.join('; ') };
}

export class GapLog {
  readonly #gaps = new GapKeeper();
  readonly #logger: Logger;
  #pauses: readonly Pause[] = [];
  #before: { readonly sinceMs: number; readonly cause: string } | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The latest cause while there is a gap. To be starting is none. */
  get cause(): string | undefined {
    const { cause } = this.#gaps;
    return cause === starting ? undefined : cause;
  }

  /** Nothing is recorded before the first video. */
  starts(atMs: number): void {
    this.#gaps.begin(starting, atMs, true);
  }

  totalMs(atMs: number): number {
    return this.#gaps.totalMs(atMs);
  }

  begin(cause: string, sinceMs: number, planned = false): void {
    this.#gaps.begin(cause, sinceMs, planned);
  }

  /** Nothing came for a while from an ffmpeg that runs on. Told when what came then is recorded. */
  paused(pause: Pause): void {
    this.#pauses = [...this.#pauses, pause].slice(-maxPauses);
  }

  /** Video that came at `atMs` is recorded. @returns the gaps that are over, in their order. */
  end(atMs: number): Gap[] {
    const over = this.#gaps.end(atMs);
    const gap = over && this.#withBefore(over);
    const pauses = this.#pauses.filter(({ untilMs }) => untilMs <= atMs);
    this.#pauses = this.#pauses.filter(({ untilMs }) => untilMs > atMs);
    const ended = pauses
      .filter(({ sinceMs }) => !gap || sinceMs < gap.sinceMs)
      .map(({ sinceMs, untilMs, cause }) => {
        this.#gaps.add(untilMs - sinceMs);
        return { sinceMs, lengthMs: untilMs - sinceMs, causes: [cause], planned: false };
      });
    return [...ended, ...(gap ? [gap] : [])].map((one) => this.#tell(one));
  }

  #tell(gap: Gap): Gap {
    const text = `gap of ${seconds(gap.lengthMs)}`;
    const fields = { lengthMs: Math.round(gap.lengthMs), cause: gap.causes.join('; ') };
    if (gap.planned) this.#logger.info(text, fields);
    else this.#logger.warn(text, fields);
    return gap;
  }

  /** What a recording says of a gap that is not over, or else of this pause. */
  soFar(atMs: number, pause: Pause | undefined): Happening | undefined {
    const gap = this.#gaps.soFar(atMs);
    if (gap) return noteOf(gap);
    return pause && noteOf({ lengthMs: pause.untilMs - pause.sinceMs, causes: [pause.cause] });
  }

  /** Says that there is still no video, when that is due. */
  remind(atMs: number): void {
    const gap = this.#gaps.progress(atMs);
    if (!gap) return;
    this.#logger.error('still no video', {
      lengthSeconds: Math.round(gap.lengthMs / 1000),
      cause: gap.causes.at(-1),
    });
  }

  /** Nobody was there to tell of the gap between two runs: it becomes a part of the one that this run begins with. */
  reachBack(previous: PreviousRun | undefined, firstVideo: { timeMs: number; monotonicMs: number }): void {
    // A clock that was set back in between makes its length unknowable.
    if (!previous || firstVideo.timeMs < previous.lastWriteMs) return;
    const cause = previous.inOrder
      ? 'the recorder was stopped'
      : 'the power was lost, or the recorder was killed';
    this.#before = {
      sinceMs: firstVideo.monotonicMs - (firstVideo.timeMs - previous.lastWriteMs),
      cause,
    };
  }

  #withBefore(gap: Gap): Gap | undefined {
    const before = this.#before;
    this.#before = undefined;
    const causes = gap.causes.filter((cause) => cause !== starting);
    if (!before) return causes.length === 0 && gap.lengthMs <= leastOpenMs ? undefined : gap;
    const sinceMs = Math.min(before.sinceMs, gap.sinceMs);
    const lengthMs = gap.sinceMs + gap.lengthMs - sinceMs;
    return { sinceMs, lengthMs, causes: [before.cause, ...causes], planned: false };
  }
}
