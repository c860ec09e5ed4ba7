/** What is wrong at the moment, said once when it begins, once an hour while it lasts, and once when it is over. */
import { isEncroCamError, messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Clock } from './wake.ts';

const reminderMs = 3600_000;

export class Problem {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #place: string;
  #current: { kind: string; text: string; sinceMs: number; saidMs: number } | undefined;

  constructor(logger: Logger, clock: Clock, place: string) {
    this.#logger = logger;
    this.#clock = clock;
    this.#place = place;
  }

  /** One line with its code; `undefined` while all is well. */
  get text(): string | undefined {
    return this.#current?.text;
  }

  occurred(error: unknown): void {
    const kind = isEncroCamError(error) ? error.code : 'INTERNAL';
    const nowMs = this.#clock.now();
    const text = `${messageOf(error)} [${kind}]`;
    const known = this.#current?.kind === kind ? this.#current : undefined;
    const due = !known || nowMs - known.saidMs >= reminderMs;
    this.#current = {
      kind,
      text,
      sinceMs: known?.sinceMs ?? nowMs,
      saidMs: due ? nowMs : known.saidMs,
    };
    const hint = isEncroCamError(error) ? error.hint : undefined;
    const message = `uploads are held up: ${text}`;
    const fields = { drive: this.#place, ...(hint !== undefined && { hint }) };
    if (!due) this.#logger.debug(message, fields);
    // A line that fails is the way of lines; the others need somebody.
    else if (kind === 'STORAGE_UNREACHABLE') this.#logger.warn(message, fields);
    else this.#logger.error(message, fields);
  }

  over(): void {
    if (!this.#current) return;
    const seconds = Math.round((this.#clock.now() - this.#current.sinceMs) / 1000);
    this.#current = undefined;
    this.#logger.info('uploads go on', { drive: this.#place, heldUpSeconds: seconds });
  }
}
