/**
 * The file with the camera's key for the chain: two lines, `0x` and 64 hexadecimal digits, the key; `0x` and 40, its
 * address, by which damage shows. It is made once and never replaced: with it, the camera's name and money would be gone.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, open, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Address, Hex } from 'viem';
import { privateKeyToAddress } from 'viem/accounts';
import { EncroCamError, messageOf, systemErrorCode } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';

export interface IdentityKey {
  readonly key: Hex;
  /** In lower case. */
  readonly address: Address;
}

/** Larger than a key file can be, with any line ends; whatever is as large is another file. */
const maxBytes = 256;
const neverReplaced =
  'It is never overwritten: bring back a copy, or move it away to get a new key and address.';

/**
 * @returns `undefined` if there is no such file
 * @throws {EncroCamError} `IDENTITY_UNREADABLE` if it cannot be read, is damaged, or is open to others
 */
export async function readKeyFile(file: string): Promise<IdentityKey | undefined> {
  let handle: FileHandle;
  try {
    // O_NONBLOCK: a FIFO of that name would make it wait for ever.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw unusable(file, messageOf(error), 'Run it as root, or as a user who may read the key.', error);
  }
  try {
    const found = await handle.stat();
    const { uid, mode, size } = found;
    if (!found.isFile()) throw unusable(file, 'it is not a file', neverReplaced);
    const self = process.geteuid?.();
    if (uid !== 0 && uid !== self && self !== 0) {
      throw unusable(
        file,
        'it belongs to somebody else',
        'Give it to root, or to whoever uses it, with chown.',
      );
    }
    if ((mode & 0o027) !== 0) {
      throw unusable(
        file,
        `others can read or change it (mode ${(mode & 0o777).toString(8)})`,
        `Whoever read it can spend what the camera's wallet holds. If nobody did: chmod 600 ${printable(file)}`,
      );
    }
    if (size === 0) throw unusable(file, 'it is empty', neverReplaced);
    if (size > maxBytes) throw unusable(file, 'it is too large to be one', neverReplaced);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, 0);
    return parseKey(buffer.toString('latin1', 0, bytesRead), file);
  } finally {
    await handle.close();
  }
}

/**
 * Makes a key, on disk before this returns. One that is there already, or that somebody else makes at the same moment, is taken instead.
 * Made by root, it gets the directory's group, which may read it where the directory is root's: services read it, and cannot change it.
 * @throws {EncroCamError} `IDENTITY_UNREADABLE`
 */
export async function makeKeyFile(file: string): Promise<IdentityKey & { readonly made: boolean }> {
  const there = await readKeyFile(file);
  if (there) return { ...there, made: false };
  const key = makeKey();
  const directory = path.dirname(file);
  const temporary = path.join(directory, `.${path.basename(file)}.${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${key.key}\n${key.address}\n`);
      await giveLike(handle, directory);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Unlike rename(2), it never replaces what is there.
    await link(temporary, file);
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') {
      const theirs = await readKeyFile(file);
      if (theirs) return { ...theirs, made: false };
    }
    throw unusable(
      file,
      `it cannot be made: ${messageOf(error)}`,
      'Where only root may write, make it once with: sudo encrocam identity',
      error,
    );
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  const parent = await open(directory);
  await parent.sync().finally(() => parent.close());
  return { ...key, made: true };
}

async function giveLike(handle: FileHandle, directory: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = await stat(directory);
  await handle.chown(uid, gid);
  if (uid === 0 && gid !== 0) await handle.chmod(0o640);
}

function makeKey(): IdentityKey {
  for (;;) {
    const key: Hex = `0x${randomBytes(32).toString('hex')}`;
    const address = addressOf(key);
    if (address) return { key, address };
  }
}

/** `undefined` for zero and for what is not below the order of the group. */
function addressOf(key: Hex): Address | undefined {
  try {
    return privateKeyToAddress(key).toLowerCase() as Address;
  } catch {
    return undefined;
  }
}

function parseKey(text: string, file: string): IdentityKey {
  const found = /^(0x[0-9a-fA-F]{64})\r?\n(0x[0-9a-fA-F]{40})\r?\n?$/.exec(text);
  const [, keyDigits, named] = found ?? [];
  // The text is not quoted: it may be somebody's secret all the same.
  if (keyDigits === undefined || named === undefined) {
    throw unusable(file, 'it does not hold a key and its address, each on a line', neverReplaced);
  }
  const key = keyDigits.toLowerCase() as Hex;
  const address = addressOf(key);
  if (address === undefined || address !== named.toLowerCase()) {
    throw unusable(file, 'it is damaged: the address in it is not that of the key in it', neverReplaced);
  }
  return { key, address };
}

function unusable(file: string, why: string, hint: string, cause?: unknown): EncroCamError {
  return new EncroCamError('IDENTITY_UNREADABLE', `The ledger's key ${printable(file)}: ${why}.`, {
    hint,
    cause,
  });
}
