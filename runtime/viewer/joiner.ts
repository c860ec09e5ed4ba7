/**
 * Makes one stream of the video of several runs and recordings. MPEG-TS follows on MPEG-TS as it is. MP4 begins with its
 * initialisation, and goes on for as long as that stays the same; where anything else follows, another video begins.
 */
import type { Container, Statement } from '../encrocrypt/v3/index.ts';
import { Mp4Clock } from './mp4-time.ts';

/** What a sink is given, in order: bytes, or that what follows is a video of its own. */
export type Piece = Buffer | NextVideo;

export interface NextVideo {
  readonly container: Container;
}

export class VideoJoiner {
  #container: Container | undefined;
  #initialisation: Buffer | undefined;
  #clock: Mp4Clock | undefined;

  /** @param plaintext of a packet; may be written to. */
  take(
    plaintext: Buffer,
    { container, initialisation }: Pick<Statement, 'container' | 'initialisation'>,
  ): Piece[] {
    const pieces: Piece[] = [];
    const isSame = initialisation
      ? this.#initialisation?.equals(initialisation) === true
      : this.#container === container;
    if (!isSame) {
      if (this.#container !== undefined) pieces.push({ container });
      this.#container = container;
      this.#initialisation = initialisation;
      this.#clock = initialisation && new Mp4Clock(initialisation);
      if (initialisation) pieces.push(initialisation);
    }
    this.#clock?.place(plaintext);
    pieces.push(plaintext);
    return pieces;
  }
}

/** The container of all recordings of EncroCrypt2. */
export const mpegTs: Pick<Statement, 'container'> = { container: 'video/mp2t' };
