/**
 * What the drive lets be removed. An account that may only append refuses every removal, and is a good one to have:
 * that is said once and tried again a day later, not every hour. A single file that stays, somebody else's say, must
 * not keep the others from being removed.
 */
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Clock } from './wake.ts';

/** A refused removal is tried again after this: somebody may have changed the account's rights. */
export const refusedRemovalHoldMs = 24 * 3600_000;
/** After so many refusals and no removal between them, no other file is tried. */
export const maxRefusals = 3;

export class Removals {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #location: string;
  readonly #heldUntilMs = new Map<string, number>();
  #allHeldUntilMs = 0;
  /** Since the last removal that the drive let happen, however long ago. */
  #refusals = 0;
  #pastRetention = 0;

  constructor(clock: Clock, logger: Logger, location: string) {
    this.#clock = clock;
    this.#logger = logger;
    this.#location = location;
  }

  /**
   * Recordings past retention that the drive holds and does not let be removed: how many there were when it was last
   * listed. `undefined` while it refuses nothing.
   */
  get refused(): number | undefined {
    return this.#refusals > 0 ? this.#pastRetention : undefined;
  }

  /** Those of the names past retention whose removal is to be tried now. */
  due(names: readonly string[]): readonly string[] {
    const nowMs = this.#clock.now();
    const there = new Set(names);
    for (const name of this.#heldUntilMs.keys()) if (!there.has(name)) this.#heldUntilMs.delete(name);
    this.#pastRetention = names.length;
    if (nowMs < this.#allHeldUntilMs) return [];
    return names.filter((name) => nowMs >= (this.#heldUntilMs.get(name) ?? 0));
  }

  removed(name: string): void {
    this.#heldUntilMs.delete(name);
    this.#allHeldUntilMs = 0;
    this.#pastRetention -= 1;
    if (this.#refusals >= maxRefusals) {
      this.#logger.info('the drive lets old recordings be removed again', { drive: this.#location });
    }
    this.#refusals = this.#heldUntilMs.size > 0 ? 1 : 0;
  }

  /** @returns whether other files are to be tried. */
  refusedFor(name: string, error: unknown): boolean {
    const untilMs = this.#clock.now() + refusedRemovalHoldMs;
    this.#heldUntilMs.set(name, untilMs);
    const fields = {
      drive: this.#location,
      file: name,
      reason: messageOf(error),
      pastRetention: this.#pastRetention,
    };
    this.#refusals += 1;
    if (this.#refusals > 1) this.#logger.debug('the drive refuses another removal', fields);
    else {
      this.#logger.warn(
        'the drive does not let old recordings be removed: they stay until it removes them itself; uploads go on',
        {
          ...fields,
          hint: 'As it should be with an account that may only append; then set storage.retention to "server".',
        },
      );
    }
    if (this.#refusals < maxRefusals) return true;
    this.#allHeldUntilMs = untilMs;
    return false;
  }
}
