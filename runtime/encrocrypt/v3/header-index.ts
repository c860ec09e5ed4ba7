/**
 * The note `index`: where the headers of a file stand, so that whoever seeks a time needs few reads. It is a hint: nothing of it
 * is to be believed before the place itself was looked at.
 */
import { maxNoteBytes } from './format.ts';
import type { Happening } from './run-writer.ts';

/** A header in a file. */
export interface HeaderPlace {
  /** Of what comes behind it, in milliseconds since the epoch by its run's clock. */
  readonly wallMs: number;
  /** Of its first byte in the file. */
  readonly offset: number;
}

/** With fewer places there is nothing to gain: a file of a few minutes is found through without. */
const minPlaces = 3;
/** So many places a reader takes: of a day there are 150. */
const maxPlaces = 1024;
const maxNumber = Number.MAX_SAFE_INTEGER;

/** The headers of one file while it is written, whatever run they are of. */
export class HeaderIndex {
  #places: HeaderPlace[] = [];

  /** A header that stands behind all others: where one is known further on, the file is another one than it was. */
  add({ wallMs, offset }: HeaderPlace): void {
    this.#places = this.#places.filter((known) => known.offset < offset);
    this.#places.push({ wallMs: Math.floor(wallMs), offset });
  }

  /** What there is to be told; undefined while nobody needs it. */
  get happening(): Happening | undefined {
    if (this.#places.length < minPlaces) return undefined;
    for (;;) {
      const happening = happeningOf(this.#places);
      if (Buffer.byteLength(JSON.stringify(happening)) <= maxNoteBytes) return happening;
      // A file of very many runs: every second place tells nearly as much.
      this.#places = this.#places.filter((_, index) => index % 2 === 0);
    }
  }
}

function happeningOf(places: readonly HeaderPlace[]): Happening {
  const steps = (values: readonly number[]): number[] =>
    values.map((value, index) => value - (values[index - 1] ?? 0));
  return {
    what: 'index',
    times: steps(places.map(({ wallMs }) => wallMs)),
    offsets: steps(places.map(({ offset }) => offset)),
  };
}

/**
 * The places that a note tells of, by ascending offsets. Their times need not ascend: the camera's clock may have been set.
 * @param content of a note of any kind.
 * @returns undefined if it is no index, or not one by the rules.
 */
export function readHeaderIndex(content: Uint8Array): HeaderPlace[] | undefined {
  const { times, offsets } = objectIn(content);
  if (!Array.isArray(times) || !Array.isArray(offsets)) return undefined;
  if (times.length !== offsets.length || times.length > maxPlaces) return undefined;
  const places: HeaderPlace[] = [];
  let [wallMs, offset] = [0, 0];
  for (const [index, step] of times.entries()) {
    const bytes: unknown = offsets[index];
    if (!Number.isSafeInteger(step) || !Number.isSafeInteger(bytes)) return undefined;
    wallMs += step;
    offset += Number(bytes);
    const isBehind = Number(bytes) > 0 || (index === 0 && bytes === 0);
    if (!isBehind || offset > maxNumber || Math.abs(wallMs) > maxNumber) return undefined;
    places.push({ wallMs, offset });
  }
  return places;
}

interface Note {
  readonly what?: unknown;
  readonly times?: unknown;
  readonly offsets?: unknown;
}

function objectIn(content: Uint8Array): Note {
  try {
    const note = JSON.parse(Buffer.from(content).toString('utf8')) as Note | null;
    return note?.what === 'index' ? note : {};
  } catch {
    return {};
  }
}
