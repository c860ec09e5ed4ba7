/** When nothing comes from an ffmpeg that runs: a camera that freezes, or a disk so slow that ffmpeg has to wait. Pure. */
import type { Camera } from '../config/load.ts';
import { leastOpenMs } from './gaps.ts';

export interface Pause {
  /** When the last byte before it came, on the monotonic clock. */
  readonly sinceMs: number;
  /** When the first one after it came, or so far. */
  readonly untilMs: number;
  readonly cause: string;
}

export const causes = {
  silent: 'nothing came from the camera',
  heldBack: 'the disk was too slow, or sealing took too long',
} as const;

/** Video comes in fragments that are as long as a packet's interval, or a picture: it is late when a second one of them is. */
export function quietAfterMs({
  encryptIntervalMs,
  input,
}: Pick<Camera, 'encryptIntervalMs' | 'input'>): number {
  const pictureMs = input.frameRate === undefined ? 0 : 1000 / input.frameRate;
  return leastOpenMs + 2 * Math.max(encryptIntervalMs, pictureMs);
}

/** Of one ffmpeg, from its first byte on. */
export class Quiet {
  readonly #afterMs: number;
  #lastMs: number | undefined;
  #isHeldBack = false;

  /** @param afterMs a pause that is no longer is none. */
  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  /** Bytes have come. @returns the pause that they end. */
  heard(atMs: number): Pause | undefined {
    const pause = this.soFar(atMs);
    this.#lastMs = atMs;
    this.#isHeldBack = false;
    return pause;
  }

  /** What it has is not taken until bytes are heard again. */
  heldBack(): void {
    this.#isHeldBack = true;
  }

  soFar(atMs: number): Pause | undefined {
    const sinceMs = this.#lastMs;
    if (sinceMs === undefined || atMs - sinceMs <= this.#afterMs) return undefined;
    return { sinceMs, untilMs: atMs, cause: this.#isHeldBack ? causes.heldBack : causes.silent };
  }
}
