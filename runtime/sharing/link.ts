/** A share as a link: all of it behind the `#`, which no browser and no program sends to a server. */

import { FormatError } from '../encrocrypt/v3/index.ts';
import { EncroCamError } from '../errors.ts';
import { magic, maxCapabilityBytes } from './capability.ts';

/** Where no page is named: a link that says what it is, and that no browser opens. */
export const defaultBase = 'encrocam-share:';
/** What every share begins with there. */
const linkStart = magic.subarray(0, magic.length - (magic.length % 3)).toString('base64url');
/** Base64 takes a third more. */
const maxLinkBytes = 2048 + Math.ceil((maxCapabilityBytes * 4) / 3);

/**
 * @param base what stands before the `#`: checked by {@link parseBase}.
 */
export function shareLink(capability: Buffer, base: string = defaultBase): string {
  return `${base}#${capability.toString('base64url')}`;
}

/**
 * @throws {EncroCamError} `USAGE` for an address to which a secret must not be added. Over plain HTTP, whoever is on the
 *   line can put a page of his own there that reads what stands behind the `#`.
 */
export function parseBase(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.hash === '' && !text.includes('#') && url.username === '')
    return text;
  throw new EncroCamError('USAGE', `--base: ${JSON.stringify(text)} is no address for a share.`, {
    hint: 'Give an https:// address without a #, or leave --base out.',
  });
}

/**
 * Whether a text is a link rather than a file's name. Of whatever scheme, in whatever letters: what was passed on like that is passed on
 * already, and taken for a name it would stand in a message.
 */
export function isShareLink(text: string): boolean {
  return /^(?:encrocam-share:|[a-z][a-z\d+.-]*:\/\/)[^\s#]*#/i.test(text.trimStart());
}

/** What may be shown of a text that was given as a share: nothing behind a `#`, and nothing that is a share without one. */
export function withoutSecret(text: string): string {
  const [shown = ''] = text.split('#', 1);
  return shown.length < text.length || shown.includes(linkStart) ? `${shown.split(linkStart, 1)[0]}#…` : text;
}

/**
 * The share in a link, not yet read.
 * @throws {FormatError} if there is none behind the `#`.
 */
export function bytesInLink(text: string): Buffer {
  if (text.length > maxLinkBytes) throw new FormatError('the link is too long');
  // Mail programs break long lines.
  const fragment = text.slice(text.indexOf('#') + 1).replaceAll(/\s/g, '');
  const bytes = Buffer.from(fragment, 'base64url');
  if (fragment === '' || bytes.toString('base64url') !== fragment) {
    throw new FormatError('what stands behind the # is no share, or is cut');
  }
  return bytes;
}
