/** Keeps what was read of a recording while a place in it was sought, so that nothing is asked of a drive twice. */
import { lastPacketEnd } from './align.ts';
import type { RandomAccess } from './source.ts';

/** The last read is most often where decrypting begins, the first one told the version. */
const maxRemembered = 4;

export class RememberedReads implements RandomAccess {
  readonly sizeBytes: number;
  readonly probeBytes: number;
  readonly #access: RandomAccess;
  #known: { readonly offset: number; readonly bytes: Buffer }[] = [];

  constructor(access: RandomAccess) {
    this.#access = access;
    this.sizeBytes = access.sizeBytes;
    this.probeBytes = access.probeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - offset));
    const known = this.#at(offset).subarray(0, wanted);
    if (known.length === wanted) return known;
    const bytes = await this.#access.read(offset, length);
    this.#known = [{ offset, bytes }, ...this.#known].slice(0, maxRemembered);
    return bytes;
  }

  /** What is known of the packets that begin at a place: whole ones. */
  packetsFrom(offset: number): Buffer {
    const bytes = this.#at(offset);
    return bytes.subarray(0, lastPacketEnd(bytes));
  }

  /** What is known of the bytes that lead to a place, without a hole. */
  before(offset: number): Buffer {
    const known = this.#known.filter((one) => one.offset < offset && one.offset + one.bytes.length >= offset);
    const first = Math.min(offset, ...known.map((one) => one.offset));
    return this.#at(first).subarray(0, offset - first);
  }

  #at(offset: number): Buffer {
    const lengthAt = (one: { offset: number; bytes: Buffer }): number =>
      offset < one.offset ? 0 : Math.max(0, one.offset + one.bytes.length - offset);
    const longest = this.#known.reduce<{ offset: number; bytes: Buffer } | undefined>(
      (best, one) => (lengthAt(one) > (best ? lengthAt(best) : 0) ? one : best),
      undefined,
    );
    return longest ? longest.bytes.subarray(offset - longest.offset) : Buffer.alloc(0);
  }
}
