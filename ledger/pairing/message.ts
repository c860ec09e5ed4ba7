/**
 * The pairing message (`docs/ref/ledger.md`): what an owner tells a camera, signed by the owner's wallet. No files,
 * no sockets; the clock is an argument.
 */
import { createHash } from 'node:crypto';
import { recoverMessageAddress } from 'viem/utils';
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { fromHex, type Hex, toHex } from '../../runtime/video-keys/hex.ts';
import {
  addressBytes,
  keyEncryptionKeyBytes,
  type Purpose,
  saltBytes,
  unwrapVideoKey,
  type VideoKey,
  wrappedKeyBytes,
  wrapVideoKey,
} from '../../runtime/video-keys/keys.ts';
import { canonicalJson, type Json } from '../canonical-json.ts';
import { maxMessageBytes } from './codes.ts';

const format = 'EncroCam pairing 1';
export const nonceBytes = 16;
const signatureBytes = 65;
/** How far `createdMs` may be from the camera's clock, either way. */
export const maxAgeMs = 60 * 60 * 1000;

export const maxHintLength = 200;

export type JsonObject = { readonly [name: string]: Json };

/** What the owner says. */
export interface PairingContent {
  /** Lower case. */
  readonly owner: Hex;
  readonly createdMs: number;
  /** 16 bytes. */
  readonly nonce: Buffer;
  /** 16 bytes. */
  readonly salt: Buffer;
  /** The key-encryption key, 32 bytes; secret. */
  readonly kek: Buffer;
  readonly recordings: VideoKey;
  readonly live: VideoKey;
  /** What the wizard would ask, in part or whole; not checked here. */
  readonly answers?: JsonObject | undefined;
  /** What reminds the owner of the passphrase of the camera's disk: 1 to `maxHintLength` characters, no control characters. */
  readonly hint?: string | undefined;
}

/** A message that is well formed. Whether to believe it is what `checkMessage` says. */
export interface PairingMessage extends PairingContent {
  readonly signature: Hex;
  /** What the signature is over. */
  readonly signedText: string;
}

/** The message as bytes, for `encodeCodes`. `signText` signs by EIP-191. */
export async function encodeMessage(
  content: PairingContent,
  signText: (text: string) => Promise<Hex>,
): Promise<Buffer> {
  const members: JsonObject = {
    format,
    owner: content.owner,
    createdMs: content.createdMs,
    nonce: toHex(content.nonce),
    salt: toHex(content.salt),
    kek: toHex(content.kek),
    keys: {
      recordings: toHex(wrapVideoKey(content.kek, content.recordings)),
      live: toHex(wrapVideoKey(content.kek, content.live)),
    },
    ...(content.answers === undefined ? {} : { answers: content.answers }),
    ...(content.hint === undefined ? {} : { hint: content.hint }),
  };
  const signature = await signText(signedText(members));
  return Buffer.from(canonicalJson({ ...members, signature }), 'utf8');
}

/**
 * Reads a message strictly: every member must be there and be as the reference says, and no others.
 * @throws {EncroCamError} `PAIRING_REFUSED`; nothing of the message is quoted.
 */
export function decodeMessage(bytes: Uint8Array): PairingMessage {
  if (bytes.length > maxMessageBytes) throw refused('it is too large');
  const members = parse(bytes);
  if (members.format !== format) throw refused('it is of another format');
  const known = [
    'format',
    'owner',
    'createdMs',
    'nonce',
    'salt',
    'kek',
    'keys',
    'answers',
    'hint',
    'signature',
  ];
  if (Object.keys(members).some((name) => !known.includes(name)))
    throw refused('it has members that are unknown');
  const { signature: _, ...others } = members;
  const { createdMs, answers, hint } = members;
  if (!Number.isSafeInteger(createdMs) || Number(createdMs) < 0) throw refused('its createdMs is no time');
  if (answers !== undefined && !isObject(answers)) throw refused('its answers are no object');
  if (hint !== undefined && !isHint(hint)) throw refused('its hint is no short line');
  const kek = bytesOf(members, 'kek', keyEncryptionKeyBytes);
  const keys = members.keys;
  if (!isObject(keys) || Object.keys(keys).length !== 2) throw refused('its keys are not two');
  return {
    owner: toHex(bytesOf(members, 'owner', addressBytes)),
    createdMs: Number(createdMs),
    nonce: bytesOf(members, 'nonce', nonceBytes),
    salt: bytesOf(members, 'salt', saltBytes),
    kek,
    recordings: firstKey(keys, 'recordings', kek),
    live: firstKey(keys, 'live', kek),
    ...(answers === undefined ? {} : { answers: answers as JsonObject }),
    ...(hint === undefined ? {} : { hint: hint as string }),
    signature: toHex(bytesOf(members, 'signature', signatureBytes)),
    signedText: readSignedText(others as JsonObject),
  };
}

export interface CheckOptions {
  readonly nowMs: number;
  /** Where it is not, the message's time is not asked. */
  readonly clockIsSynchronised: boolean;
  /** Nonces of messages that were taken before, in lower-case hexadecimal digits without `0x`. */
  readonly knownNonces: ReadonlySet<string>;
}

/** @throws {EncroCamError} `PAIRING_REFUSED` where the camera must not take the message. */
export async function checkMessage(message: PairingMessage, options: CheckOptions): Promise<void> {
  if (options.knownNonces.has(message.nonce.toString('hex'))) throw refused('it was taken before');
  const aheadMs = message.createdMs - options.nowMs;
  if (options.clockIsSynchronised && Math.abs(aheadMs) > maxAgeMs) {
    throw refused(aheadMs < 0 ? 'it is of more than an hour ago' : 'it is more than an hour ahead');
  }
  if ((await signer(message)) !== message.owner) throw refused('its signature is not that of its owner');
}

async function signer({ signature, signedText }: PairingMessage): Promise<string | undefined> {
  try {
    return (await recoverMessageAddress({ message: signedText, signature })).toLowerCase();
  } catch {
    // Numbers that are no signature at all.
    return undefined;
  }
}

function signedText(members: JsonObject): string {
  const digest = createHash('sha256').update(canonicalJson(members), 'utf8').digest('hex');
  return `EncroCam pairing ${digest}`;
}

function readSignedText(members: JsonObject): string {
  try {
    return signedText(members);
  } catch {
    throw refused('its answers nest too deep, or hold half a character');
  }
}

function parse(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw refused('it is not JSON');
  }
  if (!isObject(value)) throw refused('it is no JSON object');
  return value;
}

function bytesOf(members: JsonObject, name: string, length: number): Buffer {
  const bytes = fromHex(members[name], length);
  if (!bytes) throw refused(`its ${name} is not ${length} bytes`);
  return bytes;
}

function firstKey(keys: JsonObject, purpose: Purpose, kek: Buffer): VideoKey {
  const wrapped = bytesOf(keys, purpose, wrappedKeyBytes);
  const isFirst = (key: VideoKey): boolean => key.purpose === purpose && key.counter === 1;
  try {
    const key = unwrapVideoKey(kek, wrapped);
    if (isFirst(key)) return key;
  } catch (error) {
    if (!isEncroCamError(error, 'NOT_AUTHENTIC')) throw error;
  }
  throw refused(`its ${purpose} key is not wrapped as the first one`);
}

export function isHint(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= maxHintLength &&
    !/\p{Cc}|\p{Cs}/u.test(value)
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(reason: string): EncroCamError {
  return new EncroCamError('PAIRING_REFUSED', `The pairing message is refused: ${reason}.`, {
    hint: 'Show new codes: run encrocam pair again.',
  });
}
