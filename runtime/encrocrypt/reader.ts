import { createDecipheriv, type KeyObject } from 'node:crypto';
import { type Envelope, PacketCutter, type Position } from './cutter.ts';
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

const envelope: Envelope<Packet> = {
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
  packet(bytes, offset) {
    const body = bytes.subarray(headerBytes);
    return bytes[magic.length] === packetType.key
      ? { kind: 'key', offset, message: body }
      : { kind: 'video', offset, timeMs: body.readUInt32BE(0) * 60_000, body };
  },
};

/** Cuts a byte stream into packets of EncroCrypt2. */
export class PacketReader extends PacketCutter<Packet> {
  /** @param offset where in the file the stream begins, for the positions that are reported. */
  constructor(offset = 0) {
    super(envelope, offset);
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
