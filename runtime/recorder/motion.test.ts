import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MotionConfig } from '../config/types.ts';
import { type MotionMark, MotionTracker, settlingMs } from './motion.ts';
import { motionFilters, motionLevels, printsMotion } from './motion-filter.ts';

const zone = (name: string): NonNullable<MotionConfig['zones']>[number] => ({
  ...{ name, x: 0, y: 0, width: 50, height: 50 },
});
const settings: MotionConfig = {
  sensitivity: 50,
  holdSeconds: 1,
  cooldownSeconds: 60,
  commandTimeoutSeconds: 30,
};
const twoZones: MotionConfig = { ...settings, zones: [zone('door'), zone('gate')] };
const pictureMs = 250;

/** What ffmpeg prints for one picture of one zone. */
function printed(share: number, index = 0): string {
  return (
    `frame:7    pts:11      pts_time:0.7\nencrocam.zone=${index}\n` +
    `frame:7    pts:11      pts_time:0.7\nlavfi.signalstats.YAVG=${(share * 2.55).toFixed(4)}\n`
  );
}

/** One picture after the other, from when the camera has settled. */
function marksOf(shares: readonly number[], tracker = new MotionTracker(settings)): MotionMark[] {
  tracker.push(printed(0), 0);
  return shares.flatMap((share, index) => tracker.push(printed(share), settlingMs + index * pictureMs));
}

test('motion begins with the second picture that changed, and ends when its hold time is over', () => {
  const marks = marksOf([0, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual(marks, [
    { kind: 'begins', zone: 'picture', score: 3, timeMs: settlingMs + 2 * pictureMs },
    { kind: 'ends', zone: 'picture', score: 4, timeMs: settlingMs + 7 * pictureMs, lengthMs: pictureMs },
  ]);
});

test('one picture that changed is a flash, however often it comes', () => {
  assert.deepEqual(marksOf([100, 0, 100, 0, 100, 0]), []);
});

test('a change just below the share is none, and just above it is one', () => {
  const { sharePercent } = motionLevels(settings.sensitivity);
  assert.deepEqual(marksOf(Array(8).fill(sharePercent - 0.01)), []);
  assert.equal(marksOf(Array(8).fill(sharePercent + 0.01)).length, 1);
});

test('what has begun goes on at half the share, without another beginning', () => {
  const { sharePercent } = motionLevels(settings.sensitivity);
  const marks = marksOf([2, 2, ...Array(20).fill(sharePercent * 0.6), 0, 0, 0, 0, 0]);
  assert.deepEqual(
    marks.map(({ kind }) => kind),
    ['begins', 'ends'],
  );
  assert.ok(marks[1]?.kind === 'ends' && marks[1].lengthMs === 20 * pictureMs);
});

test('a pause that is shorter than the hold time does not part one motion into two', () => {
  assert.equal(marksOf([2, 2, 0, 0, 0, 2, 2, 0, 0, 0, 2]).length, 1);
});

test('zones begin and end by themselves', () => {
  const tracker = new MotionTracker(twoZones);
  tracker.push(printed(0), 0);
  const marks = [0, 1, 2].flatMap((index) =>
    tracker.push(printed(0, 0) + printed(9, 1), settlingMs + index * pictureMs),
  );
  assert.deepEqual(
    marks.map((mark) => [mark.kind, mark.zone]),
    [['begins', 'gate']],
  );
});

test('text may come byte by byte', () => {
  const tracker = new MotionTracker(twoZones);
  const marks: MotionMark[] = [];
  const feed = (text: string, timeMs: number): void => {
    for (const character of text) marks.push(...tracker.push(character, timeMs));
  };
  feed(printed(0), 0);
  for (let index = 0; index < 3; index++) feed(printed(5, 1), settlingMs + index);
  assert.deepEqual(
    marks.map((mark) => [mark.kind, mark.zone, mark.score]),
    [['begins', 'gate', 5]],
  );
});

test('what a camera sees while it finds its exposure is no motion, after each start', () => {
  const tracker = new MotionTracker(settings);
  const start = (fromMs: number): MotionMark[] =>
    [0, 0.2, 0.5, 0.9].flatMap((part) => tracker.push(printed(80), fromMs + part * settlingMs));
  assert.deepEqual(start(0), []);
  tracker.restart();
  assert.deepEqual(start(100_000), []);
});

test('motion goes on across a restart of ffmpeg, and is ended when no more will come', () => {
  const tracker = new MotionTracker({ ...settings, holdSeconds: 5 });
  assert.equal(marksOf([3, 3, 3], tracker).length, 1);
  tracker.push('encrocam.zone=0\nlavfi.signalstats.YA', settlingMs + 800);
  tracker.restart();
  assert.deepEqual(tracker.push(printed(3), settlingMs + 1000), []);
  assert.deepEqual(
    tracker.finish(9000).map(({ kind, timeMs }) => [kind, timeMs]),
    [['ends', 9000]],
  );
  assert.deepEqual(tracker.finish(9001), []);
});

test('what is no line of the filter is passed over, and a line without an end takes no memory', () => {
  const tracker = new MotionTracker(settings);
  tracker.push(printed(0), 0);
  for (const text of [
    'lavfi.signalstats.YAVG=200\n',
    'encrocam.zone=9\nlavfi.signalstats.YAVG=200\n',
    'encrocam.zone=0\nlavfi.signalstats.YAVG=\n',
    'encrocam.zone=0\nlavfi.signalstats.YAVG=nan\n',
    '='.repeat(1_000_000),
    '\n\0\n',
  ]) {
    for (let time = 0; time < 3; time++) assert.deepEqual(tracker.push(text, settlingMs + time), []);
  }
  assert.equal(marksOf([5, 5], tracker).length, 1);
});

test('more sensitive means both smaller and fainter changes', () => {
  let before = motionLevels(1);
  for (let sensitivity = 2; sensitivity <= 100; sensitivity++) {
    const levels = motionLevels(sensitivity);
    assert.ok(levels.sharePercent < before.sharePercent && levels.brightness <= before.brightness);
    before = levels;
  }
  assert.deepEqual(
    [motionLevels(1), motionLevels(100)].map(({ brightness }) => brightness),
    [24, 8],
  );
});

test('the filters cut each zone out of the small picture, and tell that the descriptor is needed', () => {
  const filters = motionFilters({ ...settings, zones: [{ ...zone('a'), x: 12.5 }, zone('b')] }, '[in]');
  assert.match(filters, /\[zone0\]crop=iw\*0\.5:ih\*0\.5:iw\*0\.125:ih\*0,/);
  assert.match(filters, /split=2\[zone0\]\[zone1\]/);
  assert.ok(printsMotion(['-filter_complex', filters]));
  assert.ok(!printsMotion(['-vf', 'format=yuv420p']));
});
