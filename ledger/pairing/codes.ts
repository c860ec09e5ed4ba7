/**
 * Pairing codes (`docs/ref/ledger.md`): a message becomes texts of QR codes, and texts that a camera sees become
 * messages again. What a camera sees can come from anybody: every length is bounded.
 */
import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { decodeBase45, encodeBase45 } from './base45.ts';

export const codePrefix = 'ENCROCAM1';
export const maxPartBytes = 600;
export const maxParts = 32;
export const maxMessageBytes = 64 * 1024;
export const maxOpenMessages = 4;
/** What makes codes of 41 modules a side, which fit a terminal of 80x24 and are read from afar: `docs/design/ledger.md` has the measurements. */
export const usualPartBytes = 112;

/** A code of the largest part, in characters. */
const maxCodeLength = codePrefix.length + 1 + 8 + 1 + 2 + 1 + 2 + 1 + (maxPartBytes / 2) * 3;

/**
 * The texts of the codes, in order. Parts are of `partBytes`, or larger where there would be too many.
 * @throws {RangeError} if the message is too large.
 */
export function encodeCodes(message: Uint8Array, partBytes = usualPartBytes): string[] {
  if (message.length > maxMessageBytes) throw new RangeError(`a message of ${message.length} bytes`);
  const deflated = deflateRawSync(message, { level: 9 });
  // All of about the same size: the last code is as large as the first one.
  const count = Math.min(Math.max(Math.ceil(deflated.length / partBytes), 1), maxParts);
  const size = Math.ceil(deflated.length / count);
  if (size > maxPartBytes) {
    throw new RangeError(
      `a message of ${deflated.length} bytes after deflation, more than ${maxParts} codes`,
    );
  }
  const id = idOf(deflated);
  return Array.from({ length: count }, (_, index) => {
    const part = deflated.subarray(index * size, (index + 1) * size);
    return [codePrefix, id, index, count, encodeBase45(part)].join('/');
  });
}

/** What became of a text that was seen. */
export type Seen =
  | { readonly outcome: 'part' | 'again'; readonly id: string; readonly have: number; readonly count: number }
  | { readonly outcome: 'message'; readonly id: string; readonly message: Buffer }
  /** `reason` is a clause, and quotes nothing of the code. */
  | { readonly outcome: 'refused'; readonly reason: string };

interface OpenMessage {
  readonly count: number;
  readonly parts: Map<number, Buffer>;
}

/** Collects codes, in any order, of a few messages at a time. */
export class CodeCollector {
  /** The one that grew last is the last. */
  readonly #open = new Map<string, OpenMessage>();

  take(text: string): Seen {
    const code = parseCode(text);
    if (typeof code === 'string') return { outcome: 'refused', reason: code };
    const { id, index, count, part } = code;
    const open = this.#open.get(id) ?? { count, parts: new Map<number, Buffer>() };
    if (open.count !== count) return { outcome: 'refused', reason: 'its number of codes changed' };
    const known = open.parts.get(index);
    if (known?.equals(part)) return { outcome: 'again', id, have: open.parts.size, count };
    if (known) {
      // One of both is wrong, and which one cannot be told before the end: the series starts again.
      this.#open.delete(id);
      return { outcome: 'refused', reason: 'it contradicts a code that was seen before' };
    }
    open.parts.set(index, part);
    this.#open.delete(id);
    this.#open.set(id, open);
    if (open.parts.size < count) {
      const oldest = this.#open.keys().next().value;
      if (this.#open.size > maxOpenMessages && oldest !== undefined) this.#open.delete(oldest);
      return { outcome: 'part', id, have: open.parts.size, count };
    }
    this.#open.delete(id);
    return join(id, open);
  }
}

function join(id: string, { count, parts }: OpenMessage): Seen {
  const deflated = Buffer.concat(
    Array.from({ length: count }, (_, index) => parts.get(index) ?? Buffer.alloc(0)),
  );
  if (idOf(deflated) !== id) return { outcome: 'refused', reason: 'its codes do not belong together' };
  try {
    const message = inflateRawSync(deflated, { maxOutputLength: maxMessageBytes });
    return { outcome: 'message', id, message };
  } catch {
    return { outcome: 'refused', reason: `it does not inflate, or to more than ${maxMessageBytes} bytes` };
  }
}

function idOf(deflated: Uint8Array): string {
  return createHash('sha256').update(deflated).digest('hex').slice(0, 8).toUpperCase();
}

interface Code {
  readonly id: string;
  readonly index: number;
  readonly count: number;
  readonly part: Buffer;
}

/** The code, or why it is none. */
function parseCode(text: string): Code | string {
  if (!text.startsWith(`${codePrefix}/`)) return 'it is no pairing code';
  if (text.length > maxCodeLength) return 'it is too long';
  // DATA may hold slashes itself.
  const fields = /^[^/]*\/([0-9A-F]{8})\/(0|[1-9]\d?)\/([1-9]\d?)\/(.*)$/s.exec(text);
  const [id = '', index, count, data = ''] = fields?.slice(1) ?? [];
  if (!fields || Number(count) > maxParts || Number(index) >= Number(count))
    return 'its numbers make no sense';
  const part = decodeBase45(data);
  if (part === undefined || part.length === 0 || part.length > maxPartBytes) return 'its data is damaged';
  return { id, index: Number(index), count: Number(count), part };
}
