/** What ffmpeg writes, as the recorder takes it apart: pieces that packets are made of. */

export interface InitialisationPiece {
  readonly kind: 'initialisation';
  readonly bytes: Buffer;
}

export interface MediaPiece {
  readonly kind: 'media';
  readonly bytes: Buffer;
  /** A decoder can begin with its first byte. Such a piece begins a packet. */
  readonly isKeyFrame: boolean;
  /** A packet of its own: nothing may be joined to it, and it is not cut. */
  readonly isWhole: boolean;
}

export type Piece = InitialisationPiece | MediaPiece;

/** Takes bytes in chunks of any size. What it throws says that the stream is not what it should be. */
export interface StreamCutter {
  /** Whether an initialisation comes before all media. */
  readonly needsInitialisation: boolean;
  push(bytes: Buffer): Piece[];
  /** No more bytes will come; what is left of media that can be used. */
  end(): Piece[];
}

/** For a stream that may be cut anywhere. */
export const uncut: StreamCutter = {
  needsInitialisation: false,
  push: (bytes) => [{ kind: 'media', bytes, isKeyFrame: false, isWhole: false }],
  end: () => [],
};
