/**
 * Guesses where packets end, so that pieces of a file can be cut there. Only a matter of speed: a wrong guess
 * costs the reader one copy of the piece, never a byte of video.
 */
import { findHeader, scanBytes } from '../encrocrypt/index.ts';
import { envelopeBytes, marker } from '../encrocrypt/v3/index.ts';

/** How many bytes of `buffer` lie before the packet that is not complete in it; all of them if none is seen. */
export function lastPacketEnd(buffer: Buffer): number {
  let end = 0;
  if (isMarkerAt(buffer, 0)) {
    // EncroCrypt3: pieces that were cut at a packet's end begin with another one.
    while (isMarkerAt(buffer, end) && end + envelopeBytes <= buffer.length) {
      const next = end + envelopeBytes + buffer.readUIntBE(end + marker.length + 1, 3);
      if (next > buffer.length) break;
      end = next;
    }
    return isMarkerAt(buffer, end) || buffer.length - end < marker.length ? end : buffer.length;
  }
  for (;;) {
    const header = findHeader(buffer, end);
    // What is shorter than a header may be the beginning of one.
    if (!header) return buffer.length - end < scanBytes ? end : buffer.length;
    const next = header.offset + header.packetBytes;
    if (next > buffer.length) return header.offset;
    end = next;
  }
}

function isMarkerAt(buffer: Buffer, at: number): boolean {
  return (
    at + marker.length <= buffer.length &&
    buffer.compare(marker, 0, marker.length, at, at + marker.length) === 0
  );
}
