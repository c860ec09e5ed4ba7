/** A share of recordings that a test made itself, what its receiver could forge with it, and what watching with it puts out and tells. */
import { createCipheriv } from 'node:crypto';
import {
  associatedBytes,
  envelopeBytes,
  nonceBytes,
  positionBytes,
  rootOf,
  SegmentKeys,
  tagBytes,
} from '../../runtime/encrocrypt/v3/index.ts';
import { parseRecordingName } from '../../runtime/recordings/names.ts';
import { type Capability, encodeCapability, type SharedRun } from '../../runtime/sharing/capability.ts';
import { grantOf, overlapOf } from '../../runtime/sharing/grant.ts';
import { shareLink } from '../../runtime/sharing/link.ts';
import { watchShare } from '../../runtime/sharing/watch-share.ts';
import type { Source } from '../../runtime/viewer/source.ts';
import { watch } from '../../runtime/viewer/watch.ts';
import { cameraFile, firstMs, type Recording } from './camera-recordings.ts';
import type { SyntheticRun } from './synthetic-run.ts';

/** Seconds since the first recording's start, the end excluded. */
export type Seconds = readonly [from: number, to: number];

/** @param lengthSeconds of each recording. */
export function capabilityOf(
  recordings: readonly Recording[],
  [from, to]: Seconds,
  lengthSeconds = 60,
): Capability {
  const range = { fromMs: firstMs + from * 1000, toMs: firstMs + to * 1000 };
  const runs = recordings.flatMap(({ run: { header, runId, secret } }): SharedRun[] => {
    const known = { header, lengthMs: lengthSeconds * 1000 + 1, isEnded: true };
    const part = overlapOf(known, range);
    const keys = { runId, segmentMs: header.statement.segmentMs, nodes: [rootOf(secret, runId)] };
    return part ? [grantOf(known, part, keys)] : [];
  });
  const [first] = recordings;
  if (!first) throw new TypeError('nothing is shared');
  return { camera: first.run.header.statement.camera, ...range, runs };
}

/** A packet of video with other content, as whoever has the segment's key can make it. */
export function forged(packet: Buffer, { runId, segmentMs, nodes }: SharedRun, content: Buffer): Buffer {
  const head = Buffer.from(packet.subarray(0, associatedBytes));
  const now = Math.floor(head.readUIntBE(envelopeBytes + 3, 3) / segmentMs);
  const segment = (now & 1) === ((head[3] ?? 0) & 1) ? now : now - 1;
  const key = new SegmentKeys(nodes).keyOf(segment);
  if (!key) throw new TypeError('the key of this segment was not given');
  head.writeUIntBE(positionBytes + content.length + tagBytes, 4, 3);
  const nonce = Buffer.concat([
    Buffer.alloc(nonceBytes - 3),
    head.subarray(envelopeBytes, envelopeBytes + 3),
  ]);
  const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(Buffer.concat([runId, head]));
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()]);
  return Buffer.concat([head, ciphertext, cipher.getAuthTag().subarray(0, tagBytes)]);
}

/** The second of its run that a packet of video is of; undefined for other packets. */
export function secondOf(packet: Buffer): number | undefined {
  return (packet[3] ?? 0) >= 0x80 ? packet.readUIntBE(envelopeBytes + 3, 3) / 1000 : undefined;
}

/** A recording with other content in the packets of some seconds. */
export function withForged(
  { packets }: SyntheticRun,
  shared: SharedRun,
  isForged: (second: number) => boolean,
  content: Buffer,
): Buffer[] {
  return packets.map((packet) => {
    const second = secondOf(packet);
    return second !== undefined && isForged(second) ? forged(packet, shared, content) : packet;
  });
}

/** A file as a drive has it, and how much of it was asked for. */
export class CountedFile {
  readonly fileName: string;
  reads = 0;
  readBytes = 0;
  streamedBytes = 0;
  readonly #bytes: Buffer;
  readonly #firstAnswer: Buffer;

  /** @param firstAnswer what the first read gives. Default: the same. */
  constructor(fileName: string, bytes: Buffer, firstAnswer = bytes) {
    this.fileName = fileName;
    this.#bytes = bytes;
    this.#firstAnswer = firstAnswer;
  }

  get source(): Source {
    return {
      name: this.fileName,
      access: {
        ...{ sizeBytes: this.#bytes.length, probeBytes: 4096 },
        read: async (offset, length) => {
          const answer = this.reads++ === 0 ? this.#firstAnswer : this.#bytes;
          const piece = Buffer.from(answer.subarray(offset, offset + length));
          this.readBytes += piece.length;
          return piece;
        },
      },
      stream: (offset) => this.#stream(offset),
      close: async () => undefined,
    };
  }

  async *#stream(offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < this.#bytes.length; at += 65_536) {
      const piece = Buffer.from(this.#bytes.subarray(at, at + 65_536));
      this.streamedBytes += piece.length;
      yield piece;
    }
  }
}

export interface Shown {
  readonly code: number;
  readonly video: Buffer;
  readonly lines: readonly string[];
}

/** @param asked of what was shared. Default: all. */
export async function watchWith(
  capability: Capability,
  files: readonly CountedFile[],
  asked?: Seconds,
): Promise<Shown> {
  const range = {
    fromMs: asked && firstMs + asked[0] * 1000,
    toMs: asked && firstMs + asked[1] * 1000,
  };
  const args = { values: { 'signed-by': cameraFile }, positionals: [] };
  const share = await watchShare(shareLink(encodeCapability(capability)), args, range);
  const [lines, video]: [string[], Buffer[]] = [[], []];
  const write = (line: string): void => void lines.push(line);
  const inputs = files.map((file) => ({
    recording: parseRecordingName(file.fileName),
    open: async () => file.source,
  }));
  share.introduce(write);
  const watched = await watch({
    ...{ inputs, range: share.range, keys: share.keys, witness: share.witness },
    screen: { line: write, progress: () => undefined, end: () => undefined },
    sink: {
      get bytesWritten() {
        return video.reduce((sum, piece) => sum + piece.length, 0);
      },
      write: async (buffers) => void video.push(...buffers.map((buffer) => Buffer.from(buffer))),
      next: async () => undefined,
      close: async () => undefined,
    },
  });
  return { code: share.conclude(write, watched), lines, video: Buffer.concat(video) };
}

/** What each packet of `bytes` in a video is filled with. */
export function fillsOf(video: Buffer, bytes: number): number[] {
  return Array.from({ length: video.length / bytes }, (_, index) => video[index * bytes] ?? -1);
}
