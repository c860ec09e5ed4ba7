/** Merkle trees of RFC 6962, section 2.1: SHA-256, leaves and nodes told apart by their first byte. */
import { sha256 } from './format.ts';

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
