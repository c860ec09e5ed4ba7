import type { CollectedVideo } from './collector.ts';

/** Longer than two key frames are apart; a stream that is refreshed bit by bit has one at its beginning alone. */
const patienceMs = 60_000;

type Video = Pick<CollectedVideo, 'isKeyFrame' | 'monotonicMs'>;

/**
 * Where one ffmpeg's video goes on that had no room for a while: at the next key frame, because what comes before it shows
 * pictures that never were. Where key frames cannot be told, at once.
 */
export class Resumption {
  #hasKeyFrames = false;
  /** When there was room again, on the monotonic clock. */
  #roomSinceMs: number | undefined;
  #isLosing = false;

  /** Video was dropped. */
  lost({ isKeyFrame }: Video): void {
    this.#hasKeyFrames ||= isKeyFrame;
    this.#isLosing = true;
    this.#roomSinceMs = undefined;
  }

  /** Whether this video, for which there is room, is worth keeping. */
  takes({ isKeyFrame, monotonicMs }: Video): boolean {
    this.#hasKeyFrames ||= isKeyFrame;
    if (!this.#isLosing) return true;
    this.#roomSinceMs ??= monotonicMs;
    this.#isLosing = this.#hasKeyFrames && !isKeyFrame && monotonicMs - this.#roomSinceMs < patienceMs;
    return !this.#isLosing;
  }
}
