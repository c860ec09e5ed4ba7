/**
 * Moves fragments of MP4 in time, so that those of several recordings make one stream: players and ffmpeg refuse times that
 * begin anew, and wait through hours in which nothing was recorded. Source: ISO/IEC 14496-12. What cannot be understood is left
 * as it is: it came from the camera, and a player may make more of it.
 */

/** Times that lie so far behind or before the end of what came last go on from there instead. */
const maxOverlapSeconds = 1;
const maxGapSeconds = 10;

interface Box {
  readonly type: string;
  /** Of its content, in the buffer it was found in. */
  readonly start: number;
  readonly end: number;
}

interface Track {
  /** Ticks in a second. */
  readonly timescale: number;
  /** 8.8.3.1, of a sample for which nobody says it. */
  defaultDuration: number;
}

/** 8.8.7.1, track fragment header; and 8.8.8.1, track fragment run. */
const tfhdFlags = { baseDataOffset: 0x1, descriptionIndex: 0x2, defaultDuration: 0x8 };
const trunFlags = {
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  sampleFlags: 0x400,
  compositionOffset: 0x800,
};

export class Mp4Clock {
  readonly #tracks: ReadonlyMap<number, Track>;
  #sequence = 0;
  #offsetSeconds: number | undefined;
  #endSeconds = 0;

  /** @param initialisation `ftyp` and `moov`. */
  constructor(initialisation: Buffer) {
    this.#tracks = tracksOf(initialisation);
  }

  /** Writes into `fragments` (`moof` and `mdat`, once or more) when they are to be shown in the stream. */
  place(fragments: Buffer): void {
    for (const moof of boxesIn(fragments, 0, fragments.length)) {
      if (moof.type === 'moof') this.#placeOne(fragments, moof);
    }
  }

  #placeOne(bytes: Buffer, moof: Box): void {
    const tracks = [...boxesIn(bytes, moof.start, moof.end)]
      .filter(({ type }) => type === 'traf')
      .map((traf) => this.#timeOf(bytes, traf))
      .filter((time) => time !== undefined);
    if (tracks.length === 0) return;
    const beginSeconds = Math.min(...tracks.map(({ ticks, timescale }) => ticks / timescale));
    const offsetSeconds = this.#offsetFor(beginSeconds);
    for (const { ticks, durationTicks, timescale, write } of tracks) {
      const moved = Math.max(0, ticks + Math.round(offsetSeconds * timescale));
      write(moved);
      this.#endSeconds = Math.max(this.#endSeconds, (moved + durationTicks) / timescale);
    }
    const header = find(bytes, moof.start, moof.end, 'mfhd');
    this.#sequence += 1;
    if (header && header.end - header.start >= 8) bytes.writeUInt32BE(this.#sequence, header.start + 4);
  }

  #offsetFor(beginSeconds: number): number {
    const distance = beginSeconds + (this.#offsetSeconds ?? Number.NaN) - this.#endSeconds;
    if (!(distance >= -maxOverlapSeconds && distance <= maxGapSeconds)) {
      this.#offsetSeconds = this.#endSeconds - beginSeconds;
    }
    return this.#offsetSeconds ?? 0;
  }

  #timeOf(
    bytes: Buffer,
    traf: Box,
  ):
    | {
        readonly ticks: number;
        readonly durationTicks: number;
        readonly timescale: number;
        readonly write: (ticks: number) => void;
      }
    | undefined {
    const header = find(bytes, traf.start, traf.end, 'tfhd');
    const time = find(bytes, traf.start, traf.end, 'tfdt');
    if (!header || !time || header.end - header.start < 8) return undefined;
    const track = this.#tracks.get(bytes.readUInt32BE(header.start + 4));
    const isLong = bytes[time.start] === 1;
    const at = time.start + 4;
    if (!track || time.end - at < (isLong ? 8 : 4)) return undefined;
    const durationTicks = durationOf(bytes, traf, header, track.defaultDuration);
    return {
      ticks: isLong ? Number(bytes.readBigUInt64BE(at)) : bytes.readUInt32BE(at),
      durationTicks,
      timescale: track.timescale,
      write(ticks) {
        if (isLong) bytes.writeBigUInt64BE(BigInt(ticks), at);
        else bytes.writeUInt32BE(ticks % 2 ** 32, at);
      },
    };
  }
}

