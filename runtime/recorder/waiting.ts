/** What happens while no recording can take it: told at the beginning of the next. Pure. */
import type { Happening } from '../encrocrypt/v3/index.ts';

export interface Waiting {
  readonly happening: Happening;
  /** For everybody, or for the owners alone. */
  readonly to: 'all' | 'owners';
  /** When it happened, on the monotonic clock. */
  readonly atMs: number;
}

/** A camera that cannot be recorded for long has more to tell than what moved, or how often ffmpeg ended. */
export const maxWaiting = 100;

export class WaitingRoom {
  #waiting: Waiting[] = [];

  /** Where there are too many, the oldest goes of those that there are most of: what came once is worth more. */
  push(one: Waiting): void {
    this.#waiting.push(one);
    if (this.#waiting.length <= maxWaiting) return;
    const counts = new Map<string, number>();
    for (const { happening } of this.#waiting)
      counts.set(happening.what, (counts.get(happening.what) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const index = this.#waiting.findIndex(({ happening }) => counts.get(happening.what) === most);
    this.#waiting.splice(index, 1);
  }

  /** All of them, in the order in which they happened. */
  take(): Waiting[] {
    return this.#waiting.splice(0).sort((one, other) => one.atMs - other.atMs);
  }
}
