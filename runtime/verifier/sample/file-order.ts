/**
 * Whether what was found at a place stands in its order in the file, and not a second time. Nothing in a packet says at which byte it
 * belongs; but positions grow with the offset, and so whoever looks for a position by halving the file must come to the place
 * where it was found. Of two intervals that are both found so, the one further on has the later positions: where their ways part,
 * one is before what stands there and the other one behind it. So all that would be found is in order, each once, and each other
 * byte is met by a sample with its share of the file as probability; what stands at the places that are halved at need not be
 * genuine for that, only be the same for all. (Spot-checkers, Ergün, Kannan, Kumar, Rubinfeld, Viswanathan, 1998.)
 */
import type { RandomAccess } from '../../viewer/source.ts';
import type { MappedRun } from './file-map.ts';
import type { Interval } from './interval.ts';
import { claimedPosition, itemsIn, type Position } from './packets.ts';

interface Pivot {
  /** Of the first packet there that claims a position, or the file's size. */
  readonly offset: number;
  readonly run: number;
  readonly position: Position;
}

/** A packet is larger, seldom: then it is looked for further. */
const maxAheadBytes = 32 * 2 ** 20;
/** Two packets of 80 KB, as at 5 Mbit/s, and eight a second. */
const stepBytes = 192 * 1024;
const lastPosition: Position = { sequence: Number.POSITIVE_INFINITY, number: Number.POSITIVE_INFINITY };

export class FileOrder {
  readonly #access: RandomAccess;
  readonly #runs: readonly MappedRun[];
  /** By where it is looked from. What was seen once is not read again: it must be the same for all samples. */
  readonly #pivots = new Map<number, Pivot>();

  constructor(access: RandomAccess, runs: readonly MappedRun[]) {
    this.#access = access;
    this.#runs = runs;
  }

  async isInPlace({ run, start, end, after, upTo }: Interval): Promise<boolean> {
    const index = this.#runs.indexOf(run);
    const isBehind = (pivot: Pivot, position: Position): boolean =>
      pivot.run > index || (pivot.run === index && compare(pivot.position, position) > 0);
    let [low, high] = [0, this.#access.sizeBytes];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const pivot = await this.#pivotAt(middle);
      const isInside = pivot.offset >= start && pivot.offset < end;
      const isTooFar = pivot.offset < end && isBehind(pivot, pivot.offset < start ? after : upTo);
      const isTooNear = pivot.offset >= start && !isBehind(pivot, pivot.offset < end ? after : upTo);
      if (isTooFar || isTooNear) return false;
      if (isInside) return true;
      if (pivot.offset < start) low = pivot.offset + 1;
      else high = middle;
    }
    return false;
  }

  async #pivotAt(middle: number): Promise<Pivot> {
    const known = this.#pivots.get(middle) ?? (await this.#look(middle));
    this.#pivots.set(middle, known);
    return known;
  }

  async #look(middle: number): Promise<Pivot> {
    const { sizeBytes } = this.#access;
    for await (const item of itemsIn(
      this.#access,
      middle,
      Math.min(sizeBytes, middle + maxAheadBytes),
      stepBytes,
    )) {
      const position = claimedPosition(item);
      if (!position) continue;
      const run = this.#runs.findLastIndex(({ offset }) => offset <= item.offset);
      return { offset: item.offset, run, position };
    }
    return { offset: sizeBytes, run: this.#runs.length, position: lastPosition };
  }
}

function compare(one: Position, other: Position): number {
  if (one.sequence !== other.sequence) return one.sequence - other.sequence;
  return one.number === other.number ? 0 : one.number - other.number;
}
