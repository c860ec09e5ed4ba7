import assert from 'node:assert/strict';
import test from 'node:test';
import type { Interval } from './interval.ts';
import { asText, problemsOf, type Verification } from './report.ts';

process.env.TZ = 'Europe/Berlin';
const hour = 3_600_000;
/** 2027-01-15, midnight in Berlin. */
const midnight = Date.UTC(2027, 0, 14, 23);

function text(...intervals: readonly Interval[]): string[] {
  const camera = 'A'.repeat(40) as Verification['camera'];
  return asText({ place: 'front-door', camera, files: [], timeline: { intervals, problems: [] } })
    .split('\n')
    .slice(1, -2);
}

test('days are told one by one, each up to its midnight', () => {
  assert.deepEqual(
    text(
      { state: 'intact', fromMs: midnight + 6 * hour, toMs: midnight + 54 * hour },
      { state: 'missing', fromMs: midnight + 54 * hour, toMs: midnight + 72 * hour },
    ),
    [
      '  2027-01-15 (+01:00)',
      '    06:00:00 to 24:00:00         18 h  intact',
      '  2027-01-16 (+01:00)',
      '    00:00:00 to 24:00:00          1 d  intact',
      '  2027-01-17 (+01:00)',
      '    00:00:00 to 06:00:00          6 h  intact',
      '    06:00:00 to 24:00:00         18 h  missing',
    ],
  );
});

test('days on which nothing was recorded are told together', () => {
  assert.deepEqual(
    text(
      { state: 'intact', fromMs: midnight, toMs: midnight + hour },
      { state: 'not recorded', fromMs: midnight + hour, toMs: midnight + 73 * hour },
      { state: 'unfinished', fromMs: midnight + 73 * hour, toMs: midnight + 73 * hour },
    ),
    [
      '  2027-01-15 (+01:00)',
      '    00:00:00 to 01:00:00          1 h  intact',
      '    01:00:00 to 24:00:00         23 h  not recorded',
      '  2027-01-16 to 2027-01-17 (+01:00)',
      '    00:00:00 to 24:00:00          2 d  not recorded',
      '  2027-01-18 (+01:00)',
      '    00:00:00 to 01:00:00          1 h  not recorded',
      '    01:00:00 to 01:00:00          0 s  unfinished',
    ],
  );
});

test('what ends at midnight is not in the next day, and what takes no time there is', () => {
  assert.deepEqual(
    text(
      { state: 'intact', fromMs: midnight - hour, toMs: midnight },
      { state: 'unfinished', fromMs: midnight, toMs: midnight },
    ),
    [
      '  2027-01-14 (+01:00)',
      '    23:00:00 to 24:00:00          1 h  intact',
      '  2027-01-15 (+01:00)',
      '    00:00:00 to 00:00:00          0 s  unfinished',
    ],
  );
});

test('a file that names very many recordings and cameras is told of in a few lines, in the order of time', () => {
  const runs = Array.from({ length: 1000 }, (_, number) => {
    const statement = { camera: Buffer.alloc(20, number), recording: `rec ${number}` };
    return { voucher: 'locked', header: { statement } };
  });
  const file = { name: 'rec-20270115T080000Z-60s.encrocam', version: 3, runs, skippedBytes: 0, cutBytes: 0 };
  const files = [{ ...file, repeatedRuns: 0 }] as unknown as Verification['files'];
  const camera = 'AB'.repeat(20) as Verification['camera'];
  const problems = problemsOf({ place: '', camera, files, timeline: { intervals: [], problems: [] } });
  assert.equal(problems.length, 22);
  assert.match(problems.join(), /recorded it as 990 others,.*and runs name 245 other cameras/);
  assert.deepEqual(
    text(
      { state: 'locked', fromMs: midnight + hour, toMs: midnight + hour },
      { state: 'missing', fromMs: midnight, toMs: midnight + 2 * hour },
    ),
    [
      '  2027-01-15 (+01:00)',
      '    00:00:00 to 02:00:00          2 h  missing',
      '    01:00:00 to 01:00:00          0 s  locked',
    ],
  );
});
