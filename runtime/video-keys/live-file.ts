/** `live.json`: the nodes of what is recorded now, sealed under the live key. `docs/ref/ledger.md`, Live video. Pure. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { FormatError, givenNode, hashBytes, runIdBytes, type TreeNode } from '../encrocrypt/v3/index.ts';
import { fromHex, toHex } from './hex.ts';
import { videoKeyId, videoKeyIdBytes } from './keys.ts';

export const liveFileName = 'live.json';
/** Larger ones are not read: a whole one has less than 4 KiB. */
export const maxLiveBytes = 16 * 1024;
const format = 'EncroCam live 1';
const nonceBytes = 12;
const tagBytes = 16;
const nodeBytes = 1 + 4 + hashBytes;
/** As many as cover any part of a run. */
const maxNodes = 22;

export interface Live {
  readonly runId: Buffer;
  /** File name. */
  readonly recording: string;
  readonly nodes: readonly TreeNode[];
}

/**
 * @param key the live key, 32 bytes.
 * @param nonce random; never the same twice under one key.
 */
export function encodeLive(
  { runId, recording, nodes }: Live,
  key: Uint8Array,
  nonce: Uint8Array = randomBytes(nonceBytes),
): string {
  const plain = Buffer.alloc(nodes.length * nodeBytes);
  for (const [index, node] of nodes.entries()) {
    const start = index * nodeBytes;
    plain.writeUInt8(node.depth, start);
    plain.writeUInt32BE(node.index, start + 1);
    plain.set(node.key, start + 5);
  }
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associated(runId));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  plain.fill(0);
  return `${JSON.stringify({
    ...{ format, key: toHex(videoKeyId(key)), run: toHex(runId), recording },
    ...{ nonce: toHex(nonce), sealed: toHex(sealed) },
  })}\n`;
}

/** What stands in it for everybody; `undefined` for anything else. */
export function parseLive(text: string): SealedLive | undefined {
  if (text.length > maxLiveBytes) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const keyId = fromHex(given.key, videoKeyIdBytes);
  const runId = fromHex(given.run, runIdBytes);
  const nonce = fromHex(given.nonce, nonceBytes);
  const sealed =
    typeof given.sealed === 'string' ? fromHex(given.sealed, (given.sealed.length - 2) / 2) : undefined;
  const { recording } = given;
  if (given.format !== format || !keyId || !runId || !nonce || !sealed || typeof recording !== 'string') {
    return undefined;
  }
  const length = sealed.length - tagBytes;
  if (length <= 0 || length % nodeBytes !== 0 || length > maxNodes * nodeBytes) return undefined;
  return { keyId, runId, recording, nonce, sealed };
}

export interface SealedLive {
  readonly keyId: Buffer;
  readonly runId: Buffer;
  readonly recording: string;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

/** @returns the nodes; `undefined` if it was not sealed with this key for this run. */
export function openLive({ runId, nonce, sealed }: SealedLive, key: Uint8Array): TreeNode[] | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associated(runId));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]);
    const starts = Array.from({ length: plain.length / nodeBytes }, (_, index) => index * nodeBytes);
    return starts.map((start) =>
      givenNode(
        plain.readUInt8(start),
        plain.readUInt32BE(start + 1),
        plain.subarray(start + 5, start + nodeBytes),
      ),
    );
  } catch (error) {
    // Whoever has the key made it: a node that cannot be is theirs.
    if (error instanceof FormatError || !(error instanceof RangeError)) return undefined;
    throw error;
  }
}

function associated(runId: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('EncroCam live\0'), runId]);
}
