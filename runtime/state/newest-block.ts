/**
 * The newest block of a public chain that this camera knows of, for the headers of what it records: what names a block was made after it.
 * Written by the ledger's service, read by the recorder. It is a hint: an old one says less, and is as true.
 */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { replaceStateFile, stateDirectory } from './state.ts';

const fileName = 'newest-block.json';
const maxBytes = 1024;

export interface NewestBlock {
  readonly chainId: number;
  readonly height: bigint;
  /** `0x` and 64 hexadecimal digits. */
  readonly hash: string;
}

/** As it stands in a header: `CHAIN:HEIGHT:HASH`. */
export function blockText({ chainId, height, hash }: NewestBlock): string {
  return `${chainId}:${height}:${hash.replace(/^0x/, '').toLowerCase()}`;
}

/** `undefined` for what names no block. */
export function parseBlockText(text: string): NewestBlock | undefined {
  const [, chainId, height, hash] = /^([1-9]\d{0,15}):(0|[1-9]\d{0,18}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (chainId === undefined || height === undefined || hash === undefined) return undefined;
  return { chainId: Number(chainId), height: BigInt(height), hash: `0x${hash}` };
}

export async function writeNewestBlock(recordingsDirectory: string, block: NewestBlock): Promise<void> {
  await replaceStateFile(recordingsDirectory, fileName, `${JSON.stringify({ block: blockText(block) })}\n`);
}

/** As it stands in a header; `undefined` if none is known. Never rejects: recording does not wait for a chain. */
export async function readNewestBlock(recordingsDirectory: string): Promise<string | undefined> {
  try {
    const file = await open(path.join(stateDirectory(recordingsDirectory), fileName));
    const bytes = Buffer.alloc(maxBytes);
    const { bytesRead } = await file.read(bytes, 0, maxBytes, 0).finally(() => file.close());
    const { block } = JSON.parse(bytes.toString('utf8', 0, bytesRead)) as { block?: unknown };
    return typeof block === 'string' && parseBlockText(block) ? block : undefined;
  } catch {
    return undefined;
  }
}
