import { maxPlaintextBytes } from '../encrocrypt/index.ts';
import type { MediaPiece } from './stream.ts';

/** Video waiting to be encrypted goes on its way at this size at the latest, whatever the interval. */
export const fullPacketBytes = 1024 * 1024;

export interface CollectedVideo {
  /** At most `limitBytes` long, unless it is a piece that must stay whole. */
  readonly video: Buffer;
  /** A decoder can begin with its first byte. */
  readonly isKeyFrame: boolean;
  /** Wall clock when its first byte came. */
  readonly timeMs: number;
  /** Monotonic clock when its first byte came. */
  readonly monotonicMs: number;
}

type Waiting = Omit<MediaPiece, 'kind'> & Pick<CollectedVideo, 'timeMs' | 'monotonicMs'>;

/** Collects the pieces of one ffmpeg between two packets. Pure: no timers, no files. */
export class Collector {
  readonly #limitBytes: number;
  #waiting: Waiting[] = [];
  #bytes = 0;

  constructor(limitBytes = fullPacketBytes) {
    if (!(limitBytes > 0 && limitBytes <= maxPlaintextBytes)) throw new RangeError('no such packet');
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a packet is full, or complete because another one begins behind it. */
  get ready(): boolean {
    const [first, ...more] = this.#waiting;
    return this.#bytes >= this.#limitBytes || first?.isWhole === true || more.some(beginsPacket);
  }

  /** When the first of the waiting bytes came, on the monotonic clock. */
  get sinceMs(): number | undefined {
    return this.#waiting[0]?.monotonicMs;
  }

  push({ bytes, isKeyFrame, isWhole }: MediaPiece, timeMs: number, monotonicMs: number): void {
    if (bytes.length === 0) return;
    this.#waiting.push({ bytes, isKeyFrame, isWhole, timeMs, monotonicMs });
    this.#bytes += bytes.length;
  }

  /** What the next packet carries, or `undefined` if nothing waits. */
  take(): CollectedVideo | undefined {
    const first = this.#waiting[0];
    if (!first) return undefined;
    const { isKeyFrame, timeMs, monotonicMs } = first;
    const video = first.isWhole ? this.#takeWhole(first) : this.#takeJoined();
    this.#bytes -= video.length;
    return { video, isKeyFrame, timeMs, monotonicMs };
  }

  #takeWhole({ bytes }: Waiting): Buffer {
    this.#waiting.shift();
    return bytes;
  }

  #takeJoined(): Buffer {
    const parts: Buffer[] = [];
    let taken = 0;
    for (let piece = this.#waiting[0]; piece && taken < this.#limitBytes; piece = this.#waiting[0]) {
      if (taken > 0 && beginsPacket(piece)) break;
      const room = this.#limitBytes - taken;
      if (piece.bytes.length > room) {
        parts.push(piece.bytes.subarray(0, room));
        this.#waiting[0] = { ...piece, bytes: piece.bytes.subarray(room), isKeyFrame: false };
        taken += room;
      } else {
        parts.push(piece.bytes);
        taken += piece.bytes.length;
        this.#waiting.shift();
      }
    }
    const [only, another] = parts;
    return only && !another ? only : Buffer.concat(parts, taken);
  }
}

function beginsPacket({ isKeyFrame, isWhole }: Waiting): boolean {
  return isKeyFrame || isWhole;
}
