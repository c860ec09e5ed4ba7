/** From the bytes of a recording to video, whatever the version of its format: what the decoders have in common. */
import type { EncroCamError } from '../errors.ts';
import type { Piece } from './joiner.ts';

export interface VideoDecoder {
  /** The time that has been reached, milliseconds since the epoch. */
  readonly timeMs: number | undefined;
  /** Everything in the range has been seen: more chunks would give nothing. */
  readonly finished: boolean;
  /** Whether something within the range was missing or damaged. */
  readonly damaged: boolean;
  /** Whether something was signed by somebody else, or by nobody. */
  readonly notAuthentic: boolean;
  /** Set when everything was for somebody else: then the secret key is the wrong one, not the file. */
  readonly wrongRecipient: EncroCamError | undefined;
  /** @returns video, in order. The chunk's memory must stay untouched until the next call but one. */
  push(chunk: Uint8Array): Promise<Piece[]>;
  /** No more chunks will come. */
  end(): Promise<Piece[]>;
}
