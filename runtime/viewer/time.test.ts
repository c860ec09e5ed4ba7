import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { EncroCamError } from '../errors.ts';
import { inRange, parseRange, parseTime } from './time.ts';

const nowMs = Date.UTC(2026, 10, 22, 12, 0, 30);
const originalZone = process.env.TZ;
afterEach(() => {
  if (originalZone === undefined) delete process.env.TZ;
  else process.env.TZ = originalZone;
});

const iso = (text: string): string => new Date(parseTime(text, 'from', nowMs)).toISOString();

describe('times on the command line', () => {
  for (const [zone, winter, summer] of [
    ['UTC', '2026-01-10T13:00:00.000Z', '2026-07-10T13:00:00.000Z'],
    ['Europe/Berlin', '2026-01-10T12:00:00.000Z', '2026-07-10T11:00:00.000Z'],
    ['America/St_Johns', '2026-01-10T16:30:00.000Z', '2026-07-10T15:30:00.000Z'],
    ['Pacific/Kiritimati', '2026-01-09T23:00:00.000Z', '2026-07-09T23:00:00.000Z'],
  ] as const) {
    test(`without a zone they are local times, in summer and winter (${zone})`, () => {
      process.env.TZ = zone;
      assert.equal(iso('2026-01-10T13:00'), winter);
      assert.equal(iso('2026-07-10 13:00:00'), summer);
      assert.equal(iso('2026-07-10T13:00Z'), '2026-07-10T13:00:00.000Z');
    });
  }

  test('a zone in the text counts, wherever one is', () => {
    process.env.TZ = 'Asia/Tokyo';
    assert.equal(iso('2026-11-22T13:00:05+01:00'), '2026-11-22T12:00:05.000Z');
    assert.equal(iso('2026-11-22T13:00-0330'), '2026-11-22T16:30:00.000Z');
    assert.equal(iso('2026-11-22T13:00+02'), '2026-11-22T11:00:00.000Z');
    assert.equal(iso('2026-11-22T13:00:00.123z'), '2026-11-22T13:00:00.000Z');
  });

  test('a date alone is its local midnight', () => {
    process.env.TZ = 'Europe/Berlin';
    assert.equal(iso('2026-11-22'), '2026-11-21T23:00:00.000Z');
  });

  test('a local time that occurs twice means the first one', () => {
    process.env.TZ = 'Europe/Berlin';
    assert.equal(iso('2026-10-25T02:30'), '2026-10-25T00:30:00.000Z');
  });

  test('a minus sign counts back from now', () => {
    assert.equal(iso('-30s'), '2026-11-22T12:00:00.000Z');
    assert.equal(iso('-10m'), '2026-11-22T11:50:30.000Z');
    assert.equal(iso('-2h'), '2026-11-22T10:00:30.000Z');
    assert.equal(iso('-1d'), '2026-11-21T12:00:30.000Z');
  });

  for (const text of [
    '',
    'now',
    '10m',
    '-10',
    '-10w',
    '2026-02-31T10:00',
    '2026-13-01T10:00',
    '2026-01-01T24:01',
    '2026-01-01T10:60',
    '2026-01-01T10',
    '2026-01-01T10:00+25:00',
    '2026-1-1T10:00',
    '12:00',
    '2026-01-01T10:00 ',
  ]) {
    test(`${JSON.stringify(text)} is no time`, () => {
      assert.throws(
        () => parseTime(text, 'from', nowMs),
        (error) =>
          error instanceof EncroCamError && error.code === 'USAGE' && error.message.includes('--from'),
      );
    });
  }

  test('a range must not be empty', () => {
    assert.throws(
      () => parseRange('-10m', '-10m', nowMs),
      (error) => error instanceof EncroCamError && error.code === 'USAGE',
    );
    assert.deepEqual(parseRange(undefined, undefined, nowMs), { fromMs: undefined, toMs: undefined });
  });
});

test('a minute is in the range if it shares an instant with it', () => {
  const minute = Date.UTC(2026, 0, 1, 0, 10);
  const range = (from: number, to: number) => ({ fromMs: minute + from, toMs: minute + to });
  assert.equal(inRange(minute, range(0, 1)), true);
  assert.equal(inRange(minute, range(59_999, 100_000)), true);
  assert.equal(inRange(minute, range(60_000, 100_000)), false);
  assert.equal(inRange(minute, range(-60_000, 0)), false);
  assert.equal(inRange(minute, range(-60_000, 1)), true);
});
