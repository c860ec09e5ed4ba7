/** Collects a listing while it streams in: no more than one line and the entries are ever held. */
import type { DriveFile } from '../storage.ts';
import { type ListingFormat, maxListingLineBytes, parseListingLine } from './listing.ts';
import { protocolError } from './replies.ts';

/** Most bytes of one listing: a million entries of 256 bytes. */
const maxListingBytes = 2 ** 28;

export class ListingReader {
  readonly #format: ListingFormat;
  readonly #maxEntries: number;
  readonly #files: DriveFile[] = [];
  #partial: Buffer = Buffer.alloc(0);
  #bytes = 0;
  #lines = 0;
  #unusable = 0;

  constructor(format: ListingFormat, maxEntries: number) {
    this.#format = format;
    this.#maxEntries = maxEntries;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Throws `STORAGE_PROTOCOL` beyond a bound. */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes > maxListingBytes)
      throw protocolError(`A listing is longer than ${maxListingBytes} bytes.`);
    const text = this.#partial.length > 0 ? Buffer.concat([this.#partial, chunk]) : Buffer.from(chunk);
    let start = 0;
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, start)) {
      this.#line(text.subarray(start, end));
      start = end + 1;
    }
    if (text.length - start > maxListingLineBytes) throw lineTooLong();
    this.#partial = Buffer.from(text.subarray(start));
  }

  finish(): { files: DriveFile[]; unusable: number } {
    if (this.#partial.length > 0) this.#line(this.#partial);
    this.#partial = Buffer.alloc(0);
    return { files: this.#files, unusable: this.#unusable };
  }

  #line(bytes: Buffer): void {
    if (bytes.length > maxListingLineBytes) throw lineTooLong();
    if (++this.#lines > this.#maxEntries)
      throw protocolError(`A listing has over ${this.#maxEntries} entries.`);
    const line = parseListingLine(bytes.toString('utf8').replace(/\r$/, ''), this.#format);
    if (line.kind === 'file') this.#files.push(line.file);
    else if (line.kind === 'unusable') this.#unusable++;
  }
}

function lineTooLong(): Error {
  return protocolError(`A line of a listing is longer than ${maxListingLineBytes} bytes.`);
}
