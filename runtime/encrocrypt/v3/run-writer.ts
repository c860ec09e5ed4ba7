/**
 * One run while it is written: encrypts and numbers what is recorded, and signs it at checkpoints. It makes packets;
 * where they go, and when a checkpoint is due, is the recorder's.
 */
import { createCipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { encodeCheckpoint, encodeFinal } from './chain.ts';
import {
  associatedBytes,
  type EndReason,
  envelopeBytes,
  FormatError,
  keyFrameBit,
  linkOf,
  maxNoteBytes,
  maxPacketsPerCheckpoint,
  maxPlaintextBytes,
  maxPosition,
  nonceBytes,
  packetType,
  parityBit,
  positionBytes,
  runIdBytes,
  tagBytes,
  writeEnvelope,
} from './format.ts';
import { coverOf, maxSegments, rootOf, segmentKey, type TreeNode } from './key-tree.ts';
import { leafHash, leafRoom, MerkleRoot } from './merkle.ts';

export interface RunWriterOptions {
  readonly runId: Buffer;
  /** 32 bytes; wiped by the writer once it has what it needs of it. */
  readonly secret: Buffer;
  readonly runPrivateKey: KeyObject;
  readonly headerHash: Buffer;
  readonly segmentMs: number;
  /**
   * SHA-256 in another thread, of a copy that is made before it returns: for large packets that come one right after the other, so that the next
   * one is encrypted meanwhile. Without it, all is hashed at once. With it, {@link RunWriter.hashed} goes before each checkpoint and the final.
   */
  readonly hashBeside?: (bytes: Buffer<ArrayBuffer>) => Promise<Buffer>;
  /** A clock that is never set, for how close packets come. Default: the process's own. */
  readonly nowMs?: () => number;
}

/** Something that happened: see `docs/ref/encrocrypt3.md`, notes. */
export interface Happening {
  readonly what: string;
  readonly [detail: string]: unknown;
}

/** One packet, in parts to be written one after the other. Valid until the next packet if the writer hashes beside. */
export type PacketParts = readonly Buffer[];

/** What is smaller is hashed sooner than handed to another thread, and what is larger needs more room than a packet should. */
const [minBesideBytes, maxBesideBytes] = [32 * 1024, 2 * 1024 * 1024];
/** While so many are being hashed, the others cannot keep up, and the writer hashes one itself. Bounds the copies, too. */
const maxBeside = 3;
/** What comes later than this after the packet before is in no hurry: another thread would only cost processor time, half as much again. */
const hurryMs = 10;

const gcm = { authTagLength: tagBytes } as const;

export class RunWriter {
  readonly #options: Omit<RunWriterOptions, 'secret'>;
  readonly #leaves = new MerkleRoot();
  /** From the first leaf on that is still being made, in order. */
  #unfinished: (Buffer | Promise<Buffer>)[] = [];
  #beside = 0;
  /** When the last packet was made, by the clock of the options. */
  #madeMs = Number.NEGATIVE_INFINITY;
  /** Used again for each packet that is hashed beside. */
  #room = leafRoom(0);
  /** Made once, as the reader does it. */
  readonly #nonce = Buffer.alloc(nonceBytes);
  readonly #associated = Buffer.alloc(runIdBytes + associatedBytes);
  #root: TreeNode | undefined;
  #segment = -1;
  #key: KeyObject | undefined;
  #sequence = 0;
  #lastMs = 0;
  #checkpoints = 0;
  #checkpointMs = 0;
  /** Sequence of the first packet that no checkpoint covers. */
  #firstUncovered = 0;
  #link: Buffer;

  constructor(options: RunWriterOptions) {
    const { secret, ...rest } = options;
    this.#options = rest;
    this.#associated.set(rest.runId);
    this.#root = rootOf(secret, rest.runId);
    secret.fill(0);
    this.#link = rest.headerHash;
  }

  /** Packets in the chain so far. */
  get packets(): number {
    return this.#sequence;
  }

  /** Of these, how many no checkpoint covers. At {@link maxPacketsPerCheckpoint} one is due. */
  get uncovered(): number {
    return this.#leaves.leaves + this.#unfinished.length;
  }

  /** Of the last checkpoint, or of the final: what the next run's header names. */
  get link(): Buffer {
    return this.#link;
  }

  /** The segment that is written to; −1 before the first packet that is encrypted. */
  get segment(): number {
    return this.#segment;
  }

  /** What opens the present segment and the next one, and no others. */
  presentNodes(): TreeNode[] {
    if (!this.#root || this.#segment < 0) return [];
    return coverOf(this.#root, this.#segment, Math.min(this.#segment + 1, maxSegments - 1));
  }

  /** Whether a packet at this time still fits: a run has an end. */
  fits(timeMs: number): boolean {
    return this.#sequence <= maxPosition && timeMs <= maxPosition;
  }

  /**
   * @param video 1 byte to 10 MiB.
   * @param timeMs since the run's start, on a clock that is never set.
   * @param isKeyFrame a decoder can begin with it.
   */
  data(video: Uint8Array, timeMs: number, isKeyFrame: boolean): PacketParts {
    if (video.length === 0 || video.length > maxPlaintextBytes) {
      throw new FormatError(`a packet carries 1 to ${maxPlaintextBytes} bytes, not ${video.length}`);
    }
    return this.#encrypt(packetType.data | (isKeyFrame ? keyFrameBit : 0), video, timeMs, isKeyFrame);
  }

  /** For the owners' eyes. */
  event(happening: Happening, timeMs: number): PacketParts {
    return this.#encrypt(packetType.event, textOf(happening), timeMs, false);
  }

  /** For everybody. */
  note(happening: Happening, timeMs: number): PacketParts {
    const text = textOf(happening);
    const head = this.#head(packetType.note, text.length, timeMs);
    return this.#chained([head, text]);
  }

  /** Resolves when all leaves are there; no packet may be made meanwhile. Rejects, now and ever after, if one could not be made. */
  async hashed(): Promise<void> {
    const leaves = await Promise.all(this.#unfinished);
    for (const leaf of leaves) this.#leaves.add(leaf);
    this.#unfinished = [];
  }

  /** Signs what came since the last one. @throws {FormatError} where {@link hashed} should have been awaited. */
  checkpoint(timeMs: number): Buffer {
    if (this.#unfinished.length > 0) throw new FormatError('leaves are still being made');
    const toMs = this.#moment(timeMs);
    const packet = encodeCheckpoint(
      {
        number: this.#checkpoints,
        first: this.#firstUncovered,
        count: this.#leaves.leaves,
        fromMs: this.#checkpointMs,
        toMs,
        previous: this.#link,
        root: this.#leaves.root(),
      },
      this.#options.runId,
      this.#options.runPrivateKey,
    );
    this.#checkpoints += 1;
    this.#checkpointMs = toMs;
    this.#firstUncovered = this.#sequence;
    this.#leaves.reset();
    this.#link = linkOf(this.#options.runId, packet.subarray(envelopeBytes));
    return packet;
  }

  /** Signs the end; nothing can be written behind it. Whatever is uncovered gets its checkpoint first. */
  final(timeMs: number, reason: EndReason): PacketParts {
    const last = this.uncovered > 0 ? [this.checkpoint(timeMs)] : [];
    const packet = encodeFinal(
      {
        number: this.#checkpoints,
        count: this.#sequence,
        timeMs: this.#moment(timeMs),
        reason,
        previous: this.#link,
      },
      this.#options.runId,
      this.#options.runPrivateKey,
    );
    this.#link = linkOf(this.#options.runId, packet.subarray(envelopeBytes));
    this.#root?.key.fill(0);
    this.#root = undefined;
    this.#key = undefined;
    return [...last, packet];
  }

  #encrypt(type: number, plaintext: Uint8Array, timeMs: number, isKeyFrame: boolean): PacketParts {
    const moment = this.#moment(timeMs);
    this.#enterSegment(moment, isKeyFrame);
    const parity = this.#segment & 1 ? parityBit : 0;
    const head = this.#head(type | parity, plaintext.length + tagBytes, moment);
    this.#nonce.writeUIntBE(this.#sequence, nonceBytes - 3, 3);
    this.#associated.set(head, runIdBytes);
    if (!this.#key) throw new FormatError('the run is over');
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce, gcm);
    cipher.setAAD(this.#associated);
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return this.#chained([head, ciphertext, cipher.getAuthTag()]);
  }

  #enterSegment(moment: number, isKeyFrame: boolean): void {
    const now = Math.floor(moment / this.#options.segmentMs);
    // A group of pictures is finished in the segment that it began in, unless it has no end.
    if (now === this.#segment || (!isKeyFrame && this.#segment >= 0 && now === this.#segment + 1)) return;
    if (!this.#root) throw new FormatError('the run is over');
    if (now >= maxSegments) throw new FormatError('the run is too long');
    this.#segment = now;
    this.#key = createSecretKey(segmentKey(this.#root, now));
  }

  #head(type: number, length: number, timeMs: number): Buffer {
    if (!this.#root) throw new FormatError('the run is over');
    const moment = this.#moment(timeMs);
    if (!this.fits(moment)) throw new FormatError('the run is too long');
    if (this.uncovered >= maxPacketsPerCheckpoint) throw new FormatError('a checkpoint is overdue');
    const head = Buffer.allocUnsafe(associatedBytes);
    writeEnvelope(head, type, positionBytes + length);
    head.writeUIntBE(this.#sequence, envelopeBytes, 3);
    head.writeUIntBE(moment, envelopeBytes + 3, 3);
    return head;
  }

  #chained(parts: PacketParts): PacketParts {
    const [leaf, packet] = this.#leafOf(parts);
    if (this.#unfinished.length === 0 && Buffer.isBuffer(leaf)) this.#leaves.add(leaf);
    else this.#unfinished.push(leaf);
    this.#lastMs = packet[0]?.readUIntBE(envelopeBytes + 3, 3) ?? this.#lastMs;
    this.#sequence += 1;
    return packet;
  }

  #leafOf(parts: PacketParts): [leaf: Buffer | Promise<Buffer>, packet: PacketParts] {
    const { hashBeside, nowMs = () => performance.now() } = this.#options;
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const before = this.#madeMs;
    this.#madeMs = nowMs();
    const isInHurry = this.#madeMs - before < hurryMs && this.#beside < maxBeside;
    const isSuited = length >= minBesideBytes && length <= maxBesideBytes;
    if (!hashBeside || !isInHurry || !isSuited) return [leafHash(...parts), parts];
    if (length > this.#room.packet.length) this.#room = leafRoom(length);
    const { whole, packet } = this.#room;
    let end = 0;
    for (const part of parts) end += part.copy(packet, end);
    this.#beside += 1;
    const leaf = hashBeside(whole.subarray(0, whole.length - packet.length + length)).finally(() => {
      this.#beside -= 1;
    });
    // Whoever signs hears of a failure.
    leaf.catch(() => undefined);
    return [leaf, [packet.subarray(0, length)]];
  }

  /** Whole milliseconds, never before what was written last. */
  #moment(timeMs: number): number {
    if (!(timeMs >= 0 && timeMs <= maxPosition)) throw new FormatError(`no such time in a run: ${timeMs}`);
    return Math.max(Math.floor(timeMs), this.#lastMs, this.#checkpointMs);
  }
}

function textOf(happening: Happening): Buffer {
  const text = Buffer.from(JSON.stringify(happening));
  if (text.length > maxNoteBytes) throw new FormatError(`what happened takes ${text.length} bytes`);
  return text;
}
