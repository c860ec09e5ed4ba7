/** Time as the recorder sees it; tests bring their own. */
export interface Clock {
  /** The wall clock, milliseconds since the epoch. It may jump. */
  nowMs(): number;
  /** Milliseconds since some instant; never jumps. */
  monotonicMs(): number;
  /** Runs `action` once after `delayMs`; what it returns calls that off. */
  schedule(delayMs: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A wall clock that moved this much against the monotonic one was set; less is drift and measuring. */
export const clockStepMs = 1000;

/** Notices when the wall clock is set. */
export class StepDetector {
  readonly #clock: Clock;
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
  }

  /** By how much the wall clock was set since the last call: negative for backwards, 0 for not at all. */
  stepMs(): number {
    const offsetMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const step = offsetMs - this.#offsetMs;
    // Drift is followed, so that a day of it does not look like a step.
    this.#offsetMs = offsetMs;
    return Math.abs(step) >= clockStepMs ? step : 0;
  }
}
