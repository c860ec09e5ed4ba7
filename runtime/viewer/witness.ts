/**
 * Somebody who sees what is put out, and the very bytes that it came from: nothing is read once more for them, since a drive may
 * answer otherwise the second time.
 */
import type { ChainPacket, Header } from '../encrocrypt/v3/index.ts';
import type { KnownRun } from './known-runs.ts';
import type { RememberedReads } from './remembered-reads.ts';

export interface WitnessedPlace {
  /** The file's, for messages. */
  readonly name: string;
  /** Where its bytes begin. */
  readonly offset: number;
  /** Of the run that this place lies in; undefined at the beginning of the file. */
  readonly header: Header | undefined;
  /** For what stands before it; undefined for what cannot be read anywhere. */
  readonly access: RememberedReads | undefined;
}

export interface Witness {
  /**
   * Before the bytes of a file come.
   * @returns undefined if nothing could be said from this place on: the file is read from its beginning then, where there always can.
   */
  begin(place: WitnessedPlace): Promise<FileWitness | undefined>;
}

export interface FileWitness {
  /** The bytes, once they were decoded. They must stay as they are until the next call has ended. */
  push(chunk: Uint8Array): void;
  /**
   * A packet of video that may be put out, of bytes that come with the next `push`.
   * @returns to be called when it is.
   */
  take(run: KnownRun, packet: ChainPacket): () => void;
  /** No more bytes will come. */
  end(): void;
}
