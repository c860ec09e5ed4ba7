import {
  headerBytes,
  magic,
  maxKeyBodyBytes,
  maxVideoBodyBytes,
  minutesBytes,
  packetType,
  videoOverheadBytes,
} from './format.ts';

/** What the first bytes of a packet say. Nothing of it is authenticated: good for finding one's way only. */
export interface PacketHeader {
  /** Of the packet's first byte in the buffer. */
  readonly offset: number;
  readonly kind: 'key' | 'video';
  /** Of the whole packet, its header included. */
  readonly packetBytes: number;
  /** Start of the minute that a video packet claims, milliseconds since the epoch. */
  readonly timeMs: number | undefined;
}

/** How many bytes {@link findHeader} needs from a packet's beginning on. */
export const scanBytes: number = headerBytes + minutesBytes;

/**
 * The first possible packet header at or after `from`, for seeking: without it, a drive would have to be read
 * through. `undefined` if none lies completely in the buffer.
 */
export function findHeader(buffer: Buffer, from = 0): PacketHeader | undefined {
  for (let offset = buffer.indexOf(magic, from); offset !== -1; offset = buffer.indexOf(magic, offset + 1)) {
    if (offset + scanBytes > buffer.length) return undefined;
    const type = buffer[offset + magic.length];
    const length = buffer.readUInt32BE(offset + magic.length + 1);
    const packetBytes = headerBytes + length;
    if (type === packetType.key && length >= 1 && length <= maxKeyBodyBytes) {
      return { offset, kind: 'key', packetBytes, timeMs: undefined };
    }
    if (type === packetType.video && length >= videoOverheadBytes && length <= maxVideoBodyBytes) {
      return {
        offset,
        kind: 'video',
        packetBytes,
        timeMs: buffer.readUInt32BE(offset + headerBytes) * 60_000,
      };
    }
  }
  return undefined;
}
