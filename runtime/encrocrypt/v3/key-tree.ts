/**
 * The keys of a run: a binary tree under its secret, with a key for each segment at its leaves. Whoever has a node
 * can make everything below it and nothing else, so a range is given away as the few nodes that cover it.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import { FormatError, hashBytes, label, runIdBytes, secretBytes } from './format.ts';

/** Leaves are at this depth: a run has at most 2^12 segments. */
export const treeDepth = 12;
export const maxSegments = 2 ** treeDepth;
const segmentKeyBytes = 16;

/** A node of the tree; the root is node 0 of depth 0. */
export interface TreeNode {
  readonly depth: number;
  readonly index: number;
  /** 32 bytes. */
  readonly key: Buffer;
}

/** @param secret the run's, 32 bytes. */
export function rootOf(secret: Uint8Array, runId: Uint8Array): TreeNode {
  requireLengths(secret, runId);
  return { depth: 0, index: 0, key: hmac(secret, label.root, runId) };
}

/** What a header says about the secret without giving it away. */
export function commitmentOf(secret: Uint8Array, runId: Uint8Array): Buffer {
  requireLengths(secret, runId);
  return hmac(secret, label.commitment, runId);
}

/**
 * The key of one segment, 16 bytes, from a node above it.
 * @throws {FormatError} if the node is not above it.
 */
export function segmentKey(node: TreeNode, segment: number): Buffer {
  if (!covers(node, segment)) {
    throw new FormatError(`segment ${segment} is not below node ${node.depth}/${node.index}`);
  }
  return keyOfLeaf(pathTo(node, segment).at(-1) ?? node);
}

/**
 * The keys of segments one after the other: what lies above both a segment and the one before is not made again. That leaves 3 of 13
 * steps on average, each of which takes as long as decrypting 10 KiB.
 */
export class SegmentKeys {
  /** The caller may add to them. */
  readonly #nodes: readonly TreeNode[];
  /** From one of the nodes down to the last segment. */
  #path: TreeNode[] = [];

  /** @param nodes the root, or those that somebody was given. */
  constructor(nodes: readonly TreeNode[]) {
    this.#nodes = nodes;
  }

  /** @returns 16 bytes; `undefined` if no node is above it. */
  keyOf(segment: number): Buffer | undefined {
    const isAbove = (node: TreeNode): boolean => covers(node, segment);
    const kept = this.#path.filter(isAbove);
    const start = kept.at(-1) ?? this.#nodes.find(isAbove);
    if (!start) return undefined;
    const below = pathTo(start, segment);
    this.#path = kept.length > 0 ? [...kept, ...below] : [start, ...below];
    return keyOfLeaf(this.#path.at(-1) ?? start);
  }
}

/** Whether a node is above a segment. */
export function covers({ depth, index }: TreeNode, segment: number): boolean {
  return isSegment(segment) && Math.floor(segment / 2 ** (treeDepth - depth)) === index;
}

/** Of the segments below a node, the first, and how many there are. */
export function firstSegmentOf(node: TreeNode): number {
  return node.index * segmentsBelow(node);
}

export function segmentsBelow({ depth }: Pick<TreeNode, 'depth'>): number {
  return 2 ** (treeDepth - depth);
}

/**
 * The fewest nodes that cover the segments `first` to `last`, both included, in their order: at most 22, and the root
 * alone for all of them.
 */
export function coverOf(root: TreeNode, first: number, last: number): TreeNode[] {
  if (!isSegment(first) || !isSegment(last) || first > last) {
    throw new FormatError(`no such segments: ${first} to ${last}`);
  }
  const found: TreeNode[] = [];
  const visit = (node: TreeNode): void => {
    const width = 2 ** (treeDepth - node.depth);
    const start = node.index * width;
    const end = start + width - 1;
    if (end < first || start > last) return;
    if (first <= start && end <= last) {
      found.push(node);
      return;
    }
    visit(child(node, 2 * node.index));
    visit(child(node, 2 * node.index + 1));
  };
  visit(root);
  return found;
}

function keyOfLeaf({ key }: TreeNode): Buffer {
  return hmac(key, label.segment).subarray(0, segmentKeyBytes);
}

/** The nodes below `node` on the way to a segment, its leaf included. */
function pathTo(node: TreeNode, segment: number): TreeNode[] {
  const path: TreeNode[] = [];
  for (let current = node; current.depth < treeDepth; path.push(current)) {
    current = child(current, Math.floor(segment / 2 ** (treeDepth - current.depth - 1)));
  }
  return path;
}

function child(node: TreeNode, index: number): TreeNode {
  const depth = node.depth + 1;
  const position = Buffer.allocUnsafe(5);
  position.writeUInt8(depth);
  position.writeUInt32BE(index, 1);
  return { depth, index, key: hmac(node.key, label.node, position) };
}

function hmac(key: Uint8Array, ...parts: readonly (Uint8Array | string)[]): Buffer {
  // Three times faster than with the key's bytes: node.js first tries, and fails, to take those for a key object.
  const mac = createHmac('sha256', createSecretKey(key));
  for (const part of parts) mac.update(part);
  return mac.digest();
}

function isSegment(segment: number): boolean {
  return Number.isInteger(segment) && segment >= 0 && segment < maxSegments;
}

function requireLengths(secret: Uint8Array, runId: Uint8Array): void {
  if (secret.length !== secretBytes) throw new FormatError(`a run's secret has ${secretBytes} bytes`);
  if (runId.length !== runIdBytes) throw new FormatError(`a run's id has ${runIdBytes} bytes`);
}

/**
 * A node that somebody was given.
 * @throws {FormatError} for one that cannot be.
 */
export function givenNode(depth: number, index: number, key: Uint8Array): TreeNode {
  const isNode =
    Number.isInteger(depth) &&
    depth >= 0 &&
    depth <= treeDepth &&
    Number.isInteger(index) &&
    index >= 0 &&
    index < 2 ** depth;
  if (!isNode || key.length !== hashBytes) throw new FormatError(`no such node: ${depth}/${index}`);
  return { depth, index, key: Buffer.from(key) };
}
