/**
 * Remembers that an element refused a PIN, over restarts: a service that starts again every few seconds would lock the
 * token otherwise. What is kept is a slow hash (scrypt) with a salt, for a PIN of a few digits not a protection: it belongs
 * beside the configuration, which has the PIN itself.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { systemErrorCode } from '../../runtime/errors.ts';

const slowHash = promisify(scrypt) as (text: string, salt: Buffer, bytes: number) => Promise<Buffer>;
const name = 'refused-pin.json';
const bytes = 32;

export interface PinOf {
  readonly module: string;
  readonly token: string;
  readonly pin: string;
}

/** For callers that have no directory to write to. */
const refusedHere = new Set<string>();

const textOf = ({ module, token, pin }: PinOf): string => JSON.stringify([module, token, pin]);

export async function wasRefused(element: PinOf, directory: string | undefined): Promise<boolean> {
  if (refusedHere.has(textOf(element))) return true;
  if (directory === undefined) return false;
  try {
    const kept: unknown = JSON.parse(await readFile(path.join(directory, name), 'utf8'));
    const { salt, hash } = kept as { salt: string; hash: string };
    const expected = Buffer.from(hash, 'hex');
    const found = await slowHash(textOf(element), Buffer.from(salt, 'hex'), bytes);
    return expected.length === bytes && timingSafeEqual(found, expected);
  } catch (error) {
    // Half a file, or somebody else's: nothing is known of this PIN.
    if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof TypeError)
      return false;
    throw error;
  }
}

export async function rememberRefused(element: PinOf, directory: string | undefined): Promise<void> {
  refusedHere.add(textOf(element));
  if (directory === undefined) return;
  const salt = randomBytes(16);
  const hash = await slowHash(textOf(element), salt, bytes);
  const text = JSON.stringify({ salt: salt.toString('hex'), hash: hash.toString('hex') });
  const file = path.join(directory, name);
  await writeFile(file, `${text}\n`, { mode: 0o600, flush: true });
  if (process.geteuid?.() !== 0) return;
  // The service has to read and remove what root found out.
  const { uid, gid } = await stat(directory);
  await chown(file, uid, gid);
}

export async function forgetRefused(element: PinOf, directory: string | undefined): Promise<void> {
  refusedHere.delete(textOf(element));
  if (directory !== undefined) await rm(path.join(directory, name), { force: true });
}
