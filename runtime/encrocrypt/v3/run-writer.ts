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
import { leafHash, MerkleRoot } from './merkle.ts';

export interface RunWriterOptions {
  readonly runId: Buffer;
  /** 32 bytes; wiped by the writer once it has what it needs of it. */
  readonly secret: Buffer;
  readonly runPrivateKey: KeyObject;
  readonly headerHash: Buffer;
  readonly segmentMs: number;
}

/** Something that happened: see `docs/ref/encrocrypt3.md`, notes. */
export interface Happening {
  readonly what: string;
  readonly [detail: string]: unknown;
}

/** One packet, in parts to be written one after the other. */
export type PacketParts = readonly Buffer[];

const gcm = { authTagLength: tagBytes } as const;

export class RunWriter {
  readonly #options: Omit<RunWriterOptions, 'secret'>;
  readonly #leaves = new MerkleRoot();
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
    return this.#leaves.leaves;
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

  /** Signs what came since the last one. */
  checkpoint(timeMs: number): Buffer {
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
    this.#leaves.add(leafHash(...parts));
    this.#lastMs = parts[0]?.readUIntBE(envelopeBytes + 3, 3) ?? this.#lastMs;
    this.#sequence += 1;
    return parts;
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
