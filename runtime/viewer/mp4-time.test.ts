import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Mp4Clock } from './mp4-time.ts';

const timescale = 1000;
const fragmentTicks = 500;

function box(type: string, ...content: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => (Buffer.isBuffer(part) ? part : words(part))));
  return Buffer.concat([words([8 + body.length]), Buffer.from(type, 'latin1'), body]);
}

function words(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

/** One track with the number 1. */
const initialisation = Buffer.concat([
  box('ftyp', [0, 0]),
  box(
    'moov',
    box('trak', box('tkhd', [0, 0, 0, 1]), box('mdia', box('mdhd', [0, 0, 0, timescale]))),
    box('mvex', box('trex', [0, 1, 1, fragmentTicks / 5, 0, 0])),
  ),
]);

/** Five samples of the default duration, or one with its own. */
function fragment(ticks: number, sampleTicks?: number): Buffer {
  const run = sampleTicks === undefined ? box('trun', [0, 5]) : box('trun', [0x100, 1, sampleTicks]);
  const time = box('tfdt', [0x01000000, Math.floor(ticks / 2 ** 32), ticks % 2 ** 32]);
  const traf = box('traf', box('tfhd', [0, 1]), time, run);
  return Buffer.concat([box('moof', box('mfhd', [0, 99]), traf), box('mdat', [7])]);
}

function timeOf(bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE(bytes.indexOf('tfdt') + 8));
}

function sequenceOf(bytes: Buffer): number {
  return bytes.readUInt32BE(bytes.indexOf('mfhd') + 8);
}

/** When fragments with these times are shown. */
function placed(clock: Mp4Clock, times: readonly number[]): number[] {
  return times.map((ticks) => {
    const bytes = fragment(ticks);
    clock.place(bytes);
    return timeOf(bytes);
  });
}

describe('the times of fragments', () => {
  test('begin with 0 and keep their distances, and fragments are numbered', () => {
    const clock = new Mp4Clock(initialisation);
    assert.deepEqual(placed(clock, [50_000, 50_500, 51_000]), [0, 500, 1000]);
    const next = fragment(51_500);
    clock.place(next);
    assert.equal(sequenceOf(next), 4);
  });

  test('go on at the end of what came last where they begin anew, or leap', () => {
    const clock = new Mp4Clock(initialisation);
    // Ends at 1500.
    placed(clock, [0, 500, 1000]);
    assert.deepEqual(placed(clock, [0, 500]), [1500, 2000], 'another recording');
    assert.deepEqual(placed(clock, [3_600_000]), [2500], 'an hour later');
  });

  test('a short gap stays one, and so does a short overlap', () => {
    const clock = new Mp4Clock(initialisation);
    placed(clock, [0]);
    assert.deepEqual(placed(clock, [9000]), [9000]);
    assert.deepEqual(placed(clock, [8900]), [8900]);
  });

  test('durations of samples count, and times beyond 32 bits are kept', () => {
    const clock = new Mp4Clock(initialisation);
    const far = 2 ** 33;
    const first = fragment(far, 4000);
    clock.place(first);
    assert.deepEqual([timeOf(first), ...placed(clock, [0])], [0, 4000]);
  });

  test('several fragments in one packet are moved together', () => {
    const clock = new Mp4Clock(initialisation);
    const both = Buffer.concat([fragment(700), fragment(1200)]);
    clock.place(both);
    const second = both.subarray(both.length / 2);
    assert.deepEqual([timeOf(both), timeOf(second)], [0, 500]);
  });

  test('what cannot be understood stays as it is', () => {
    const whole = fragment(700);
    for (const [bytes, made] of [
      [Buffer.from('no boxes at all'), initialisation],
      [whole.subarray(0, whole.length - 30), initialisation],
      [whole, Buffer.alloc(0)],
    ] as const) {
      const before = Buffer.from(bytes);
      new Mp4Clock(made).place(before);
      assert.deepEqual(before, Buffer.from(bytes));
    }
  });
});
