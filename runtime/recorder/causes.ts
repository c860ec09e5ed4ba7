/** The causes of what happens, short enough for a note. Pure. */
import type { Happening } from '../encrocrypt/v3/index.ts';

/** As JSON. A note holds 4096, and a gap up to five causes. */
export const maxCauseBytes = 500;
const maxNotedBytes = 3500;
const ellipsis = '…';

/** ffmpeg puts the addresses of its objects into what it says: others each time, and of no use to anybody. */
const addresses = / @ 0x[0-9a-f]+/gi;

/** The same for the same trouble. */
export function shortCause(cause: string): string {
  return cut(cause.replaceAll(addresses, ''), maxCauseBytes);
}

/** Fits into a note, whatever its cause is. */
export function fitting(happening: Happening): Happening {
  const { cause } = happening;
  return typeof cause === 'string'
    ? { ...happening, cause: cut(cause.replaceAll(addresses, ''), maxNotedBytes) }
    : happening;
}

function cut(text: string, maxBytes: number): string {
  const bytes = (part: string): number => Buffer.byteLength(JSON.stringify(part));
  if (bytes(text) <= maxBytes) return text;
  const letters = [...text];
  let [least, most] = [0, letters.length];
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    if (bytes(letters.slice(0, middle).join('') + ellipsis) <= maxBytes) least = middle;
    else most = middle - 1;
  }
  return letters.slice(0, least).join('') + ellipsis;
}
