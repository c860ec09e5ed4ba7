import { maxPlaintextBytes } from '../encrocrypt/index.ts';

/** Video waiting to be encrypted goes on its way at this size at the latest, whatever the interval. */
export const fullPacketBytes = 1024 * 1024;

export interface CollectedVideo {
  /** At most `limitBytes` long. */
  readonly video: Buffer;
  /** Wall clock when its first byte came. */
  readonly timeMs: number;
  /** Monotonic clock when its first byte came. */
  readonly monotonicMs: number;
}

/** Collects the bytes of one ffmpeg between two packets. Pure: no timers, no files. */
export class Collector {
  readonly #limitBytes: number;
  #chunks: { bytes: Buffer; timeMs: number; monotonicMs: number }[] = [];
  #bytes = 0;

  constructor(limitBytes = fullPacketBytes) {
    if (!(limitBytes > 0 && limitBytes <= maxPlaintextBytes)) throw new RangeError('no such packet');
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a packet is full. */
  get full(): boolean {
    return this.#bytes >= this.#limitBytes;
  }

  /** When the first of the waiting bytes came, on the monotonic clock. */
  get sinceMs(): number | undefined {
    return this.#chunks[0]?.monotonicMs;
  }

  push(bytes: Buffer, timeMs: number, monotonicMs: number): void {
    if (bytes.length === 0) return;
    this.#chunks.push({ bytes, timeMs, monotonicMs });
    this.#bytes += bytes.length;
  }

  /** What the next packet carries, or `undefined` if nothing waits. */
  take(): CollectedVideo | undefined {
    const first = this.#chunks[0];
    if (!first) return undefined;
    const { timeMs, monotonicMs } = first;
    const parts: Buffer[] = [];
    let taken = 0;
    for (let chunk = this.#chunks[0]; chunk && taken < this.#limitBytes; chunk = this.#chunks[0]) {
      const room = this.#limitBytes - taken;
      if (chunk.bytes.length > room) {
        parts.push(chunk.bytes.subarray(0, room));
        chunk.bytes = chunk.bytes.subarray(room);
        taken += room;
      } else {
        parts.push(chunk.bytes);
        taken += chunk.bytes.length;
        this.#chunks.shift();
      }
    }
    this.#bytes -= taken;
    const [only, another] = parts;
    return { video: only && !another ? only : Buffer.concat(parts, taken), timeMs, monotonicMs };
  }
}
