/**
 * Keeps account of gaps: time for which no video reached the disk, with the cause. Pure: it is told the time and
 * gives back what there is to say.
 */
import { shortCause } from './causes.ts';

export interface Gap {
  readonly sinceMs: number;
  readonly lengthMs: number;
  /** Every different cause, in the order they came. */
  readonly causes: readonly string[];
  /** Whether it belongs to the ordinary course of things, as the change to the next recording does. */
  readonly planned: boolean;
}

/** What is not longer, and not over, is not told: pictures may just be on their way. */
export const leastOpenMs = 1000;

/** A gap is first mentioned after this long, then after twice as long, and so on. */
export const firstProgressMs = 10_000;
export const longestProgressMs = 600_000;
/** The cause of the time before the first video, unless there is a better one. */
export const starting = 'the recorder was starting';
/** A camera that fails in ever new words must not fill the memory. */
const maxCauses = 5;

interface OpenGap {
  sinceMs: number;
  causes: string[];
  planned: boolean;
}

function gapAt({ sinceMs, causes, planned }: OpenGap, atMs: number): Gap {
  return { sinceMs, lengthMs: atMs - sinceMs, causes, planned };
}

export class GapKeeper {
  #open: (OpenGap & { nextProgressMs: number }) | undefined;
  #closedMs = 0;

  /** The latest cause while there is a gap. */
  get cause(): string | undefined {
    return this.#open?.causes.at(-1);
  }

  /** Begins a gap, or adds a cause to the one that is open. */
  begin(told: string, sinceMs: number, planned = false): void {
    const cause = shortCause(told);
    const open = this.#open;
    if (!open) {
      this.#open = { sinceMs, causes: [cause], planned, nextProgressMs: firstProgressMs };
      return;
    }
    if (!planned) open.planned = false;
    // The latest cause stands last, however often it came before.
    open.causes = [...open.causes.filter((known) => known !== cause && known !== starting), cause].slice(
      -maxCauses,
    );
  }

  /** Video has come again at `atMs`: the gap that ends, if there was one. */
  end(atMs: number): Gap | undefined {
    const open = this.#open;
    // What came before it began has only just been written.
    if (!open || atMs < open.sinceMs) return undefined;
    this.#open = undefined;
    this.#closedMs += atMs - open.sinceMs;
    return gapAt(open, atMs);
  }

  /** One that is over already. */
  add(lengthMs: number): void {
    this.#closedMs += lengthMs;
  }

  /** The open gap so far. */
  soFar(atMs: number): Gap | undefined {
    const open = this.#open;
    if (!open || atMs - open.sinceMs <= leastOpenMs) return undefined;
    return gapAt(open, atMs);
  }

  /** The open gap, when it has become long enough to be mentioned (again). */
  progress(atMs: number): Gap | undefined {
    const open = this.#open;
    if (!open) return undefined;
    const lengthMs = atMs - open.sinceMs;
    if (lengthMs < open.nextProgressMs) return undefined;
    open.nextProgressMs = lengthMs + Math.min(lengthMs, longestProgressMs);
    return gapAt({ ...open, planned: false }, atMs);
  }

  /** Length of all gaps together, the open one included. */
  totalMs(atMs: number): number {
    return this.#closedMs + (this.#open ? Math.max(0, atMs - this.#open.sinceMs) : 0);
  }
}

export function seconds(lengthMs: number): string {
  return `${(lengthMs / 1000).toFixed(lengthMs < 10_000 ? 2 : 0)} s`;
}
