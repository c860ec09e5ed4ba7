/** Finds headers in a file: at a place, or from its end back, by the note of where they stand where there is one. */
import {
  envelopeBytes,
  type Header,
  magic,
  maxHeaderBytes,
  noteContent,
  PacketReader,
  readHeader,
  readHeaderIndex,
  sha256,
} from '../../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../../viewer/source.ts';
import { claimedPosition } from './packets.ts';

export interface FoundHeader {
  readonly header: Header;
  readonly offset: number;
  /** Of what comes behind it. */
  readonly headerEnd: number;
  /** Of the whole packet. */
  readonly packetHash: Buffer;
  /** The run's first packet stands behind it: it is no repetition. */
  readonly isStart: boolean;
}

/** Enough for most headers and what follows. */
const readBytes = 16 * 1024;
const noteBytes = 8 * 1024;
const backBytes = 4 * 2 ** 20;
/** The last note stands just before the file's final, or behind its last header. */
const tailBytes = 64 * 1024;

export class HeaderFinder {
  readonly #access: RandomAccess;
  readonly #found = new Map<number, FoundHeader | undefined>();

  constructor(access: RandomAccess) {
    this.#access = access;
  }

  async at(offset: number): Promise<FoundHeader | undefined> {
    if (!this.#found.has(offset)) {
      let bytes = await this.#access.read(offset, readBytes);
      if (bytes.length > envelopeBytes) {
        const length = Math.min(bytes.readUIntBE(envelopeBytes - 3, 3), maxHeaderBytes);
        if (length + noteBytes > bytes.length) bytes = await this.#access.read(offset, length + noteBytes);
      }
      this.#found.set(offset, headerIn(bytes, 0, offset));
    }
    return this.#found.get(offset);
  }

  /** The headers that are known, in the order of the file: more each time, from the file's end back. */
  async *back(maxBytes: number): AsyncGenerator<readonly FoundHeader[]> {
    const { sizeBytes } = this.#access;
    const tailStart = Math.max(0, sizeBytes - tailBytes);
    const tail = await this.#access.read(tailStart, tailBytes);
    this.#collect(tail, tailStart);
    let noted = lastIndex(tail, tailStart);
    if (noted) yield await this.#lookAt(noted);
    for (let end = sizeBytes; end > 0 && end > sizeBytes - maxBytes; end -= backBytes) {
      const start = Math.max(0, end - backBytes);
      const bytes = await this.#access.read(start, end - start + maxHeaderBytes + noteBytes);
      for (const { headerEnd } of this.#collect(bytes, start)) {
        noted ??= lastIndex(bytes.subarray(headerEnd - start, headerEnd - start + noteBytes), headerEnd);
      }
      yield noted ? await this.#lookAt(noted) : this.#known();
    }
  }

  /** The headers in a part of the file. */
  #collect(bytes: Buffer, start: number): FoundHeader[] {
    const headers: FoundHeader[] = [];
    for (let at = bytes.indexOf(magic); at !== -1; at = bytes.indexOf(magic, at + 1)) {
      const found = at < envelopeBytes ? undefined : headerIn(bytes, at - envelopeBytes, start);
      if (!found) continue;
      headers.push(found);
      if (!this.#found.get(found.offset)) this.#found.set(found.offset, found);
    }
    return headers;
  }

  #known(): FoundHeader[] {
    return [...this.#found.values()]
      .filter((one) => one !== undefined)
      .sort((one, other) => one.offset - other.offset);
  }

  /** Looks at noted places where another run may begin: not between two headers of one run. */
  async #lookAt(offsets: readonly number[]): Promise<FoundHeader[]> {
    const between = async (low: number, high: number): Promise<void> => {
      const [one, other] = [await this.at(offsets[low] ?? 0), await this.at(offsets[high] ?? 0)];
      if (high - low < 2 || (one && other?.header.hash.equals(one.header.hash))) return;
      const middle = Math.floor((low + high) / 2);
      await between(low, middle);
      await between(middle, high);
    };
    await between(0, offsets.length - 1);
    return this.#known();
  }
}

function headerIn(bytes: Buffer, at: number, base: number): FoundHeader | undefined {
  const end =
    at +
    envelopeBytes +
    (at + envelopeBytes <= bytes.length ? bytes.readUIntBE(at + envelopeBytes - 3, 3) : 0);
  if (end > bytes.length) return undefined;
  const header = readHeader(bytes.subarray(at + envelopeBytes, end));
  return (
    header && {
      ...{ header, offset: base + at, headerEnd: base + end },
      ...{ packetHash: sha256(bytes.subarray(at, end)), isStart: isFirst(bytes.subarray(end)) },
    }
  );
}

/** Whether a run's first packet stands there; of a run that was never written to, nothing does. */
function isFirst(bytes: Buffer): boolean {
  const sequence = bytes.subarray(envelopeBytes, envelopeBytes + 3);
  const isInChain = (bytes[3] ?? 0) >= 0x10;
  if (isInChain) return sequence.length < 3 || sequence.readUIntBE(0, 3) === 0;
  const reader = new PacketReader({ hasKeys: false });
  reader.push(bytes.subarray(0, noteBytes));
  const item = reader.next();
  const position = item && item.kind !== 'skip' ? claimedPosition(item) : undefined;
  return position === undefined || position.number === 0;
}

/** The last note of where headers stand. Nobody vouches for it: it says where to look, and no more. */
function lastIndex(bytes: Buffer, offset: number): readonly number[] | undefined {
  const reader = new PacketReader({ offset, hasKeys: false });
  reader.push(bytes);
  reader.end();
  let offsets: readonly number[] | undefined;
  for (let item = reader.next(); item; item = reader.next()) {
    const places = item.kind === 'note' ? readHeaderIndex(noteContent(item)) : undefined;
    if (places && places.length > 0) offsets = places.map((place) => place.offset);
  }
  return offsets;
}
