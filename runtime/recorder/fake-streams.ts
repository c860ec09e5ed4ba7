/** For the unit tests of a camera's life: what an ffmpeg delivers, in each container, with pictures that a test can read. */
import { type TestContext, test } from 'node:test';
import type { Container } from '../encrocrypt/v3/index.ts';
import { keyFrame, pictures } from './fake-runs.ts';

export interface FakeStream {
  readonly container: Container;
  /** What stands before all video, once for each ffmpeg. */
  readonly opening: Buffer;
  /** For how long pictures wait for more before they are a packet. */
  readonly collectedMs: number;
  keyFrame(text: string): Buffer;
  /** Some at which no decoder can begin. */
  pictures(text: string): Buffer;
}

const trackId = u32(1);
const isSyncSample = u32(0);
const isNoSyncSample = u32(0x0001_0000);
const matrixAndSize = Buffer.alloc(60);

/** ISO/IEC 14496-12: a size, a type, a body. */
function box(type: string, ...bodies: readonly Buffer[]): Buffer {
  const body = Buffer.concat(bodies);
  return Buffer.concat([u32(8 + body.length), Buffer.from(type), body]);
}

/** With a version and flags, all zero. */
const fullBox = (type: string, ...bodies: readonly Buffer[]): Buffer => box(type, u32(0), ...bodies);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function fragment(text: string, sampleFlags: Buffer): Buffer {
  // Version 1: a decode time of 64 bits. 0x20: the track's samples have these flags.
  const times = box('tfdt', u32(0x0100_0000), Buffer.alloc(8));
  const track = box('traf', box('tfhd', u32(0x20), trackId, sampleFlags), times, fullBox('trun', u32(1)));
  return Buffer.concat([box('moof', track), box('mdat', Buffer.from(`<${text}>`))]);
}

/** One track of pictures, in thousandths of a second. */
const moov = box(
  'moov',
  box(
    'trak',
    fullBox('tkhd', u32(0), u32(0), trackId, matrixAndSize),
    box(
      'mdia',
      fullBox('mdhd', u32(0), u32(0), u32(1000), u32(0)),
      fullBox('hdlr', u32(0), Buffer.from('vide')),
    ),
  ),
  box('mvex', fullBox('trex', trackId, u32(1), u32(0), u32(0), isNoSyncSample)),
);

export const fragmentedMp4: FakeStream = {
  container: 'video/mp4',
  opening: Buffer.concat([box('ftyp', Buffer.from('iso5')), moov]),
  collectedMs: 0,
  keyFrame: (text) => fragment(text, isSyncSample),
  pictures: (text) => fragment(text, isNoSyncSample),
};

export const transportStream: FakeStream = {
  ...{ container: 'video/mp2t', opening: Buffer.alloc(0), collectedMs: 125, keyFrame, pictures },
};

/** A test that holds for a camera in whatever container it records. What is of one alone stands in Node's `it`. */
export function inEachContainer(
  name: string,
  body: (stream: FakeStream, context: TestContext) => Promise<void>,
): void {
  for (const stream of [fragmentedMp4, transportStream]) {
    test(`${name} (${stream.container})`, (context) => body(stream, context));
  }
}
