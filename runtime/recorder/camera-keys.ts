/**
 * One camera's keys: prepares the next one shortly before it is needed, so that the change to the next recording
 * does not wait, and goes on under the previous key, in its own key packet, when no new one can be had.
 */
import { messageOf } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Clock } from './clock.ts';
import type { SealedKey } from './sealed-key.ts';

/** How long before a recording ends the key of the next one is made. */
export const prepareAheadMs = 60_000;
/** A prepared key that was not used for this long is made anew: its signature tells when it was made. */
export const maxPreparedAgeMs = 600_000;
/** Longest wait for a key while another one is at hand. */
export const keyWaitMs = 2000;
/** Between two attempts to get a key. */
export const keyRetryMs = 15_000;

export class CameraKeys {
  readonly #make: () => Promise<SealedKey>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #prepared: { key: SealedKey; sinceMs: number } | undefined;
  #making: Promise<SealedKey | undefined> | undefined;
  #retryAtMs = 0;
  #current: SealedKey | undefined;
  #overdue = false;

  constructor(make: () => Promise<SealedKey>, clock: Clock, logger: Logger) {
    this.#make = make;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A recording goes on under its predecessor's key; `prepare` works at it, `takeOverdue` gives the new one. */
  get overdue(): boolean {
    return this.#overdue;
  }

  /** Makes the next key, unless it is there, on its way, or has just failed. */
  prepare(): void {
    if (this.#clock.monotonicMs() >= this.#retryAtMs) void this.#get();
  }

  /**
   * The key for the next recording.
   * @throws what making one threw, if there is no key at all.
   */
  async next(): Promise<SealedKey> {
    let failure: unknown;
    const making = this.#get((error) => {
      failure = error;
    });
    const key = await (this.#current ? this.#within(making, keyWaitMs) : making);
    if (key) return this.#use(key);
    if (!this.#current) throw failure;
    this.#overdue = true;
    this.#logger.warn('no new key yet: the recording goes on under the previous one');
    return this.#current;
  }

  /** The new key for a recording that has its predecessor's, once it is there. */
  takeOverdue(): SealedKey | undefined {
    const prepared = this.#overdue ? this.#prepared : undefined;
    return prepared && this.#use(prepared.key);
  }

  #use(key: SealedKey): SealedKey {
    this.#prepared = undefined;
    this.#overdue = false;
    this.#current = key;
    return key;
  }

  #get(onFailure?: (error: unknown) => void): Promise<SealedKey | undefined> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#prepared && nowMs - this.#prepared.sinceMs < maxPreparedAgeMs) {
      return Promise.resolve(this.#prepared.key);
    }
    this.#making ??= this.#make()
      .then(
        (key) => {
          this.#prepared = { key, sinceMs: this.#clock.monotonicMs() };
          return key;
        },
        (error: unknown) => {
          this.#retryAtMs = this.#clock.monotonicMs() + keyRetryMs;
          // Of the very first key, whoever asked for it tells.
          if (this.#current) {
            this.#logger.error('no new key could be sealed; trying again', {
              cause: messageOf(error),
              pauseSeconds: keyRetryMs / 1000,
            });
          }
          onFailure?.(error);
          return undefined;
        },
      )
      .finally(() => {
        this.#making = undefined;
      });
    return this.#making;
  }

  #within<T>(work: Promise<T | undefined>, limitMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#clock.schedule(limitMs, () => resolve(undefined));
      void work.then((value) => {
        cancel();
        resolve(value);
      });
    });
  }
}
