/**
 * A recording of EncroCrypt3 too large to be made for a test: only its places are reckoned, and the packets of a window are encrypted when it
 * is read. Headers, indexes and finals stand where a recorder writes them; there are no checkpoints. Nobody signed it, and its secrets are known.
 */
import { createCipheriv, createHash, type KeyObject } from 'node:crypto';
import {
  associatedBytes,
  commitmentOf,
  dataOverheadBytes,
  encodeFinal,
  encodeHeader,
  encodePacket,
  encodeSignedPart,
  type Header,
  HeaderIndex,
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
  /** Whether notes tell where headers stand. Default: yes. */
  readonly hasIndex?: boolean;
  /** Whether it is still being written: then the last run has no end. Default: no. */
  readonly isGrowing?: boolean;
}

/** A recorder ends a run five minutes before it would be too long. */
const longestRunMs = 2 ** 24 - 2 - 5 * 60_000;
const segmentMs = 60_000;

interface Run {
  readonly header: Buffer;
  readonly runId: Buffer;
  readonly root: TreeNode;
  readonly firstPacket: number;
  readonly startMs: number;
  readonly headerHash: Buffer;
  readonly privateKey: KeyObject;
  /** The packets before which a note stands: it has a number in the chain too. */
  readonly notesBefore: number[];
}

export class VirtualRecording {
  readonly sizeBytes: number;
  readonly #options: VirtualRecordingOptions;
  readonly #runs: Run[] = [];
  /** Where packet n begins, and what stands before it, if something does. */
  readonly #offsets: Float64Array;
  /** A header, an index, the end of the run before: what stands before packet n; behind the last one, the end. */
  readonly #before = new Map<number, Buffer>();
  readonly #index = new HeaderIndex();
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
      const before =
        !run || (isOver && isKeyFrame) ? this.#turn(packet, offset) : this.#repeat(packet, offset);
      this.#offsets[packet] = offset;
      if (before.length > 0) this.#before.set(packet, before);
      offset += before.length + dataOverheadBytes + sizeOf(packet);
    }
    this.#offsets[this.packets] = offset;
    const end = options.isGrowing ? Buffer.alloc(0) : this.#end(this.packets);
    this.#before.set(this.packets, end);
    this.sizeBytes = offset + end.length;
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
    return (this.#offsets[packet] ?? this.sizeBytes) + (this.#before.get(packet)?.length ?? 0);
  }

  get packetMs(): number {
    return this.#options.packetMs;
  }

  bytes(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.sizeBytes);
    const parts: Buffer[] = [];
    const first = this.#packetAt(offset);
    for (let packet = first; packet <= this.packets && (this.#offsets[packet] ?? end) < end; packet++) {
      parts.push(this.#before.get(packet) ?? Buffer.alloc(0));
      if (packet < this.packets) parts.push(this.#packet(packet));
    }
    const from = offset - (this.#offsets[first] ?? 0);
    return Buffer.concat(parts).subarray(from, from + Math.max(0, end - offset));
  }

  /** Another run: the end of the one before, and a header. */
  #turn(packet: number, offset: number): Buffer {
    const end = this.#end(packet);
    const run = this.#begin(packet);
    this.#runs.push(run);
    this.#index.add({ wallMs: run.startMs, offset: offset + end.length });
    return Buffer.concat([end, run.header]);
  }

  /** The header again, and an index, if they are due. */
  #repeat(packet: number, offset: number): Buffer {
    const { firstPacket, header, startMs } = this.#runOf(packet);
    const due = (number: number): number =>
      Math.floor(((number - firstPacket) * this.#options.packetMs) / headerIntervalMs);
    if (due(packet) === due(packet - 1)) return Buffer.alloc(0);
    const wallMs = startMs + Math.floor((packet - firstPacket) * this.#options.packetMs);
    this.#index.add({ wallMs, offset });
    return Buffer.concat([header, this.#note(packet)]);
  }

  /** Of the last run, before packet n. */
  #end(packet: number): Buffer {
    const run = this.#runs.at(-1);
    if (!run) return Buffer.alloc(0);
    const note = this.#note(packet);
    const { runId, privateKey, headerHash: previous, firstPacket } = run;
    const count = packet - firstPacket + run.notesBefore.length;
    const timeMs = Math.floor((packet - firstPacket) * this.#options.packetMs);
    return Buffer.concat([
      note,
      encodeFinal({ number: 0, count, timeMs, reason: 'length', previous }, runId, privateKey),
    ]);
  }

  #note(packet: number): Buffer {
    const happening = this.#options.hasIndex === false ? undefined : this.#index.happening;
    if (!happening) return Buffer.alloc(0);
    const run = this.#runOf(packet - 1);
    const position = Buffer.alloc(positionBytes);
    position.writeUIntBE(this.#sequenceOf(packet, run), 0, 3);
    position.writeUIntBE(Math.floor((packet - run.firstPacket) * this.#options.packetMs), 3, 3);
    run.notesBefore.push(packet);
    return encodePacket(packetType.note, position, Buffer.from(JSON.stringify(happening)));
  }

  /** Of what comes next before packet n, or of that. */
  #sequenceOf(packet: number, { firstPacket, notesBefore }: Run): number {
    return packet - firstPacket + notesBefore.filter((before) => before <= packet).length;
  }

  #begin(firstPacket: number): Run {
    const { startMs, packetMs } = this.#options;
    const named = (name: string): Buffer => createHash('sha256').update(`${name} ${firstPacket}`).digest();
    const [runId, secret, runKey] = [named('run').subarray(0, 16), named('secret'), makeRunKey()];
    const runStartMs = startMs + Math.floor(firstPacket * packetMs);
    const part = encodeSignedPart(
      {
        ...{ camera: Buffer.alloc(20), runId, recording: 'rec', segmentMs, checkpointMs: 5000 },
        ...{ startMs: runStartMs, clock: { state: 'unknown' } },
        ...{ container: 'video/mp2t', recipients: [{ type: 'openpgp', id: Buffer.alloc(20) }] },
        ...{ commitment: commitmentOf(secret, runId), runKey: runKey.publicKey },
      },
      { wrapped: [] },
    );
    const { privateKey } = runKey;
    const header = encodeHeader(part, undefined, privateKey);
    const keys = { runId, root: rootOf(secret, runId), privateKey, headerHash: part.hash };
    return { header, ...keys, firstPacket, startMs: runStartMs, notesBefore: [] };
  }

  #runOf(packet: number): Run {
    const run = this.#runs.findLast(({ firstPacket }) => firstPacket <= packet);
    if (!run) throw new Error('the first run begins with the first packet');
    return run;
  }

  /** The packet that holds a place, or what stands before it. */
  #packetAt(offset: number): number {
    let [low, high] = [0, this.packets + 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#offsets[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  #packet(packet: number): Buffer {
    const { packetMs, sizeOf, group = 1 } = this.#options;
    const run = this.#runOf(packet);
    const { firstPacket, runId, root } = run;
    const sequence = this.#sequenceOf(packet, run);
    const timeMs = Math.floor((packet - firstPacket) * packetMs);
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
