/** Says what goes on for hours or days once an hour, not every minute. */
import type { LogFields, Logger } from '../../runtime/log.ts';

const againMs = 3600_000;
/** Keys may hold what others said. */
const maxKeys = 200;

export class Teller {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #toldMs = new Map<string, number>();

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** @param key what it is about; another key is said at once. */
  tell(key: string, level: 'error' | 'warn' | 'info', message: string, fields?: LogFields): void {
    const nowMs = this.#now();
    const toldMs = this.#toldMs.get(key);
    // A clock that was set back says it again.
    if (toldMs !== undefined && nowMs >= toldMs && nowMs - toldMs < againMs) return;
    if (this.#toldMs.size >= maxKeys) this.#toldMs.clear();
    this.#toldMs.set(key, nowMs);
    this.#logger[level](message, fields);
  }

  /** It is over: it is said at once when it comes again. */
  over(key: string): void {
    this.#toldMs.delete(key);
  }
}
