/**
 * Finds in MPEG-TS, as ffmpeg writes it, where a decoder can begin: at the tables that stand before a key frame.
 * Source: ISO/IEC 13818-1, 2.4.3 (packets) and 2.4.4 (tables).
 */
import type { MediaPiece, StreamCutter } from './stream.ts';

const packetBytes = 188;
const syncByte = 0x47;
/** Of the tables that ffmpeg begins with: the programs', and (EN 300 468) the services'. */
const tablePids: readonly number[] = [0x00, 0x11];
/** A PES packet begins so; stream ids of video are 0xe0 to 0xef. */
const startCode = 0x0000_0100;

export class TransportStreamCutter implements StreamCutter {
  readonly needsInitialisation = false;
  #rest: Buffer = Buffer.alloc(0);
  /** Where, in the rest, tables begin that may belong to a key frame. */
  #tablesAt: number | undefined;

  push(bytes: Buffer): MediaPiece[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const pieces: MediaPiece[] = [];
    let start = 0;
    let isKeyFrame = false;
    const cutAt = (end: number): void => {
      if (end > start) pieces.push(media(all.subarray(start, end), isKeyFrame));
      start = end;
    };
    let position = this.#tablesAt === undefined ? 0 : this.#rest.length - (this.#rest.length % packetBytes);
    for (; position + packetBytes <= all.length; position += packetBytes) {
      const packet = all.subarray(position, position + packetBytes);
      if (tablePids.includes(pidOf(packet))) {
        this.#tablesAt ??= position;
      } else if (this.#tablesAt !== undefined && beginsStream(packet)) {
        if (isVideoKeyFrame(packet)) {
          cutAt(this.#tablesAt);
          isKeyFrame = true;
        }
        this.#tablesAt = undefined;
      }
    }
    cutAt(this.#tablesAt ?? position);
    this.#rest = Buffer.from(all.subarray(start));
    this.#tablesAt = this.#tablesAt === undefined ? undefined : 0;
    return pieces;
  }

  end(): MediaPiece[] {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    this.#tablesAt = undefined;
    return rest.length === 0 ? [] : [media(rest, false)];
  }
}

function media(bytes: Buffer, isKeyFrame: boolean): MediaPiece {
  return { kind: 'media', bytes, isKeyFrame, isWhole: false };
}

function pidOf(packet: Buffer): number {
  return packet[0] === syncByte ? packet.readUInt16BE(1) & 0x1fff : -1;
}

/** Where the payload begins; behind the packet if it has none. */
function payloadAt(packet: Buffer): number {
  const control = (packet.readUInt8(3) >> 4) & 0x3;
  if ((control & 0x1) === 0) return packetBytes;
  return (control & 0x2) === 0 ? 4 : 5 + packet.readUInt8(4);
}

/** Whether a picture or sound begins here: tables do not have a start code. */
function beginsStream(packet: Buffer): boolean {
  const at = payloadAt(packet);
  const isStart = packet[0] === syncByte && (packet.readUInt8(1) & 0x40) !== 0;
  return isStart && at + 4 <= packetBytes && packet.readUIntBE(at, 3) === startCode >> 8;
}

function isVideoKeyFrame(packet: Buffer): boolean {
  const hasFlags = (packet.readUInt8(3) & 0x20) !== 0 && packet.readUInt8(4) > 0;
  const isRandomAccess = hasFlags && (packet.readUInt8(5) & 0x40) !== 0;
  return isRandomAccess && (packet.readUInt8(payloadAt(packet) + 3) & 0xf0) === 0xe0;
}
