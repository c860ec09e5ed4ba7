/**
 * Where a text stops being JSON, without quoting it: the parser's own message shows what stands around the mistake,
 * and that may be a password.
 */
import { messageOf } from '../runtime/errors.ts';

/** `line 2, column 12`, or `its end` where something is missing there. */
export function placeOfMistake(text: string): string {
  let good = 0;
  let bad = text.length + 1;
  // Every beginning of JSON could still become JSON; from the mistake on none can. So the place can be halved down to.
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (couldGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  if (bad > text.length) return 'its end';
  const before = text.slice(0, bad - 1).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

function couldGoOn(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return true;
  } catch (error) {
    const message = messageOf(error);
    if (message.startsWith('Unexpected end')) return true;
    const position = /at position (\d+)/.exec(message)?.[1];
    return position !== undefined && Number(position) >= beginning.length;
  }
}
