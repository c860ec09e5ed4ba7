/** Tells of codes that were refused: at most a line a second, and the same thing once a minute, as a code may hang on a wall. */
import type { Logger } from '../../runtime/log.ts';

const leastBetweenMs = 1_000;
const sameAgainMs = 60_000;

export class RefusalLog {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  #lastMs = Number.NEGATIVE_INFINITY;
  #lastReason: string | undefined;
  #untold = 0;

  constructor(logger: Logger, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  /** @param reason a clause; it quotes nothing of the code. */
  refused(reason: string): void {
    const sinceMs = this.#nowMs() - this.#lastMs;
    if (sinceMs < leastBetweenMs || (reason === this.#lastReason && sinceMs < sameAgainMs)) {
      this.#untold++;
      return;
    }
    const untold = this.#untold === 0 ? {} : { untold: this.#untold };
    this.#logger.warn('a code was ignored', { reason, ...untold });
    this.#lastMs = this.#nowMs();
    this.#lastReason = reason;
    this.#untold = 0;
  }
}
