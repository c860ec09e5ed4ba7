/** What stands in a part of a file, and where in its run that claims to be. */
import { type Packet, PacketReader } from '../../encrocrypt/v3/index.ts';
import type { RandomAccess } from '../../viewer/source.ts';

/** A packet, or bytes that are none. */
export type Item = Packet | { readonly kind: 'skip'; readonly offset: number; readonly length: number };

/** On a drive each read costs round trips, about as long as a mebibyte takes. */
const defaultStepBytes = 2 ** 20;
const checkpointBytes = 142;
const finalBytes = 106;

/** Reads on from a place, a step at a time. What it gives out is valid until the next one. */
export async function* itemsIn(
  access: RandomAccess,
  offset: number,
  end: number,
  stepBytes: number = defaultStepBytes,
): AsyncGenerator<Item> {
  const reader = new PacketReader({ offset, hasKeys: false });
  for (let position = offset; position < end; ) {
    const bytes = await access.read(position, Math.min(stepBytes, end - position));
    if (bytes.length === 0) break;
    position += bytes.length;
    reader.push(bytes);
    for (let item = reader.next(); item; item = reader.next()) yield item;
  }
  reader.end();
  for (let item = reader.next(); item; item = reader.next()) yield item;
}

/** In a run: so many packets of the chain are before it, and so many checkpoints. A packet of the chain is behind every checkpoint before it. */
export interface Position {
  readonly sequence: number;
  readonly number: number;
}

/** What a packet says of its position. Nobody vouches for it. */
export function claimedPosition(item: Item): Position | undefined {
  if ('sequence' in item) return { sequence: item.sequence, number: Number.POSITIVE_INFINITY };
  if (item.kind === 'checkpoint' && item.body.length === checkpointBytes) {
    const { body } = item;
    return { sequence: body.readUIntBE(3, 3) + body.readUInt16BE(6), number: body.readUIntBE(0, 3) };
  }
  if (item.kind === 'final' && item.body.length === finalBytes) {
    return { sequence: item.body.readUIntBE(3, 3), number: item.body.readUIntBE(0, 3) };
  }
  return undefined;
}

/** Reads through to a file, and counts. */
export class CountedAccess implements RandomAccess {
  readonly sizeBytes: number;
  readonly probeBytes: number;
  bytesRead = 0;
  readonly #access: RandomAccess;

  constructor(access: RandomAccess) {
    this.#access = access;
    this.sizeBytes = access.sizeBytes;
    this.probeBytes = access.probeBytes;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const bytes = await this.#access.read(offset, length);
    this.bytesRead += bytes.length;
    return bytes;
  }
}
