/**
 * Guesses where packets end, so that pieces of a file can be cut there. Only a matter of speed: a wrong guess
 * costs the reader one copy of the piece, never a byte of video.
 */
import { findHeader, scanBytes } from '../encrocrypt/index.ts';

/** How many bytes of `buffer` lie before the packet that is not complete in it; all of them if none is seen. */
export function lastPacketEnd(buffer: Buffer): number {
  let end = 0;
  for (;;) {
    const header = findHeader(buffer, end);
    // What is shorter than a header may be the beginning of one.
    if (!header) return buffer.length - end < scanBytes ? end : buffer.length;
    const next = header.offset + header.packetBytes;
    if (next > buffer.length) return header.offset;
    end = next;
  }
}
