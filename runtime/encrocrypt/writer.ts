import { createCipheriv, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto';
import {
  FormatError,
  headerBytes,
  keyBytes,
  magic,
  maxKeyBodyBytes,
  maxPacketsPerKey,
  maxPlaintextBytes,
  minutesBytes,
  nonceBytes,
  packetType,
  videoOverheadBytes,
} from './format.ts';

/**
 * A key packet: the OpenPGP message that carries the key of all video packets up to the next one.
 * @param message binary OpenPGP message, at most {@link maxKeyBodyBytes}.
 * @throws {FormatError} if it is empty or too long.
 */
export function encodeKeyPacket(message: Uint8Array): Buffer {
  if (message.length === 0 || message.length > maxKeyBodyBytes) {
    throw new FormatError(`a key packet carries 1 to ${maxKeyBodyBytes} bytes, not ${message.length}`);
  }
  const packet = Buffer.allocUnsafe(headerBytes + message.length);
  writeHeader(packet, packetType.key, message.length);
  packet.set(message, headerBytes);
  return packet;
}

/** Fills a buffer with random bytes; replaced in tests only. */
export type FillRandom = (bytes: Buffer) => void;

/** Nonces are drawn this many at a time: one call to the generator costs more than 16 bytes from it. */
const noncesPerDraw = 256;

/**
 * Encrypts video under one key: one instance for each key packet.
 *
 * Nonces are random and 16 bytes long, as the format has them. GCM hashes such a nonce down to a 128-bit counter
 * block, so the chance that two of 2^32 packets meet in one is below 2^-64.
 */
export class VideoEncrypter {
  readonly #key: KeyObject;
  readonly #fillRandom: FillRandom;
  readonly #nonces = Buffer.allocUnsafeSlow(nonceBytes * noncesPerDraw);
  #nextNonce = noncesPerDraw;
  #packets = 0;

  /** @param key 16 bytes; they are copied. */
  constructor(key: Uint8Array, fillRandom: FillRandom = (bytes) => void randomFillSync(bytes)) {
    if (key.length !== keyBytes) throw new FormatError(`a key has ${keyBytes} bytes, not ${key.length}`);
    // A KeyObject is several times faster per packet than raw bytes.
    this.#key = createSecretKey(key);
    this.#fillRandom = fillRandom;
  }

  /** Packets written so far under this key; at {@link maxPacketsPerKey} a new key is due. */
  get packets(): number {
    return this.#packets;
  }

  /**
   * One video packet, ready to be appended to a file.
   * @param video 1 byte to {@link maxPlaintextBytes}.
   * @param timeMs when it was taken, milliseconds since the epoch, from 1970 to the year 10136.
   * @throws {FormatError} for anything outside these ranges, or after 2^32 packets.
   */
  encrypt(video: Uint8Array, timeMs: number): Buffer {
    return Buffer.concat(this.encryptToParts(video, timeMs));
  }

  /** As {@link encrypt}, in parts to be written one after the other (`writev`): large packets are copied never. */
  encryptToParts(video: Uint8Array, timeMs: number): [head: Buffer, ciphertext: Buffer, tag: Buffer] {
    const minutes = Math.floor(timeMs / 60_000);
    if (!(minutes >= 0 && minutes <= 0xffff_ffff)) throw new FormatError(`no such time: ${timeMs}`);
    if (video.length === 0 || video.length > maxPlaintextBytes) {
      throw new FormatError(`a packet carries 1 to ${maxPlaintextBytes} bytes, not ${video.length}`);
    }
    if (this.#packets >= maxPacketsPerKey) throw new FormatError('this key has been used often enough');
    this.#packets += 1;

    const nonce = this.#drawNonce();
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce);
    const head = Buffer.allocUnsafe(headerBytes + minutesBytes + nonceBytes);
    writeHeader(head, packetType.video, videoOverheadBytes + video.length);
    head.writeUInt32BE(minutes, headerBytes);
    head.set(nonce, headerBytes + minutesBytes);
    const ciphertext = cipher.update(video);
    cipher.final();
    return [head, ciphertext, cipher.getAuthTag()];
  }

  #drawNonce(): Buffer {
    if (this.#nextNonce === noncesPerDraw) {
      this.#fillRandom(this.#nonces);
      this.#nextNonce = 0;
    }
    const start = this.#nextNonce * nonceBytes;
    this.#nextNonce += 1;
    return this.#nonces.subarray(start, start + nonceBytes);
  }
}

function writeHeader(packet: Buffer, type: number, length: number): void {
  packet.set(magic, 0);
  packet[magic.length] = type;
  packet.writeUInt32BE(length, magic.length + 1);
}
