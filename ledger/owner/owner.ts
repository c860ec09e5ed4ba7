/** What an owner has: a wallet, and for every camera that was paired the salt and all video keys ever made. */
import { randomBytes } from 'node:crypto';
import { fromHex, type Hex, toHex } from '../../runtime/video-keys/hex.ts';
import {
  addressBytes,
  isCounter,
  keyEncryptionKey,
  type Purpose,
  saltBytes,
  type VideoKey,
  videoKeyBytes,
} from '../../runtime/video-keys/keys.ts';
import { entropyBytes, walletFromEntropy } from './wallet.ts';

export interface Owner {
  /** Of the wallet, 32 bytes; secret. */
  readonly entropy: Buffer;
  /** Oldest pairing first. A camera that was paired again after a reset is there more than once. */
  readonly cameras: readonly OwnedCamera[];
}

export interface OwnedCamera {
  /** What the owner calls it. */
  readonly name: string;
  /** Of the camera itself, lower case, once it is known. */
  readonly address?: Hex | undefined;
  readonly pairedMs: number;
  /** 16 bytes, for the key-encryption key. */
  readonly salt: Buffer;
  readonly keys: readonly OwnedKey[];
}

export interface OwnedKey extends VideoKey {
  readonly madeMs: number;
}

export const maxNameLength = 64;

export function newCamera(name: string, nowMs: number): OwnedCamera {
  const keys = [newKey('recordings', 1, nowMs), newKey('live', 1, nowMs)];
  return { name, pairedMs: nowMs, salt: randomBytes(saltBytes), keys };
}

export function newKey(purpose: Purpose, counter: number, nowMs: number): OwnedKey {
  return { purpose, counter, key: randomBytes(videoKeyBytes), madeMs: nowMs };
}

/** The newest pairing of the camera with this name or address. */
export function findCamera(owner: Owner, nameOrAddress: string): OwnedCamera | undefined {
  const wanted = nameOrAddress.toLowerCase();
  return owner.cameras.findLast(({ name, address }) => name === nameOrAddress || address === wanted);
}

/** With `changed` in the place of `camera`. */
export function replaceCamera(owner: Owner, camera: OwnedCamera, changed: OwnedCamera): Owner {
  return { ...owner, cameras: owner.cameras.map((other) => (other === camera ? changed : other)) };
}

/** The key with the largest counter. */
export function newestKey(camera: OwnedCamera, purpose: Purpose): OwnedKey | undefined {
  const keys = camera.keys.filter((key) => key.purpose === purpose);
  return keys.reduce<OwnedKey | undefined>(
    (newest, key) => (newest && newest.counter >= key.counter ? newest : key),
    undefined,
  );
}

/** The key-encryption key of a camera; 32 bytes, secret. */
export function kekOf(owner: Owner, camera: OwnedCamera): Buffer {
  const { privateKey, address } = walletFromEntropy(owner.entropy);
  return keyEncryptionKey(privateKey, camera.salt, bytes(address, addressBytes));
}

/** What is encrypted in the key file. */
export function encodeOwner(owner: Owner): string {
  return JSON.stringify({
    entropy: toHex(owner.entropy),
    cameras: owner.cameras.map(({ name, address, pairedMs, salt, keys }) => ({
      name,
      ...(address === undefined ? {} : { address }),
      pairedMs,
      salt: toHex(salt),
      keys: keys.map(({ purpose, counter, key, madeMs }) => ({ purpose, counter, key: toHex(key), madeMs })),
    })),
  });
}

/** `undefined` where it is not exactly what `encodeOwner` writes. */
export function decodeOwner(text: string): Owner | undefined {
  try {
    const { entropy, cameras } = membersOf(JSON.parse(text), ['entropy', 'cameras']);
    return { entropy: bytes(entropy, entropyBytes), cameras: listOf(cameras).map(decodeCamera) };
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class Malformed extends Error {}

function decodeCamera(value: unknown): OwnedCamera {
  const members = membersOf(value, ['name', 'pairedMs', 'salt', 'keys'], ['address']);
  const { name, address } = members;
  if (typeof name !== 'string' || !isCameraName(name)) throw new Malformed('name');
  return {
    name,
    ...(address === undefined ? {} : { address: toHex(bytes(address, addressBytes)) }),
    pairedMs: time(members.pairedMs),
    salt: bytes(members.salt, saltBytes),
    keys: listOf(members.keys).map(decodeKey),
  };
}

function decodeKey(value: unknown): OwnedKey {
  const { purpose, counter, key, madeMs } = membersOf(value, ['purpose', 'counter', 'key', 'madeMs']);
  if (purpose !== 'recordings' && purpose !== 'live') throw new Malformed('purpose');
  if (!isCounter(counter)) throw new Malformed('counter');
  return { purpose, counter, key: bytes(key, videoKeyBytes), madeMs: time(madeMs) };
}

/** One line of text that cannot be taken for an address. */
export function isCameraName(name: string): boolean {
  return (
    name.length > 0 &&
    name.length <= maxNameLength &&
    !/\p{Cc}|\p{Cs}/u.test(name) &&
    !fromHex(name, addressBytes)
  );
}

function membersOf(value: unknown, needed: string[], optional: string[] = []): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed('object');
  const names = Object.keys(value);
  const isExact =
    needed.every((name) => names.includes(name)) &&
    names.every((name) => needed.includes(name) || optional.includes(name));
  if (!isExact) throw new Malformed('members');
  return value as Record<string, unknown>;
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Malformed('list');
  return value;
}

function bytes(value: unknown, length: number): Buffer {
  const found = fromHex(value, length);
  if (!found) throw new Malformed('bytes');
  return found;
}

function time(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw new Malformed('time');
  return Number(value);
}
