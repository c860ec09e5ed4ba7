/**
 * Gets an owner's public key from where the answer says it is: as text, from a file on the boot partition, by URL, or
 * from the Web Key Directory of a mail address. What comes back is raw: `../steps/owner-keys.ts` checks that it is the
 * key with the fingerprint, and that it can encrypt.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { type FetchOptions, fetchBytes, NameUnknown } from './fetch.ts';
import type { OwnerKey } from './types.ts';

export interface OwnerKeyOptions extends FetchOptions {
  /** Where the boot partition is mounted; without it, no key can come from a file. */
  readonly bootDirectory?: string | undefined;
}

const maxFileBytes = 1024 * 1024;

/**
 * The key's material, armored or binary.
 * @throws {EncroCamError} `KEY_UNREACHABLE` where trying later may help, `KEY_UNREADABLE` where it will not.
 */
export async function fetchOwnerKey(
  source: OwnerKey,
  options: OwnerKeyOptions = {},
): Promise<string | Uint8Array> {
  switch (source.from) {
    case 'text':
      return source.armored;
    case 'file':
      return readBootFile(source.file, options.bootDirectory);
    case 'url':
      return fetchBytes(source.url, options);
    case 'wkd':
      return fetchFromDirectory(source.address, options);
  }
}

async function readBootFile(name: string, bootDirectory: string | undefined): Promise<Uint8Array> {
  const refuse = (reason: string, cause?: unknown): EncroCamError =>
    new EncroCamError('KEY_UNREADABLE', `Cannot read ${name} on the boot partition: ${reason}.`, {
      hint: 'Put the file there with the card in another computer, or give the key in another way.',
      cause,
    });
  if (bootDirectory === undefined) throw refuse('there is no boot partition');
  // The schema allows plain names only; this does not rely on who called.
  const file = path.join(bootDirectory, path.basename(name));
  try {
    if ((await stat(file)).size > maxFileBytes) throw new Error('it is too large for a key');
    return await readFile(file);
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
}

/**
 * draft-koch-openpgp-webkey-service: the advanced method first; the direct one only "if the required sub-domain does
 * not exist".
 */
async function fetchFromDirectory(address: string, options: FetchOptions): Promise<Uint8Array> {
  const [advanced, direct] = directoryUrls(address);
  try {
    return await fetchBytes(advanced, options);
  } catch (error) {
    if (!(error instanceof NameUnknown)) throw error;
    return fetchBytes(direct, options);
  }
}

/** Where a Web Key Directory keeps the key of `local@domain`: advanced method, direct method. */
export function directoryUrls(address: string): [advanced: string, direct: string] {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const domain = address.slice(at + 1).toLowerCase();
  // "all upper-case ASCII characters … are mapped to lowercase. Non-ASCII characters are not changed."
  const lower = local.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  const hash = zBase32(createHash('sha1').update(lower, 'utf8').digest());
  const query = `${hash}?l=${encodeURIComponent(local)}`;
  return [
    `https://openpgpkey.${domain}/.well-known/openpgpkey/${domain}/hu/${query}`,
    `https://${domain}/.well-known/openpgpkey/hu/${query}`,
  ];
}

/** RFC 6189, section 5.1.6. */
function zBase32(bytes: Uint8Array): string {
  const alphabet = 'ybndrfg8ejkmcpqxot1uwisza345h769';
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text;
}
