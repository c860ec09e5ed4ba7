/**
 * Packets of a chain that stand between one checkpoint and the next: none is vouched for until that next one was compared. Memory
 * is bounded, whatever stands there.
 */
import type { Checkpoint } from './chain.ts';
import { maxPacketsPerCheckpoint } from './format.ts';
import { leafHash, MerkleRoot } from './merkle.ts';
import { type ChainPacket, noteContent } from './reader.ts';

/** Something that the camera said to everybody, and a checkpoint vouches for. */
export interface VouchedNote {
  readonly timeMs: number;
  /** JSON. */
  readonly content: Buffer;
}

/** A packet as it stands in the file, once a checkpoint vouches for it. */
export type VouchedPacket = Pick<ChainPacket, 'kind' | 'offset' | 'sequence' | 'timeMs' | 'parity'>;

interface Standing extends VouchedPacket {
  readonly leaf: Buffer;
  readonly note: Buffer | undefined;
}

/** What stands before a checkpoint, as far as that one can speak of it. */
export interface Standings {
  /** The last packets before it are those that it signed, in their order. */
  readonly isWhole: boolean;
  /** Packets of the sequences that it signed; all of them, where it is whole. */
  readonly found: number;
  /** Others. */
  readonly others: number;
  readonly notes: readonly VouchedNote[];
  /** The packets that it signed, where it is whole; else none. */
  readonly covered: readonly VouchedPacket[];
}

/** Of notes that wait; a checkpoint's share of honest ones has some hundred bytes. The oldest go first: they can only have been added. */
const maxNoteBytesKept = 4 * 2 ** 20;

export class StandingPackets {
  /** The last ones: a checkpoint covers no more. */
  #last: Standing[] = [];
  #count = 0;
  #noteBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** What the last one says, which nothing vouches for. */
  get lastMs(): number {
    return this.#last.at(-1)?.timeMs ?? 0;
  }

  add(packet: ChainPacket): void {
    const { kind, offset, sequence, timeMs, parity, bytes } = packet;
    const note = kind === 'note' ? Buffer.from(noteContent(packet)) : undefined;
    this.#push({ kind, offset, sequence, timeMs, parity, leaf: leafHash(bytes), note });
    this.#count += 1;
  }

  /** Adds what stands in another group, which is empty then. */
  takeAllOf(other: StandingPackets): void {
    for (const packet of other.#last) this.#push(packet);
    this.#count += other.#count;
    other.clear();
  }

  clear(): void {
    this.#last = [];
    this.#count = 0;
    this.#noteBytes = 0;
  }

  before({ first, count, root }: Pick<Checkpoint, 'first' | 'count' | 'root'>): Standings {
    const covered = count === 0 ? [] : this.#last.slice(-count);
    const tree = new MerkleRoot();
    const isInOrder = covered.every(({ sequence }, index) => sequence === first + index);
    if (isInOrder && covered.length === count) {
      for (const { leaf } of covered) tree.add(leaf);
      if (tree.root().equals(root)) {
        const notes = covered.flatMap(({ timeMs, note }) => (note ? [{ timeMs, content: note }] : []));
        return { isWhole: true, found: count, others: this.#count - count, notes, covered };
      }
    }
    const found = this.#last.filter(({ sequence }) => sequence >= first && sequence < first + count).length;
    return { isWhole: false, found, others: this.#count - found, notes: [], covered: [] };
  }

  #push(packet: Standing): void {
    this.#last.push(packet);
    this.#noteBytes += packet.note?.length ?? 0;
    if (this.#last.length >= 2 * maxPacketsPerCheckpoint || this.#noteBytes > maxNoteBytesKept)
      this.#forget();
  }

  #forget(): void {
    const kept = this.#last.slice(-maxPacketsPerCheckpoint);
    let bytes = 0;
    for (let index = kept.length - 1; index >= 0; index--) {
      const packet = kept[index];
      if (!packet?.note) continue;
      bytes += packet.note.length;
      // Half, so that this is not done anew for each one.
      if (bytes > maxNoteBytesKept / 2) kept[index] = { ...packet, note: undefined };
    }
    this.#last = kept;
    this.#noteBytes = Math.min(bytes, maxNoteBytesKept / 2);
  }
}
