/** Looks for packets at a place in a recording, reading as little as possible. For seeking only. */
import { findHeader, headerBytes, type PacketHeader, scanBytes } from '../encrocrypt/index.ts';
import type { RandomAccess } from './source.ts';

/** A packet's header at a place in a file. */
export interface FoundPacket extends PacketHeader {
  readonly offset: number;
}

export interface FoundVideo extends FoundPacket {
  readonly kind: 'video';
  readonly timeMs: number;
}

/** Most that is read at once while looking for a header: 4 KiB double up to this. */
const maxReadBytes = 1024 * 1024;
/** Reads that are remembered, since neighbouring questions are asked one after the other. */
const maxRemembered = 8;

export class Prober {
  readonly #access: RandomAccess;
  #remembered: { offset: number; bytes: Buffer }[] = [];

  constructor(access: RandomAccess) {
    this.#access = access;
  }

  get sizeBytes(): number {
    return this.#access.sizeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - offset));
    const known = this.#remembered.find(
      (one) => one.offset <= offset && offset + wanted <= one.offset + one.bytes.length,
    );
    if (known) return known.bytes.subarray(offset - known.offset, offset - known.offset + wanted);
    const bytes = await this.#access.read(offset, Math.max(wanted, this.#access.probeBytes));
    this.#remembered = [{ offset, bytes }, ...this.#remembered].slice(0, maxRemembered);
    return bytes.subarray(0, wanted);
  }

  /** The first possible header at or after `from` that begins before `end`. */
  async header(from: number, end: number): Promise<FoundPacket | undefined> {
    let readBytes = this.#access.probeBytes;
    for (let position = from; position < end; ) {
      const bytes = await this.read(position, Math.min(readBytes, end - position + scanBytes));
      const found = findHeader(bytes);
      if (found) {
        const offset = position + found.offset;
        return offset < end ? { ...found, offset } : undefined;
      }
      // The bytes at the end may be the beginning of a header: they are read once more with the next ones.
      if (bytes.length < scanBytes) return undefined;
      position += bytes.length - scanBytes + 1;
      readBytes = Math.min(readBytes * 2, maxReadBytes);
    }
    return undefined;
  }

  /**
   * The first video packet at or after `from` that begins before `end`. A header that claims a time which
   * `plausible` refuses counts only if another packet begins exactly where it ends: a magic may stand in damaged
   * bytes by chance, or have been put there.
   */
  async video(
    from: number,
    end: number,
    plausible: (timeMs: number) => boolean = () => true,
  ): Promise<FoundVideo | undefined> {
    for (let position = from; ; ) {
      const found = await this.header(position, end);
      if (!found) return undefined;
      if (found.kind === 'key') {
        position = (await this.#isFollowed(found)) ? found.offset + found.packetBytes : found.offset + 1;
        continue;
      }
      const { timeMs } = found;
      if (timeMs !== undefined && (plausible(timeMs) || (await this.#isFollowed(found)))) {
        return { ...found, kind: 'video', timeMs };
      }
      position = found.offset + 1;
    }
  }

  /** The whole body of a packet; fewer bytes if the file ends before. */
  async body(packet: FoundPacket): Promise<Buffer> {
    return this.read(packet.offset + headerBytes, packet.packetBytes - headerBytes);
  }

  async #isFollowed(packet: FoundPacket): Promise<boolean> {
    const next = packet.offset + packet.packetBytes;
    if (next === this.sizeBytes) return true;
    return findHeader(await this.read(next, scanBytes))?.offset === 0;
  }
}
