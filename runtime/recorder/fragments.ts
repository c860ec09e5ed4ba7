/**
 * Cuts fragmented MP4, as ffmpeg writes it, into what can be played by itself: the initialisation (`ftyp`, `moov`), and
 * fragments (`moof`, `mdat`), of which some begin with a key frame. Source: ISO/IEC 14496-12.
 */
import {
  type Box,
  boxHeaderBytes,
  boxReader,
  flagsOf,
  numberBehindTimes,
  tfhdFlags,
  trunFlags,
  u32,
} from '../mp4/boxes.ts';
import type { Piece, StreamCutter } from './stream.ts';

/** What ffmpeg wrote is no fragmented MP4, or too large for a recording. */
export class FragmentError extends Error {
  override readonly name = 'FragmentError';
}

/** Fits into a header; ffmpeg needs less than a kilobyte for each track. */
const maxInitialisationBytes = 32 * 1024;
/** What one packet carries, so neither a box nor the boxes of a fragment together may have more. */
const maxFragmentBytes = 10 * 1024 * 1024;

/** 8.8.3.1, sample flags: the sample is no sync sample, so no decoder can begin there. */
const nonSyncFlag = 0x0001_0000;

const { boxesIn, find, timescalesOf } = boxReader(() => {
  throw new FragmentError('a box that is cut');
});

interface VideoTrack {
  readonly id: number;
  readonly defaultFlags: number;
}

interface Tracks {
  readonly video: VideoTrack;
  /** Units of time a second, by the track's id. */
  readonly timescales: ReadonlyMap<number, number>;
}

export class FragmentCutter implements StreamCutter {
  readonly needsInitialisation = true;
  readonly #beginsAtMs: number;
  #rest: Buffer = Buffer.alloc(0);
  #parts: Buffer[] = [];
  #partBytes = 0;
  #tracks: Tracks | undefined;
  #isKeyFrame = false;

  /**
   * @param beginsAtMs where in the recording this ffmpeg began. Its muxer counts from 0 whatever it is told; with this, the
   * times in a recording go on where it was started again.
   */
  constructor(beginsAtMs = 0) {
    this.#beginsAtMs = Math.max(0, beginsAtMs);
  }

  /** @throws {FragmentError} */
  push(bytes: Buffer): Piece[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const pieces: Piece[] = [];
    for (let box = this.#nextBox(); box; box = this.#nextBox()) {
      const piece = this.#take(box);
      if (piece) pieces.push(piece);
    }
    return pieces;
  }

  /** A fragment that is cut cannot be played. */
  end(): Piece[] {
    return [];
  }

  #take(box: Box): Piece | undefined {
    // What belongs to no fragment, as the index at the end, is of no use in a stream.
    if (!['ftyp', 'moov', 'moof', 'mdat'].includes(box.type)) return undefined;
    if (!this.#tracks && (box.type === 'moof' || box.type === 'mdat'))
      throw new FragmentError(`a ${box.type} before any moov`);
    const bytes = Buffer.from(box.bytes);
    this.#partBytes += bytes.length;
    if (this.#partBytes > maxFragmentBytes)
      throw new FragmentError(`a fragment of more than ${maxFragmentBytes} bytes`);
    this.#parts.push(bytes);
    if (box.type === 'moov') {
      if (this.#tracks) throw new FragmentError('a second moov');
      this.#tracks = { video: videoTrackOf(box.body), timescales: timescalesOf(box.body) };
      if (this.#partBytes > maxInitialisationBytes)
        throw new FragmentError(`an initialisation of ${this.#partBytes} bytes`);
      return { kind: 'initialisation', bytes: this.#whole() };
    }
    if (box.type === 'moof' && this.#tracks) {
      this.#isKeyFrame = beginsWithKeyFrame(box.body, this.#tracks.video);
      moveInTime(bytes.subarray(boxHeaderBytes), this.#tracks.timescales, this.#beginsAtMs);
    }
    if (box.type !== 'mdat') return undefined;
    return { kind: 'media', bytes: this.#whole(), isKeyFrame: this.#isKeyFrame, isWhole: true };
  }

  #whole(): Buffer {
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    return whole;
  }

  #nextBox(): Box | undefined {
    if (this.#rest.length < boxHeaderBytes) return undefined;
    const length = this.#rest.readUInt32BE(0);
    if (length < boxHeaderBytes || length > maxFragmentBytes)
      throw new FragmentError(`a box of ${length} bytes`);
    if (this.#rest.length < length) return undefined;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return { type: bytes.toString('latin1', 4, 8), bytes, body: bytes.subarray(boxHeaderBytes) };
  }
}

function videoTrackOf(moov: Buffer): VideoTrack {
  for (const { type, body } of boxesIn(moov)) {
    if (type !== 'trak') continue;
    const handler = find(body, 'mdia', 'hdlr');
    if (handler?.toString('latin1', 8, 12) !== 'vide') continue;
    const id = numberBehindTimes(find(body, 'tkhd'));
    const extends_ = [...boxesIn(find(moov, 'mvex') ?? Buffer.alloc(0))].filter((box) => box.type === 'trex');
    const own = extends_.find((box) => u32(box.body, 4) === id);
    return { id, defaultFlags: u32(own?.body, 20) };
  }
  throw new FragmentError('no video track');
}

/** Adds to each track's decode time (8.8.12), in place. ffmpeg writes it in 64 bits. */
function moveInTime(moof: Buffer, timescales: ReadonlyMap<number, number>, byMs: number): void {
  if (byMs === 0) return;
  for (const { type, body } of boxesIn(moof)) {
    if (type !== 'traf') continue;
    const time = find(body, 'tfdt');
    if (time === undefined || time[0] !== 1 || time.length < 12)
      throw new FragmentError('a fragment without a decode time of 64 bits');
    const units = Math.round((byMs * (timescales.get(u32(find(body, 'tfhd'), 4)) ?? 0)) / 1000);
    time.writeBigUInt64BE(time.readBigUInt64BE(4) + BigInt(units), 4);
  }
}

function beginsWithKeyFrame(moof: Buffer, { id, defaultFlags }: VideoTrack): boolean {
  for (const { type, body } of boxesIn(moof)) {
    if (type !== 'traf') continue;
    const header = find(body, 'tfhd');
    const run = find(body, 'trun');
    if (u32(header, 4) !== id || run === undefined) continue;
    return (firstSampleFlags(run, tfhdDefault(header, defaultFlags)) & nonSyncFlag) === 0;
  }
  return false;
}

function tfhdDefault(header: Buffer | undefined, inherited: number): number {
  const flags = flagsOf(header);
  if ((flags & tfhdFlags.defaultFlags) === 0) return inherited;
  const before =
    (flags & tfhdFlags.baseDataOffset ? 8 : 0) +
    (flags & tfhdFlags.descriptionIndex ? 4 : 0) +
    (flags & tfhdFlags.defaultDuration ? 4 : 0) +
    (flags & tfhdFlags.defaultSize ? 4 : 0);
  return u32(header, 8 + before);
}

function firstSampleFlags(run: Buffer, inherited: number): number {
  const flags = flagsOf(run);
  const first = 8 + (flags & trunFlags.dataOffset ? 4 : 0);
  if (flags & trunFlags.firstFlags) return u32(run, first);
  if ((flags & trunFlags.sampleFlags) === 0) return inherited;
  return u32(run, first + (flags & trunFlags.duration ? 4 : 0) + (flags & trunFlags.size ? 4 : 0));
}
