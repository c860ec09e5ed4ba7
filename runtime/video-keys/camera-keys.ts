/**
 * What a camera keeps of an owner without OpenPGP: the key-encryption key and the present video keys, in `owner-keys.json` on the
 * config partition. The recorder replaces the file, so it lies in a directory that it may write to.
 */
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { EncroCamError, messageOf } from '../errors.ts';
import { fromHex, type Hex, toHex } from './hex.ts';
import {
  addressBytes,
  isCounter,
  keyEncryptionKeyBytes,
  type Purpose,
  purposes,
  unwrapVideoKey,
  type VideoKey,
  videoKeyBytes,
} from './keys.ts';

/** Its name, and its place below the configuration's directory: the recorder may write there. */
export const cameraKeysFile = 'state/owner-keys.json';
const format = 'EncroCam owner keys 1';
const maxBytes = 16 * 1024;

export interface CameraKeys {
  /** The camera's address, 20 bytes: commands name it. Zeros where it was not known at the pairing. */
  readonly camera: Buffer;
  /** The owner's. */
  readonly owner: Buffer;
  /** The key-encryption key, 32 bytes. */
  readonly kek: Buffer;
  /** The present ones. Counters below or at theirs are never taken again. */
  readonly keys: Readonly<Record<Purpose, VideoKey>>;
}

interface Stored {
  readonly format: typeof format;
  readonly camera: Hex;
  readonly owner: Hex;
  readonly kek: Hex;
  readonly keys: Record<Purpose, { readonly key: Hex; readonly counter: number }>;
}

/**
 * What comes with the pairing.
 * @param wrapped the first video keys, under `kek`.
 * @throws {EncroCamError} `NOT_AUTHENTIC`
 */
export function pairedKeys(
  parties: Pick<CameraKeys, 'camera' | 'owner' | 'kek'>,
  wrapped: Readonly<Record<Purpose, Uint8Array>>,
): CameraKeys {
  const keyFor = (purpose: Purpose): VideoKey => {
    const key = unwrapVideoKey(parties.kek, wrapped[purpose]);
    if (key.purpose === purpose) return key;
    throw new EncroCamError('NOT_AUTHENTIC', `The key for ${purpose} is one for ${key.purpose}.`, {
      hint: 'Pair the camera again.',
    });
  };
  return { ...parties, keys: { recordings: keyFor('recordings'), live: keyFor('live') } };
}

/**
 * The keys after a new one was taken.
 * @throws {EncroCamError} `NOT_AUTHENTIC` for one that the owner did not wrap; `KEY_UNUSABLE` for one that was there before.
 */
export function takeWrappedKey(keys: CameraKeys, wrapped: Uint8Array): { keys: CameraKeys; taken: VideoKey } {
  const taken = unwrapVideoKey(keys.kek, wrapped);
  const { counter } = keys.keys[taken.purpose];
  if (taken.counter <= counter) {
    throw new EncroCamError(
      'KEY_UNUSABLE',
      `A key for ${taken.purpose} with counter ${taken.counter} is refused: ${counter} was taken before.`,
      { hint: 'Make a new one: encrocam rotate-key. Somebody may have put an old command there again.' },
    );
  }
  return { keys: { ...keys, keys: { ...keys.keys, [taken.purpose]: taken } }, taken };
}

/** @throws {EncroCamError} `KEY_UNREADABLE`; the message quotes nothing of the file. */
export async function readCameraKeys(file: string): Promise<CameraKeys> {
  let reason = 'it is damaged, or of another version';
  try {
    const handle = await open(file, 'r');
    try {
      const room = Buffer.alloc(maxBytes + 1);
      const { bytesRead } = await handle.read(room, 0, room.length, 0);
      const keys = bytesRead > maxBytes ? undefined : parseCameraKeys(room.toString('utf8', 0, bytesRead));
      if (keys) return keys;
    } finally {
      await handle.close();
    }
  } catch (error) {
    reason = messageOf(error);
  }
  throw new EncroCamError('KEY_UNREADABLE', `Cannot read the owner's video keys in ${file}: ${reason}.`, {
    hint: 'Pair the camera with its owner again, or set owner.symmetricKeys to the right file.',
  });
}

/** @returns `undefined` for anything else. */
export function parseCameraKeys(text: string): CameraKeys | undefined {
  let stored: Partial<Stored> | null;
  try {
    stored = JSON.parse(text) as Partial<Stored> | null;
  } catch {
    // The parser's message would quote keys.
    return undefined;
  }
  if (typeof stored !== 'object' || stored === null || stored.format !== format) return undefined;
  const camera = fromHex(stored.camera, addressBytes);
  const owner = fromHex(stored.owner, addressBytes);
  const kek = fromHex(stored.kek, keyEncryptionKeyBytes);
  const keys = new Map<Purpose, VideoKey>();
  for (const purpose of purposes) {
    const entry = stored.keys?.[purpose];
    const key = fromHex(entry?.key, videoKeyBytes);
    if (key && isCounter(entry?.counter)) keys.set(purpose, { purpose, counter: entry.counter, key });
  }
  const [recordings, live] = [keys.get('recordings'), keys.get('live')];
  if (!camera || !owner || !kek || !recordings || !live) return undefined;
  return { camera, owner, kek, keys: { recordings, live } };
}

export function cameraKeysText({ camera, owner, kek, keys }: CameraKeys): string {
  const entry = ({ key, counter }: VideoKey) => ({ key: toHex(key), counter });
  const stored: Stored = {
    format,
    ...{ camera: toHex(camera), owner: toHex(owner), kek: toHex(kek) },
    keys: { recordings: entry(keys.recordings), live: entry(keys.live) },
  };
  return `${JSON.stringify(stored, undefined, 2)}\n`;
}

/** Replaces the file as a whole, mode 0600; after a power cut either the old or the new one is there. */
export async function writeCameraKeys(file: string, keys: CameraKeys): Promise<void> {
  const temporary = `${file}.tmp`;
  // What a power cut left may have other rights.
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(cameraKeysText(keys));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const directory = await open(path.dirname(file), 'r');
  await directory.sync().finally(() => directory.close());
}
