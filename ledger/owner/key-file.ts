/**
 * The owner's key file (`docs/ref/ledger.md`): the wallet and every key ever made for a camera, under a passphrase.
 * Written whole or not at all.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, scrypt } from 'node:crypto';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { EncroCamError, messageOf, systemErrorCode } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import { acquireFileLock } from '../../runtime/state/lock.ts';
import { fromHex, type Hex, toHex } from '../../runtime/video-keys/hex.ts';
import { addressBytes } from '../../runtime/video-keys/keys.ts';
import { canonicalJson } from '../canonical-json.ts';
import { decodeOwner, encodeOwner, type Owner } from './owner.ts';
import { walletFromEntropy } from './wallet.ts';

const format = 'EncroCam owner 1';
/** Thousands of keys stay far below. */
const maxFileBytes = 16 * 1024 * 1024;
const cost = { n: 131072, r: 8, p: 1 };
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;

/** @throws {EncroCamError} `KEY_LOCKED` for a wrong passphrase, `OWNER_FILE_UNREADABLE` for anything else. */
export async function readOwnerFile(file: string, passphrase: string): Promise<Owner> {
  let text: string;
  try {
    if ((await stat(file)).size > maxFileBytes) throw new Error('it is too large');
    const handle = await open(file, 'r');
    text = await handle.readFile('utf8').finally(() => handle.close());
  } catch (error) {
    const isMissing = systemErrorCode(error) === 'ENOENT';
    throw unreadable(file, isMissing ? 'there is no such file' : messageOf(error), {
      hint: isMissing ? 'encrocam pair makes one; --owner says where it is.' : undefined,
      cause: error,
    });
  }
  return decodeOwnerFile(text, passphrase, file);
}

/**
 * Reading, changing and writing the file, with nobody else at it: the last to write would otherwise undo what others did, and keys of a camera
 * would be lost.
 * @throws {EncroCamError} `ALREADY_RUNNING` while another process is at it.
 */
export async function withOwnerFile<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = await acquireFileLock(file);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Replaces `file`, which nobody but its user may read. A symbolic link stays, and what it leads to is replaced. */
export async function writeOwnerFile(file: string, passphrase: string, owner: Owner): Promise<void> {
  const text = await encodeOwnerFile(owner, passphrase);
  const target = await realpath(file).catch(() => file);
  // Beside it, so that renaming stays within one file system.
  const temporary = `${target}.${randomBytes(6).toString('hex')}.part`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
    // The new name is lasting only when its directory is: without it, the keys of a pairing could be lost to a power cut.
    const directory = await open(path.dirname(target), 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    await rm(temporary, { force: true });
    throw new EncroCamError('INPUT_UNREADABLE', `Cannot write ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Name a file in a directory that you can write to.',
      cause: error,
    });
  }
}

export async function encodeOwnerFile(owner: Owner, passphrase: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const head = {
    format,
    address: walletFromEntropy(owner.entropy).address,
    scrypt: { ...cost, salt: toHex(salt) },
    nonce: toHex(nonce),
  };
  const cipher = createCipheriv('aes-256-gcm', await fileKey(passphrase, salt), nonce);
  cipher.setAAD(Buffer.from(canonicalJson(head)));
  const sealed = Buffer.concat([
    cipher.update(encodeOwner(owner), 'utf8'),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const members = { ...head, sealed: toHex(sealed) };
  return `${JSON.stringify({ ...members, digest: digestOf(members) }, undefined, 2)}\n`;
}

/** @throws {EncroCamError} as `readOwnerFile`. */
export async function decodeOwnerFile(
  text: string,
  passphrase: string,
  file = 'The key file',
): Promise<Owner> {
  const { members, address, salt, nonce, sealed } = parse(text, file);
  const decipher = createDecipheriv('aes-256-gcm', await fileKey(passphrase, salt), nonce);
  decipher.setAAD(Buffer.from(canonicalJson({ ...members, sealed: undefined })));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  let inner: string;
  try {
    inner = Buffer.concat([decipher.update(sealed.subarray(0, -tagBytes)), decipher.final()]).toString(
      'utf8',
    );
  } catch (error) {
    throw new EncroCamError('KEY_LOCKED', `The passphrase does not open ${printable(file)}.`, {
      hint: 'The file is whole, so it is the passphrase that is another one. The 24 words make the wallet again (--restore).',
      cause: error,
    });
  }
  const owner = decodeOwner(inner);
  if (!owner) throw unreadable(file, 'its content is not as this version knows it');
  if (walletFromEntropy(owner.entropy).address !== address)
    throw unreadable(file, 'its address is not that of its wallet');
  return owner;
}

interface Sealed {
  readonly members: Record<string, unknown>;
  readonly address: Hex;
  readonly salt: Buffer;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

function parse(text: string, file: string): Sealed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(file, 'it is cut or damaged');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unreadable(file, 'it is no key file');
  const { digest, ...members } = value as Record<string, unknown>;
  if (members.format !== format) throw unreadable(file, 'it is no key file, or one of another version');
  // Before the passphrase is tried: what does not decrypt after that, does not because of the passphrase.
  if (digest !== digestOrNothing(members)) throw unreadable(file, 'it is damaged');
  const given = (members.scrypt ?? {}) as Record<string, unknown>;
  const salt = fromHex(given.salt, saltBytes);
  const nonce = fromHex(members.nonce, nonceBytes);
  const address = fromHex(members.address, addressBytes);
  const { sealed: sealedText } = members;
  const sealed =
    typeof sealedText === 'string' ? fromHex(sealedText, Math.floor(sealedText.length / 2) - 1) : undefined;
  // Other costs could ask for any amount of memory.
  const isUsual = given.n === cost.n && given.r === cost.r && given.p === cost.p;
  if (!salt || !nonce || !address || !sealed || sealed.length < tagBytes || !isUsual) {
    throw unreadable(file, 'its members are not as this version knows them');
  }
  return { members, address: toHex(address), salt, nonce, sealed };
}

function digestOf(members: object): Hex {
  return toHex(createHash('sha256').update(canonicalJson(members)).digest());
}

function digestOrNothing(members: object): Hex | undefined {
  try {
    return digestOf(members);
  } catch {
    return undefined;
  }
}

async function fileKey(passphrase: string, salt: Buffer): Promise<Buffer> {
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  const { n, r, p } = cost;
  // 128 × N × r bytes are 128 MiB; Node.js refuses more than 32 MiB unless it is told.
  return derive(passphrase.normalize('NFC'), salt, 32, { N: n, r, p, maxmem: 256 * n * r });
}

function unreadable(
  file: string,
  reason: string,
  { hint, cause }: { hint?: string | undefined; cause?: unknown } = {},
): EncroCamError {
  return new EncroCamError(
    'OWNER_FILE_UNREADABLE',
    `Cannot read the key file ${printable(file)}: ${reason}.`,
    {
      hint:
        hint ??
        'Take another copy of it. The 24 words make the wallet again (encrocam pair --restore), but not the keys of videos.',
      cause,
    },
  );
}
