/** Moves a recording from its source through the decoder to the sink: the next piece is decrypted while one is written. */
import type { Decoder } from './decoder.ts';
import type { Sink } from './sink.ts';

export interface PumpOptions {
  /** Called after each piece with the bytes read so far. */
  readonly onProgress?: (bytesRead: number) => void;
}

/** Resolves when the source has ended or the decoder has all it wants, and all is written. */
export async function pump(
  chunks: AsyncIterable<Uint8Array>,
  decoder: Decoder,
  sink: Sink,
  options: PumpOptions = {},
): Promise<void> {
  let bytesRead = 0;
  let writing: Promise<void> = Promise.resolve();
  const write = async (plaintexts: readonly Buffer[]): Promise<void> => {
    await writing;
    if (plaintexts.length === 0) return;
    writing = sink.write(plaintexts);
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
