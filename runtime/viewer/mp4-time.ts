/**
 * Moves fragments of MP4 in time, so that those of several recordings make one stream: players and ffmpeg refuse times that
 * begin anew, and wait through hours in which nothing was recorded. Source: ISO/IEC 14496-12. What cannot be understood is left
 * as it is: it came from the camera, and a player may make more of it.
 */
import { boxReader, flagsOf, tfhdFlags, trunFlags, u32 } from '../mp4/boxes.ts';

/** Times that lie so far behind or before the end of what came last go on from there instead. */
const maxOverlapSeconds = 1;
const maxGapSeconds = 10;

interface Track {
  /** Ticks in a second. */
  readonly timescale: number;
  /** 8.8.3.1, of a sample for which nobody says it. */
  defaultDuration: number;
}

const { boxesIn, find, timescalesOf } = boxReader(() => undefined);

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
    for (const { type, body } of boxesIn(fragments)) {
      if (type === 'moof') this.#placeOne(body);
    }
  }

  #placeOne(moof: Buffer): void {
    const tracks = [...boxesIn(moof)]
      .filter(({ type }) => type === 'traf')
      .map(({ body }) => this.#timeOf(body))
      .filter((time) => time !== undefined);
    if (tracks.length === 0) return;
    const beginSeconds = Math.min(...tracks.map(({ ticks, timescale }) => ticks / timescale));
    const offsetSeconds = this.#offsetFor(beginSeconds);
    for (const { ticks, durationTicks, timescale, write } of tracks) {
      const moved = Math.max(0, ticks + Math.round(offsetSeconds * timescale));
      write(moved);
      this.#endSeconds = Math.max(this.#endSeconds, (moved + durationTicks) / timescale);
    }
    const header = find(moof, 'mfhd');
    this.#sequence += 1;
    if (header && header.length >= 8) header.writeUInt32BE(this.#sequence, 4);
  }

  #offsetFor(beginSeconds: number): number {
    const distance = beginSeconds + (this.#offsetSeconds ?? Number.NaN) - this.#endSeconds;
    if (!(distance >= -maxOverlapSeconds && distance <= maxGapSeconds)) {
      this.#offsetSeconds = this.#endSeconds - beginSeconds;
    }
    return this.#offsetSeconds ?? 0;
  }

  #timeOf(traf: Buffer):
    | {
        readonly ticks: number;
        readonly durationTicks: number;
        readonly timescale: number;
        readonly write: (ticks: number) => void;
      }
    | undefined {
    const header = find(traf, 'tfhd');
    const time = find(traf, 'tfdt');
    if (!header || !time || header.length < 8) return undefined;
    const track = this.#tracks.get(u32(header, 4));
    const isLong = time[0] === 1;
    if (!track || time.length < (isLong ? 12 : 8)) return undefined;
    const durationTicks = durationOf(traf, header, track.defaultDuration);
    return {
      ticks: isLong ? Number(time.readBigUInt64BE(4)) : time.readUInt32BE(4),
      durationTicks,
      timescale: track.timescale,
      write(ticks) {
        if (isLong) time.writeBigUInt64BE(BigInt(ticks), 4);
        else time.writeUInt32BE(ticks % 2 ** 32, 4);
      },
    };
  }
}

function durationOf(traf: Buffer, header: Buffer, inherited: number): number {
  const flags = flagsOf(header);
  const before = (flags & tfhdFlags.baseDataOffset ? 8 : 0) + (flags & tfhdFlags.descriptionIndex ? 4 : 0);
  const each = flags & tfhdFlags.defaultDuration ? u32(header, 8 + before) : inherited;
  let ticks = 0;
  for (const { type, body: run } of boxesIn(traf)) {
    if (type !== 'trun') continue;
    const runFlags = flagsOf(run);
    const samples = u32(run, 4);
    if ((runFlags & trunFlags.duration) === 0) {
      ticks += samples * each;
      continue;
    }
    const { size, sampleFlags, compositionOffset } = trunFlags;
    const stride = [size, sampleFlags, compositionOffset].reduce(
      (sum, flag) => sum + (runFlags & flag ? 4 : 0),
      4,
    );
    let at = 8 + (runFlags & trunFlags.dataOffset ? 4 : 0) + (runFlags & trunFlags.firstFlags ? 4 : 0);
    for (let sample = 0; sample < samples && at + stride <= run.length; sample++, at += stride) {
      ticks += run.readUInt32BE(at);
    }
  }
  return ticks;
}

function tracksOf(initialisation: Buffer): Map<number, Track> {
  const tracks = new Map<number, Track>();
  const moov = find(initialisation, 'moov');
  if (!moov) return tracks;
  for (const [id, timescale] of timescalesOf(moov)) {
    if (timescale > 0) tracks.set(id, { timescale, defaultDuration: 0 });
  }
  for (const { type, body } of boxesIn(find(moov, 'mvex') ?? Buffer.alloc(0))) {
    const track = type === 'trex' ? tracks.get(u32(body, 4)) : undefined;
    if (track) track.defaultDuration = u32(body, 12);
  }
  return tracks;
}
