/** Trees over the runs of a period: `docs/ref/ledger.md`, Trees. Pure. */
import {
  hashBytes,
  leafHash,
  MerkleTree,
  rootByPath,
  runIdBytes,
  sha256,
} from '../../runtime/encrocrypt/v3/index.ts';
import { addressBytes, bytesOfHex, type Hex, hexOf } from './hex.ts';

/** Most leaves of a tree: 15 years of hourly runs. */
export const maxLeaves = 2 ** 17;
/** Of a recording's name, as EncroCrypt3's headers have it. */
export const maxRecordingBytes = 255;

const leafLabel = Buffer.from('EncroCam ledger leaf\0');
const treeLabel = Buffer.from('EncroCam ledger tree\0');

/** What a leaf stands for. */
export interface RunEnd {
  /** The header's `recording`: a file name. */
  readonly recording: string;
  /** The run's id, 16 bytes. */
  readonly run: Hex;
  /** Link of its last checkpoint or final that is in the file, 32 bytes. */
  readonly link: Hex;
}

/** What the chain holds of a tree, beside the camera. Times are milliseconds since the epoch, `lastMs` excluded. */
export interface TreeHead {
  readonly root: Hex;
  readonly leaves: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Where a leaf is in its tree. */
export interface LeafPath {
  readonly index: number;
  /** From the leaf up. */
  readonly path: readonly Hex[];
}

/** @throws {RangeError} for a name or hashes of a wrong length. */
export function ledgerLeaf({ recording, run, link }: RunEnd): Buffer {
  const name = Buffer.from(recording);
  if (name.length === 0 || name.length > maxRecordingBytes || !recording.isWellFormed()) {
    throw new RangeError(`a recording's name must have 1 to ${maxRecordingBytes} bytes of UTF-8`);
  }
  return leafHash(leafLabel, bytesOfHex(run, runIdBytes), bytesOfHex(link, hashBytes), name);
}

export class LedgerTree {
  readonly #tree: MerkleTree;
  readonly leaves: number;
  readonly root: Hex;

  /** @param runs in the order of the tree's leaves; at least one, at most {@link maxLeaves}. */
  constructor(runs: readonly RunEnd[]) {
    if (runs.length === 0 || runs.length > maxLeaves) {
      throw new RangeError(`a tree has 1 to ${maxLeaves} leaves, not ${runs.length}`);
    }
    this.#tree = new MerkleTree(runs.map((run) => ledgerLeaf(run)));
    this.leaves = runs.length;
    this.root = hexOf(this.#tree.root);
  }

  path(index: number): LeafPath {
    return { index, path: this.#tree.path(index).map((hash) => hexOf(hash)) };
  }
}

/** @throws {RangeError} for an address, a root or numbers that do not fit. */
export function treeId(camera: string, { root, leaves, firstMs, lastMs }: TreeHead): Hex {
  const numbers = Buffer.alloc(20);
  numbers.writeBigUInt64BE(BigInt(firstMs), 0);
  numbers.writeBigUInt64BE(BigInt(lastMs), 8);
  numbers.writeUInt32BE(leaves, 16);
  return hexOf(sha256(treeLabel, bytesOfHex(camera, addressBytes), numbers, bytesOfHex(root, hashBytes)));
}

/** The root that a path leads to from a run; `undefined` if there is no such path in a tree of so many leaves. */
export function rootOfPath(
  run: RunEnd,
  { index, path, leaves }: LeafPath & { readonly leaves: number },
): Hex | undefined {
  if (leaves > maxLeaves) return undefined;
  const root = rootByPath(ledgerLeaf(run), {
    index,
    leaves,
    path: path.map((hash) => bytesOfHex(hash, hashBytes)),
  });
  return root && hexOf(root);
}