function durationOf(bytes: Buffer, traf: Box, header: Box, inherited: number): number {
  const flags = bytes.readUInt32BE(header.start) & 0xff_ffff;
  const before = (flags & tfhdFlags.baseDataOffset ? 8 : 0) + (flags & tfhdFlags.descriptionIndex ? 4 : 0);
  const each =
    flags & tfhdFlags.defaultDuration ? (u32(bytes, header.start + 8 + before, header.end) ?? 0) : inherited;
  let ticks = 0;
  for (const run of boxesIn(bytes, traf.start, traf.end)) {
    if (run.type !== 'trun') continue;
    const runFlags = (u32(bytes, run.start, run.end) ?? 0) & 0xff_ffff;
    const samples = u32(bytes, run.start + 4, run.end) ?? 0;
    if ((runFlags & trunFlags.duration) === 0) {
      ticks += samples * each;
      continue;
    }
    const { size, sampleFlags, compositionOffset } = trunFlags;
    const stride = [size, sampleFlags, compositionOffset].reduce(
      (sum, flag) => sum + (runFlags & flag ? 4 : 0),
      4,
    );
    let at =
      run.start + 8 + (runFlags & trunFlags.dataOffset ? 4 : 0) + (runFlags & trunFlags.firstFlags ? 4 : 0);
    for (let sample = 0; sample < samples && at + stride <= run.end; sample++, at += stride) {
      ticks += bytes.readUInt32BE(at);
    }
  }
  return ticks;
}

function tracksOf(initialisation: Buffer): Map<number, Track> {
  const tracks = new Map<number, Track>();
  const moov = find(initialisation, 0, initialisation.length, 'moov');
  if (!moov) return tracks;
  for (const { type, start, end } of boxesIn(initialisation, moov.start, moov.end)) {
    if (type !== 'trak') continue;
    const header = find(initialisation, start, end, 'tkhd');
    const media = find(initialisation, start, end, 'mdia');
    const mediaHeader = media && find(initialisation, media.start, media.end, 'mdhd');
    if (!header || !mediaHeader) continue;
    // Version 1 has two times of 64 bits before the number.
    const at = ({ start: begin }: Box): number => begin + (initialisation[begin] === 1 ? 20 : 12);
    const id = u32(initialisation, at(header), header.end);
    const timescale = u32(initialisation, at(mediaHeader), mediaHeader.end);
    if (id !== undefined && timescale) tracks.set(id, { timescale, defaultDuration: 0 });
  }
  const extension = find(initialisation, moov.start, moov.end, 'mvex');
  for (const { type, start, end } of extension
    ? boxesIn(initialisation, extension.start, extension.end)
    : []) {
    const track = type === 'trex' ? tracks.get(u32(initialisation, start + 4, end) ?? 0) : undefined;
    if (track) track.defaultDuration = u32(initialisation, start + 12, end) ?? 0;
  }
  return tracks;
}

function* boxesIn(bytes: Buffer, from: number, to: number): Generator<Box> {
  for (let at = from; at + 8 <= to; ) {
    const length = bytes.readUInt32BE(at);
    if (length < 8 || at + length > to) return;
    yield { type: bytes.toString('latin1', at + 4, at + 8), start: at + 8, end: at + length };
    at += length;
  }
}

function find(bytes: Buffer, from: number, to: number, wanted: string): Box | undefined {
  for (const box of boxesIn(bytes, from, to)) if (box.type === wanted) return box;
  return undefined;
}

function u32(bytes: Buffer, at: number, end: number): number | undefined {
  return at + 4 <= end ? bytes.readUInt32BE(at) : undefined;
}
