/** The ticks of one camera. */
import type { Clock } from './clock.ts';

/** How often stalls, slots and the clock are looked at. */
export const tickMs = 500;

/** @returns what ends them. */
export function startTicking(clock: Clock, slotMs: number, tick: () => void): () => void {
  let cancel: () => void = () => undefined;
  const next = (): void => {
    // The end of a slot is met to the millisecond; the clock may be set meanwhile, hence never longer.
    const toSlotEndMs = slotMs - (clock.nowMs() % slotMs);
    cancel = clock.schedule(Math.min(tickMs, toSlotEndMs), () => {
      tick();
      next();
    });
  };
  next();
  return () => cancel();
}
