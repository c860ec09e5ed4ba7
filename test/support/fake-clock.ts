/** A clock whose time passes only when somebody waits: a timer rings as soon as the process has nothing to do. */
import type { Clock } from '../../runtime/syncer/wake.ts';

export class FakeClock implements Clock {
  #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  advance(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const immediate = setImmediate(() => {
      this.#nowMs += delayMs;
      callback();
    });
    return () => clearImmediate(immediate);
  }
}
