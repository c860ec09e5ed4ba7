/**
 * Boxes of MP4, and the fields of those that a fragmented one is cut and moved by. Views of the bytes they are found in: whoever
 * writes into them writes there. Source: ISO/IEC 14496-12.
 */

export const boxHeaderBytes = 8;

export interface Box {
  readonly type: string;
  /** With its header. */
  readonly bytes: Buffer;
  readonly body: Buffer;
}

/** 8.8.7.1, track fragment header. */
export const tfhdFlags = {
  baseDataOffset: 0x1,
  descriptionIndex: 0x2,
  defaultDuration: 0x8,
  defaultSize: 0x10,
  defaultFlags: 0x20,
} as const;

/** 8.8.8.1, track fragment run. */
export const trunFlags = {
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  sampleFlags: 0x400,
  compositionOffset: 0x800,
} as const;

export interface BoxReader {
  boxesIn(bytes: Buffer): Generator<Box>;
  /** The body of the first box of the first type, in it that of the second, and so on. */
  find(bytes: Buffer, ...path: readonly string[]): Buffer | undefined;
  /** Units of time a second, by the track's id. */
  timescalesOf(moov: Buffer): Map<number, number>;
}

/** @param onCut called where bytes end within a box, or a length is none; if it returns, that is their end. */
export function boxReader(onCut: () => void): BoxReader {
  function* boxesIn(bytes: Buffer): Generator<Box> {
    let position = 0;
    while (position < bytes.length) {
      const length = u32(bytes, position);
      if (length < boxHeaderBytes || position + length > bytes.length) {
        onCut();
        return;
      }
      const box = bytes.subarray(position, position + length);
      yield { type: box.toString('latin1', 4, 8), bytes: box, body: box.subarray(boxHeaderBytes) };
      position += length;
    }
  }
  function find(bytes: Buffer, ...path: readonly string[]): Buffer | undefined {
    const [type, ...rest] = path;
    const found = [...boxesIn(bytes)].find((box) => box.type === type)?.body;
    return found === undefined || rest.length === 0 ? found : find(found, ...rest);
  }
  return {
    boxesIn,
    find,
    timescalesOf(moov) {
      const traks = [...boxesIn(moov)].filter(({ type }) => type === 'trak');
      return new Map(
        traks.map(({ body }) => [
          numberBehindTimes(find(body, 'tkhd')),
          numberBehindTimes(find(body, 'mdia', 'mdhd')),
        ]),
      );
    },
  };
}

/** A number, or 0 where it is cut. */
export function u32(bytes: Buffer | undefined, position: number): number {
  return bytes !== undefined && position + 4 <= bytes.length ? bytes.readUInt32BE(position) : 0;
}

/** The flags of a full box: of what stands behind its version. */
export function flagsOf(body: Buffer | undefined): number {
  return u32(body, 0) & 0xff_ffff;
}

/** In `tkhd` the track's id, in `mdhd` the units of time a second. Version 1 has two times of 64 bits before it. */
export function numberBehindTimes(body: Buffer | undefined): number {
  return u32(body, body?.[0] === 1 ? 20 : 12);
}
