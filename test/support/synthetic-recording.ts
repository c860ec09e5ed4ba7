/**
 * A recording of any size that exists only where it is looked at: every packet is made when a read touches it.
 * The video in packet n is its number, over and over.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { encodeKeyPacket, packetOverheadBytes, VideoEncrypter } from '../../runtime/encrocrypt/index.ts';
import type { RandomAccess } from '../../runtime/viewer/source.ts';

export interface SyntheticOptions {
  readonly packets: number;
  readonly videoBytes: number;
  /** When packet n was taken, milliseconds since the epoch. */
  readonly timeMs: (packet: number) => number;
  /** Numbers of the packets before which a key packet stands; 0 is always among them. */
  readonly keysAt?: readonly number[];
  /** Numbers of the packets before which a key packet stands that nobody can use. */
  readonly fakeKeysAt?: readonly number[];
  /** Stretches that are overwritten, with what. */
  readonly damage?: readonly { readonly offset: number; readonly bytes: Buffer }[];
}

const keyMessageBytes = 300;

export class SyntheticRecording implements RandomAccess {
  readonly probeBytes: number;
  readonly sizeBytes: number;
  bytesRead = 0;
  reads = 0;
  #whole: Buffer | undefined;
  readonly #options: SyntheticOptions;
  readonly #packetBytes: number;
  readonly #keyPackets: readonly { readonly before: number; readonly packet: Buffer }[];

  constructor(options: SyntheticOptions, probeBytes = 4096) {
    this.#options = options;
    this.probeBytes = probeBytes;
    this.#packetBytes = options.videoBytes + packetOverheadBytes;
    const keys = [...new Set([0, ...(options.keysAt ?? [])])].map((before) => ({
      before,
      message: message(before),
    }));
    const fakes = (options.fakeKeysAt ?? []).map((before) => ({
      before,
      message: Buffer.alloc(keyMessageBytes),
    }));
    this.#keyPackets = [...keys, ...fakes]
      .sort((a, b) => a.before - b.before)
      .map((one) => ({ before: one.before, packet: encodeKeyPacket(one.message) }));
    this.sizeBytes = this.offsetOf(options.packets);
  }

  /** Where packet n begins; a key packet may stand before it. */
  offsetOf(packet: number): number {
    const keys = this.#keyPackets.filter((one) => one.before <= packet);
    return packet * this.#packetBytes + keys.reduce((sum, one) => sum + one.packet.length, 0);
  }

  /** Opens its own key packets. */
  openKey = async (bytes: Buffer): Promise<KeyObject | undefined> => {
    const key = keyIn(bytes);
    return key && createSecretKey(key);
  };

  async read(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.max(0, Math.min(length, this.sizeBytes - offset));
    this.bytesRead += wanted;
    this.reads += 1;
    return this.#whole?.subarray(offset, offset + wanted) ?? this.#make(offset, wanted);
  }

  /** Makes all of it at once; for small ones that are read many times. */
  whole(): this {
    this.#whole = this.#make(0, this.sizeBytes);
    return this;
  }

  #make(offset: number, wanted: number): Buffer {
    const result = Buffer.alloc(wanted);
    const place = (bytes: Buffer, at: number): void => {
      const start = Math.max(at, offset);
      const end = Math.min(at + bytes.length, offset + wanted);
      if (start < end) bytes.copy(result, start - offset, start - at, end - at);
    };
    for (const { before, packet } of this.#keyPackets) {
      const behind = this.#keyPackets.filter((one) => one.before === before).map((one) => one.packet);
      // Several at one place stand in a row, the last one directly before the packet.
      const rest = behind.slice(behind.indexOf(packet)).reduce((sum, one) => sum + one.length, 0);
      place(packet, this.offsetOf(before) - rest);
    }
    const keyBytes = this.#keyPackets.reduce((sum, one) => sum + one.packet.length, 0);
    const first = Math.max(0, Math.floor((offset - keyBytes) / this.#packetBytes));
    for (let number = first; number < this.#options.packets; number++) {
      const at = this.offsetOf(number);
      if (at >= offset + wanted) break;
      if (at + this.#packetBytes > offset) place(this.#packet(number), at);
    }
    for (const { offset: at, bytes } of this.#options.damage ?? []) place(bytes, at);
    return result;
  }

  /** Everything from `offset` on. */
  async *stream(offset: number): AsyncGenerator<Buffer> {
    for (let position = offset; position < this.sizeBytes; position += 65_536)
      yield this.read(position, 65_536);
  }

  #packet(number: number): Buffer {
    const keys = (this.#options.keysAt ?? []).filter((before) => before <= number);
    const key = keyIn(message(Math.max(0, ...keys))) ?? Buffer.alloc(16);
    const encrypter = new VideoEncrypter(key, (bytes) => {
      bytes.fill(0);
      bytes.writeUInt32BE(number);
    });
    const video = Buffer.alloc(this.#options.videoBytes, `${number};`);
    return encrypter.encrypt(video, this.#options.timeMs(number));
  }
}

/** Stands for an OpenPGP message: the key, readable for whoever knows the mark in front. */
function message(before: number): Buffer {
  const bytes = Buffer.alloc(keyMessageBytes, 0x55);
  bytes.write('KEY');
  bytes.writeUInt32BE(before, 3);
  return bytes;
}

function keyIn(bytes: Buffer): Buffer | undefined {
  if (bytes.toString('latin1', 0, 3) !== 'KEY') return undefined;
  return Buffer.alloc(16, bytes.subarray(3, 7));
}
