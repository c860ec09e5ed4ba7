/**
 * Whether the runs of a file stand in the order in which they were recorded: each names the one before it, which its camera
 * signed. It says nothing of runs between which others are missing, nor of those that nobody vouches for.
 */
import type { KnownRun } from './known-runs.ts';

/** A run whose video comes where it does not belong. */
export interface Misplaced {
  /** `late`: behind a run that follows it. `again`: it was there before another run, and goes on behind that. */
  readonly how: 'late' | 'again';
  /** When the run began, milliseconds since the epoch. */
  readonly startMs: number;
  /** When that run began which it stands behind. */
  readonly behindMs: number;
}

/** A day in which a run begins every ten seconds has fewer. The oldest are forgotten. */
const maxRuns = 10_000;

export class RunOrder {
  #current: KnownRun | undefined;
  /** Ids of runs that gave video. */
  readonly #seen = new Set<string>();
  /** When the run began that gave video, and names this one as the one before it. */
  readonly #followers = new Map<string, number>();
  readonly #told = new Set<string>();
  #misplaced: Misplaced | undefined;

  /**
   * A packet of video that authenticates: a header alone, which anybody can copy to anywhere, is no run that stands there.
   * What nobody signed may name whatever it likes.
   */
  take(run: KnownRun): void {
    const before = this.#current;
    if (run === before || run.reach.isUnsigned) return;
    this.#current = run;
    const { statement } = run.header;
    const id = idOf(statement.runId);
    if (before && idOf(before.runId) === id) return;
    const followerMs = this.#followers.get(id);
    this.#misplaced = undefined;
    if (before && this.#seen.has(id)) {
      this.#misplaced = { how: 'again', startMs: run.startMs, behindMs: before.startMs };
    } else if (followerMs !== undefined) {
      this.#misplaced = { how: 'late', startMs: run.startMs, behindMs: followerMs };
    }
    this.#seen.add(id);
    if (statement.previous) this.#followers.set(idOf(statement.previous.runId), run.startMs);
    for (const known of [this.#seen, this.#followers, this.#told]) {
      const [oldest] = known.keys();
      if (known.size > maxRuns && oldest !== undefined) known.delete(oldest);
    }
  }

  /** @returns how the current run stands where it does not belong; once for each run. */
  tell(): Misplaced | undefined {
    const misplaced = this.#misplaced;
    if (!misplaced || !this.#current) return undefined;
    this.#misplaced = undefined;
    const id = idOf(this.#current.runId);
    if (this.#told.has(id)) return undefined;
    this.#told.add(id);
    return misplaced;
  }
}

function idOf(runId: Buffer): string {
  return runId.toString('base64');
}
