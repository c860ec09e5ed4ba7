/** Moves a recording from its source through the decoder to the sink: the next piece is decrypted while one is written. */
import type { Piece } from './joiner.ts';
import type { Sink } from './sink.ts';
import type { VideoDecoder } from './video-decoder.ts';

export interface PumpOptions {
  /** Called after each piece with the bytes read so far. */
  readonly onProgress?: (bytesRead: number) => void;
}

/** Resolves when the source has ended or the decoder has all it wants, and all is written. */
export async function pump(
  chunks: AsyncIterable<Uint8Array>,
  decoder: VideoDecoder,
  sink: Sink,
  options: PumpOptions = {},
): Promise<void> {
  let bytesRead = 0;
  let writing: Promise<void> = Promise.resolve();
  const write = async (pieces: readonly Piece[]): Promise<void> => {
    await writing;
    if (pieces.length === 0) return;
    writing = writePieces(pieces, sink);
    // It is awaited before the next write; a failure must not count as unhandled until then.
    writing.catch(() => undefined);
  };
  for await (const chunk of chunks) {
    await write(await decoder.push(chunk));
    bytesRead += chunk.length;
    options.onProgress?.(bytesRead);
    if (decoder.finished) break;
  }
  await write(await decoder.end());
  await writing;
}

async function writePieces(pieces: readonly Piece[], sink: Sink): Promise<void> {
  let buffers: Buffer[] = [];
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) {
      buffers.push(piece);
      continue;
    }
    await sink.write(buffers);
    buffers = [];
    await sink.next(piece.container);
  }
  await sink.write(buffers);
}
