import { createDecipheriv, type KeyObject } from 'node:crypto';
import { type Envelope, PacketCutter, type Position, type Skip, type SkipReason } from './cutter.ts';
import {
  headerBytes,
  magic,
  maxKeyBodyBytes,
  maxVideoBodyBytes,
  minutesBytes,
  nonceBytes,
  packetType,
  tagBytes,
  videoOverheadBytes,
} from './format.ts';

export interface KeyPacket extends Position {
  readonly kind: 'key';
  /** The OpenPGP message. Valid until the next call. */
  readonly message: Buffer;
}

export interface VideoPacket extends Position {
  readonly kind: 'video';
  /** Start of the minute that the packet claims, milliseconds since the epoch. Not authenticated. */
  readonly timeMs: number;
  /** Minutes, nonce, ciphertext and tag. Valid until the next call. */
  readonly body: Buffer;
}

export type Packet = KeyPacket | VideoPacket;

/** How packets of EncroCrypt2 begin. */
const envelope: Envelope = {
  magic,
  headerBytes,
  maxBodyBytes: maxVideoBodyBytes,
  bodyBytes(buffer, start) {
    const type = buffer[start + magic.length];
    const length = buffer.readUInt32BE(start + magic.length + 1);
    if (type === packetType.key) return length >= 1 && length <= maxKeyBodyBytes ? length : undefined;
    if (type !== packetType.video) return undefined;
    return length >= videoOverheadBytes && length <= maxVideoBodyBytes ? length : undefined;
  },
};

/** Cuts a byte stream into packets of EncroCrypt2: used as {@link PacketCutter} is. */
export class PacketReader {
  readonly #cutter: PacketCutter;

  /** @param offset where in the file the stream begins, for the positions that are reported. */
  constructor(offset = 0) {
    this.#cutter = new PacketCutter(envelope, offset);
  }

  push(chunk: Uint8Array): void {
    this.#cutter.push(chunk);
  }

  /** No more bytes will come: what is incomplete now is cut. */
  end(): void {
    this.#cutter.end();
  }

  /** The next packet or skip, or `undefined` when more bytes are needed (or, after `end`, none are left). */
  next(): Packet | Skip | undefined {
    const item = this.#cutter.next();
    if (item?.kind !== 'packet') return item;
    const { offset, bytes } = item;
    const body = bytes.subarray(headerBytes);
    return bytes[magic.length] === packetType.key
      ? { kind: 'key', offset, message: body }
      : { kind: 'video', offset, timeMs: body.readUInt32BE(0) * 60_000, body };
  }

  /** Says that the packet that `next` gave last does not authenticate. */
  reject(reason?: SkipReason): void {
    this.#cutter.reject(reason);
  }
}

/**
 * The plaintext of a video packet, or `undefined` if it does not authenticate under `key`.
 * @param body as given by {@link PacketReader}: 36 bytes and more.
 */
export function decryptVideo(key: KeyObject, body: Buffer): Buffer | undefined {
  if (body.length < videoOverheadBytes) return undefined;
  const nonce = body.subarray(minutesBytes, minutesBytes + nonceBytes);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(body.subarray(body.length - tagBytes));
  const plaintext = decipher.update(body.subarray(minutesBytes + nonceBytes, body.length - tagBytes));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}
