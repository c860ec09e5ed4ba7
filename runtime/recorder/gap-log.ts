/**
 * Tells of gaps. The log: when they end, now and again while they last, and of the one before this run. The recording: when
 * they end, and with whatever vouches for time while they last.
 */
import type { Happening } from '../encrocrypt/v3/index.ts';
import type { Logger } from '../log.ts';
import { type Gap, GapKeeper, seconds } from './gaps.ts';

/** What the run before this one left in its state file, at most `stateIntervalMs` old. */
export interface PreviousRun {
  readonly lastWriteMs: number;
  /** It was asked to end, and did. */
  readonly inOrder: boolean;
}

export function noteOf({ lengthMs, causes }: Gap): Happening {
  return { what: 'gap', milliseconds: Math.round(lengthMs), cause: causes.join('; ') };
}

export class GapLog {
  readonly #gaps = new GapKeeper();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** The latest cause while there is a gap. */
  get cause(): string | undefined {
    return this.#gaps.cause;
  }

  totalMs(atMs: number): number {
    return this.#gaps.totalMs(atMs);
  }

  begin(cause: string, sinceMs: number, planned = false): void {
    this.#gaps.begin(cause, sinceMs, planned);
  }

  /** There is video again. */
  end(atMs: number): Gap | undefined {
    const gap = this.#gaps.end(atMs);
    if (!gap) return undefined;
    const text = `gap of ${seconds(gap.lengthMs)}`;
    const fields = { lengthMs: Math.round(gap.lengthMs), cause: gap.causes.join('; ') };
    if (gap.planned) this.#logger.info(text, fields);
    else this.#logger.warn(text, fields);
    return gap;
  }

  /** What a recording says of a gap that is not over. */
  soFar(atMs: number): Happening | undefined {
    const gap = this.#gaps.soFar(atMs);
    return gap && noteOf(gap);
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

  /** Nobody was there to log the gap between two runs: this one does it afterwards. */
  tellOfPreviousRun(previous: PreviousRun | undefined, firstVideoMs: number): void {
    // A clock that was set back in between makes its length unknowable.
    if (!previous || firstVideoMs < previous.lastWriteMs) return;
    const lengthMs = firstVideoMs - previous.lastWriteMs;
    const cause = previous.inOrder
      ? 'the recorder was stopped'
      : 'the recorder was killed, or the power was lost';
    this.#logger.warn(`gap of ${seconds(lengthMs)}`, { lengthMs: Math.round(lengthMs), cause });
  }
}
