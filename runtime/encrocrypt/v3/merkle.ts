/** Merkle trees of RFC 6962, section 2.1: SHA-256, leaves and nodes told apart by their first byte. */
import { hashBytes, sha256 } from './format.ts';

const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);

export function leafHash(...parts: readonly Uint8Array[]): Buffer {
  return sha256(leafPrefix, ...parts);
}

/** Grows leaf by leaf and keeps one hash for each level: memory is logarithmic. */
export class MerkleRoot {
  /** Whole subtrees, the largest first; `level` is the logarithm of their leaves. */
  #subtrees: { level: number; hash: Buffer }[] = [];
  #leaves = 0;

  get leaves(): number {
    return this.#leaves;
  }

  /** @param leaf as {@link leafHash} gives it. */
  add(leaf: Buffer): void {
    let hash = leaf;
    let level = 0;
    for (let last = this.#subtrees.at(-1); last?.level === level; last = this.#subtrees.at(-1)) {
      this.#subtrees.pop();
      hash = sha256(nodePrefix, last.hash, hash);
      level++;
    }
    this.#subtrees.push({ level, hash });
    this.#leaves++;
  }

  /** Of all leaves so far; of none, the hash of nothing. */
  root(): Buffer {
    const [...subtrees] = this.#subtrees;
    let hash = subtrees.pop()?.hash ?? sha256();
    for (let larger = subtrees.pop(); larger; larger = subtrees.pop()) {
      hash = sha256(nodePrefix, larger.hash, hash);
    }
    return hash;
  }

  reset(): void {
    this.#subtrees = [];
    this.#leaves = 0;
  }
}

/** A tree that keeps all its hashes, 64 bytes for each leaf, and gives audit paths. */
export class MerkleTree {
  /** From the leaves to the root. A hash without a neighbour goes up as it is: that makes the shape of RFC 6962. */
  readonly #levels: readonly (readonly Buffer[])[];

  /** @param leaves as {@link leafHash} gives them, at least one. */
  constructor(leaves: readonly Buffer[]) {
    if (leaves.length === 0) throw new RangeError('a tree without leaves has no paths');
    const levels = [leaves];
    for (let below = leaves; below.length > 1; ) {
      const above: Buffer[] = [];
      for (let index = 0; index < below.length; index += 2) {
        const [left, right] = below.slice(index, index + 2) as [Buffer, Buffer?];
        above.push(right ? sha256(nodePrefix, left, right) : left);
      }
      levels.push(above);
      below = above;
    }
    this.#levels = levels;
  }

  get root(): Buffer {
    return this.#levels.at(-1)?.[0] as Buffer;
  }

  /** RFC 6962, 2.1.1: what a leaf's hash is joined with, one after the other, from the leaf up. */
  path(index: number): Buffer[] {
    if (!(this.#levels[0]?.[index] instanceof Buffer)) throw new RangeError(`there is no leaf ${index}`);
    const path: Buffer[] = [];
    let place = index;
    for (const level of this.#levels) {
      const neighbour = level[place ^ 1];
      if (neighbour) path.push(neighbour);
      place >>= 1;
    }
    return path;
  }
}

/**
 * The root that a path leads to (RFC 9162, 2.1.3.2): who trusts the root and the number of leaves knows then that the
 * leaf has that place.
 * @returns `undefined` if a path from there is not of that length.
 */
export function rootByPath(
  leaf: Buffer,
  {
    index,
    leaves,
    path,
  }: { readonly index: number; readonly leaves: number; readonly path: readonly Buffer[] },
): Buffer | undefined {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(leaves) || index < 0 || index >= leaves)
    return undefined;
  const rest = [...path];
  let hash = leaf;
  let place = index;
  for (let last = leaves - 1; last > 0; last = Math.floor(last / 2)) {
    const isRight = place % 2 === 1;
    if (isRight || place < last) {
      const neighbour = rest.shift();
      if (neighbour?.length !== hashBytes) return undefined;
      hash = isRight ? sha256(nodePrefix, neighbour, hash) : sha256(nodePrefix, hash, neighbour);
    }
    place = Math.floor(place / 2);
  }
  return rest.length === 0 ? hash : undefined;
}
