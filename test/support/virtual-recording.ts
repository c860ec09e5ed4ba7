/**
 * A recording of EncroCrypt3 too large to be made for a test: only its places are reckoned, and the packets of a window are encrypted when it
 * is read. Headers stand where a recorder writes them; there are no checkpoints. Nobody signed it, and its secrets are known.
 */
import { createCipheriv, createHash } from 'node:crypto';
import {
  associatedBytes,
  commitmentOf,
  dataOverheadBytes,
  encodeHeader,
  encodeSignedPart,
  type Header,
  keyFrameBit,
  makeRunKey,
  nonceBytes,
  packetType,
  positionBytes,
  type RunKeys,
  rootOf,
  segmentKey,
  type TreeNode,
  tagBytes,
  writeEnvelope,
} from '../../runtime/encrocrypt/v3/index.ts';
import { headerIntervalMs } from './long-recording.ts';

export interface VirtualRecordingOptions {
  readonly startMs: number;
  readonly durationMs: number;
  readonly packetMs: number;
  /** Plaintext of packet n: at least 4 bytes, the first of which are its number. */
  readonly sizeOf: (packet: number) => number;
  /** Packets from one key frame to the next. Default: 1. */
  readonly group?: number;
  /** How long run n is. Default: as a recorder makes them. */
  readonly runMs?: (run: number) => number;
}

/** A recorder ends a run five minutes before it would be too long. */
const longestRunMs = 2 ** 24 - 2 - 5 * 60_000;
const segmentMs = 60_000;

interface Run {
  readonly header: Buffer;
  readonly runId: Buffer;
  readonly root: TreeNode;
  readonly firstPacket: number;
}

export class VirtualRecording {
  readonly sizeBytes: number;
  readonly #options: VirtualRecordingOptions;
  readonly #runs: Run[] = [];
  /** Where packet n begins, and the header that stands before it, if one does. */
  readonly #offsets: Float64Array;
  readonly packets: number;
  #known: { readonly root: TreeNode; readonly segment: number; readonly key: Buffer } | undefined;

  constructor(options: VirtualRecordingOptions) {
    this.#options = options;
    const { durationMs, packetMs, sizeOf, group = 1, runMs = () => longestRunMs } = options;
    this.packets = Math.floor(durationMs / packetMs);
    this.#offsets = new Float64Array(this.packets + 1);
    let offset = 0;
    for (let packet = 0; packet < this.packets; packet++) {
      const run = this.#runs.at(-1);
      const isKeyFrame = packet % group === 0;
      const isOver = run && (packet - run.firstPacket) * packetMs >= runMs(this.#runs.length - 1);
      if (!run || (isOver && isKeyFrame)) this.#runs.push(this.#begin(packet));
      this.#offsets[packet] = offset;
      offset += this.#headerBefore(packet).length + dataOverheadBytes + sizeOf(packet);
    }
    this.#offsets[this.packets] = offset;
    this.sizeBytes = offset;
  }

  keysOf({ statement }: Header): RunKeys | undefined {
    const run = this.#runs.find(({ runId }) => runId.equals(statement.runId));
    return run && { runId: run.runId, segmentMs, nodes: [run.root] };
  }

  get runs(): number {
    return this.#runs.length;
  }

  /** Where packet n begins; behind the last one, the file's end. */
  offsetOf(packet: number): number {
    const header = packet < this.packets ? this.#headerBefore(packet).length : 0;
    return (this.#offsets[packet] ?? this.sizeBytes) + header;
  }

  get packetMs(): number {
    return this.#options.packetMs;
  }

  bytes(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.sizeBytes);
    const parts: Buffer[] = [];
    const first = this.#packetAt(offset);
    for (let packet = first; packet < this.packets && (this.#offsets[packet] ?? end) < end; packet++) {
      parts.push(this.#headerBefore(packet), this.#packet(packet));
    }
    const from = offset - (this.#offsets[first] ?? 0);
    return Buffer.concat(parts).subarray(from, from + Math.max(0, end - offset));
  }

  #begin(firstPacket: number): Run {
    const { startMs, packetMs } = this.#options;
    const named = (name: string): Buffer => createHash('sha256').update(`${name} ${firstPacket}`).digest();
    const [runId, secret, runKey] = [named('run').subarray(0, 16), named('secret'), makeRunKey()];
    const part = encodeSignedPart(
      {
        ...{ camera: Buffer.alloc(20), runId, recording: 'rec', segmentMs, checkpointMs: 5000 },
        ...{ startMs: startMs + firstPacket * packetMs, clock: { state: 'unknown' } },
        ...{ container: 'video/mp2t', recipients: [{ type: 'openpgp', id: Buffer.alloc(20) }] },
        ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
      },
      { wrapped: [] },
    );
    const header = encodeHeader(part, undefined, runKey.privateKey);
    return { header, runId, root: rootOf(secret, runId), firstPacket };
  }

  #runOf(packet: number): Run {
    const run = this.#runs.findLast(({ firstPacket }) => firstPacket <= packet);
    if (!run) throw new Error('the first run begins with the first packet');
    return run;
  }

  #headerBefore(packet: number): Buffer {
    const run = this.#runOf(packet);
    const due = (number: number): number =>
      Math.floor(((number - run.firstPacket) * this.#options.packetMs) / headerIntervalMs);
    const isDue = packet === run.firstPacket || due(packet) !== due(packet - 1);
    return isDue ? run.header : Buffer.alloc(0);
  }

  /** The packet that holds a place, or the header before it. */
  #packetAt(offset: number): number {
    let [low, high] = [0, this.packets];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#offsets[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  #packet(packet: number): Buffer {
    const { packetMs, sizeOf, group = 1 } = this.#options;
    const { firstPacket, runId, root } = this.#runOf(packet);
    const sequence = packet - firstPacket;
    const timeMs = Math.floor(sequence * packetMs);
    // A segment changes with a key frame.
    const keyMs = Math.floor((packet - (packet % group) - firstPacket) * packetMs);
    const segment = Math.floor(keyMs / segmentMs);
    const bytes = Buffer.alloc(sizeOf(packet), packet);
    bytes.writeUInt32BE(packet);
    const head = Buffer.alloc(associatedBytes);
    const isKeyFrame = packet % group === 0;
    const type = packetType.data | (isKeyFrame ? keyFrameBit : 0) | (segment & 1);
    writeEnvelope(head, type, positionBytes + bytes.length + tagBytes);
    head.writeUIntBE(sequence, associatedBytes - 6, 3);
    head.writeUIntBE(timeMs, associatedBytes - 3, 3);
    const nonce = Buffer.alloc(nonceBytes);
    nonce.writeUIntBE(sequence, nonceBytes - 3, 3);
    const cipher = createCipheriv('aes-128-gcm', this.#key(root, segment), nonce, {
      authTagLength: tagBytes,
    });
    cipher.setAAD(Buffer.concat([runId, head]));
    const ciphertext = cipher.update(bytes);
    cipher.final();
    return Buffer.concat([head, ciphertext, cipher.getAuthTag()]);
  }

  /** Neighbours share it, and it takes longer than they do. */
  #key(root: TreeNode, segment: number): Buffer {
    if (this.#known?.root !== root || this.#known.segment !== segment) {
      this.#known = { root, segment, key: segmentKey(root, segment) };
    }
    return this.#known.key;
  }
}
