/**
 * A bmap file: which blocks of the image have to be written, with their checksums. Those are the blocks that are not
 * zero, and zeros that must replace what an older use of the card left.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

export const bmapBlockBytes = 4096;
/** How much is read at once. */
const chunkBlocks = 1024;

export interface Range {
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
}

export interface ImageScan {
  readonly bytes: number;
  readonly sha256: string;
  readonly ranges: readonly Range[];
  readonly mappedBlocks: number;
}

/** Bytes that count as content though they are zero. */
export interface Forced {
  readonly startBytes: number;
  readonly bytes: number;
}

/** Reads the image once: its hash, and the ranges of blocks that have to be written. */
export async function scanImage(file: string, forced: readonly Forced[] = []): Promise<ImageScan> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const whole = createHash('sha256');
    const zero = Buffer.alloc(bmapBlockBytes);
    const ranges: Range[] = [];
    let mappedBlocks = 0;
    let current: { first: number; last: number; hash: ReturnType<typeof createHash> } | undefined;
    const close = (): void => {
      if (current)
        ranges.push({ first: current.first, last: current.last, sha256: current.hash.digest('hex') });
      current = undefined;
    };
    const buffer = Buffer.alloc(chunkBlocks * bmapBlockBytes);
    for (let position = 0; position < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new Error(`${file} became shorter while it was read`);
      whole.update(buffer.subarray(0, bytesRead));
      for (let offset = 0; offset < bytesRead; offset += bmapBlockBytes) {
        const block = buffer.subarray(offset, Math.min(offset + bmapBlockBytes, bytesRead));
        const at = position + offset;
        const isForced = forced.some(({ startBytes, bytes }) => at >= startBytes && at < startBytes + bytes);
        if (!isForced && block.equals(zero.subarray(0, block.length))) {
          close();
          continue;
        }
        const index = at / bmapBlockBytes;
        current ??= { first: index, last: index, hash: createHash('sha256') };
        current.last = index;
        current.hash.update(block);
        mappedBlocks += 1;
      }
      position += bytesRead;
    }
    close();
    return { bytes: size, sha256: whole.digest('hex'), ranges, mappedBlocks };
  } finally {
    await handle.close();
  }
}

/** The scan as an XML document of bmap version 2.0, with the document's own checksum filled in. */
export function bmapText({ bytes, ranges, mappedBlocks }: ImageScan): string {
  const noChecksum = '0'.repeat(64);
  const text = [
    '<?xml version="1.0" ?>',
    '<bmap version="2.0">',
    `    <ImageSize> ${bytes} </ImageSize>`,
    `    <BlockSize> ${bmapBlockBytes} </BlockSize>`,
    `    <BlocksCount> ${Math.ceil(bytes / bmapBlockBytes)} </BlocksCount>`,
    `    <MappedBlocksCount> ${mappedBlocks} </MappedBlocksCount>`,
    '    <ChecksumType> sha256 </ChecksumType>',
    `    <BmapFileChecksum> ${noChecksum} </BmapFileChecksum>`,
    '    <BlockMap>',
    ...ranges.map(({ first, last, sha256 }) => {
      const blocks = first === last ? `${first}` : `${first}-${last}`;
      return `        <Range chksum="${sha256}"> ${blocks} </Range>`;
    }),
    '    </BlockMap>',
    '</bmap>',
    '',
  ].join('\n');
  return text.replace(noChecksum, createHash('sha256').update(text).digest('hex'));
}
