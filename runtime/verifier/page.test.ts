import assert from 'node:assert/strict';
import test from 'node:test';
import { asHtml } from './page.ts';
import type { Verification } from './report.ts';
import type { Interval } from './timeline.ts';

process.env.TZ = 'Europe/Berlin';
const hour = 3_600_000;
/** 2027-01-15, midnight in Berlin. */
const midnight = Date.UTC(2027, 0, 14, 23);

function page(intervals: readonly Interval[], place = 'front-door'): string {
  const camera = 'A'.repeat(40) as Verification['camera'];
  const verification: Verification = { place, camera, files: [], timeline: { intervals, problems: [] } };
  return asHtml([verification], midnight);
}

test('each day is a bar from midnight to midnight, and what crosses midnight is in both', () => {
  const html = page([
    { state: 'intact', fromMs: midnight + 6 * hour, toMs: midnight + 30 * hour },
    { state: 'missing', fromMs: midnight + 30 * hour, toMs: midnight + 30 * hour + 1000, cause: 'a reason' },
  ]);
  assert.deepEqual(html.match(/<h3>[^<]*/g), ['<h3>2027-01-15', '<h3>2027-01-16']);
  assert.match(html, /<rect x="360.00" width="1080.00"[^>]*><title>06:00:00 to 24:00:00: intact/);
  assert.match(html, /<rect x="0.00" width="360.00"/);
  assert.match(html, /<rect x="360.00" width="2.00"[^>]*><title>06:00:00 to 06:00:01: missing, a reason/);
  assert.match(html, /<td>missing<\/td><td>a reason<\/td>/);
});

test('what was recorded while locked is listed, and what needs no word is not', () => {
  const html = page([
    { state: 'intact', fromMs: midnight, toMs: midnight + hour },
    { state: 'intact', fromMs: midnight + hour, toMs: midnight + 2 * hour, cause: 'recorded while locked' },
  ]);
  assert.match(html, /<td>01:00:00 to 02:00:00<\/td>.*<td>intact<\/td><td>recorded while locked<\/td>/);
  assert.doesNotMatch(html, /<td>00:00:00 to 01:00:00/);
});

test('a day of 23 hours is drawn without another one', () => {
  const start = Date.UTC(2027, 2, 27, 23);
  const html = page([{ state: 'intact', fromMs: start, toMs: start + 23 * hour }]);
  assert.deepEqual(html.match(/<h3>[^<]*/g), ['<h3>2027-03-28']);
});

test('the last hour of a day of 25 is drawn in its bar, and of one of 23 the bar is full', () => {
  const start = Date.UTC(2026, 9, 24, 22);
  const html = page([
    { state: 'intact', fromMs: start, toMs: start + 24 * hour },
    { state: 'missing', fromMs: start + 24 * hour, toMs: start + 25 * hour },
  ]);
  assert.deepEqual(html.match(/<h3>[^<]*/g), ['<h3>2026-10-25']);
  assert.match(html, /<rect x="1382.40" width="57.60"[^>]*><title>23:00:00 to 24:00:00: missing/);
  assert.equal(html.match(/<path /g)?.length, 24);
  assert.match(html, /<text x="403.20"[^>]*>6:00</);
  const short = Date.UTC(2027, 2, 27, 23);
  assert.match(
    page([{ state: 'intact', fromMs: short, toMs: short + 23 * hour }]),
    /<rect x="0.00" width="1440.00"/,
  );
});

test('years in which nothing was recorded are a line', () => {
  const html = page([
    { state: 'intact', fromMs: 0, toMs: hour },
    { state: 'not recorded', fromMs: hour, toMs: midnight + hour, cause: 'the clock was set' },
    { state: 'intact', fromMs: midnight + hour, toMs: midnight + 2 * hour },
  ]);
  assert.deepEqual(html.match(/<h3>[^<]*/g), [
    '<h3>1970-01-01',
    '<h3>1970-01-02 to 2027-01-14',
    '<h3>2027-01-15',
  ]);
  assert.match(html, /<p>not recorded, the clock was set/);
});

test('days of anybody are drawn up to a number, and the rest is told', () => {
  const html = page([
    ...Array.from({ length: 3000 }, (_, index) => {
      const fromMs = midnight - 10_000 * 24 * hour + index * 48 * hour;
      return { state: 'locked', fromMs, toMs: fromMs + hour } as const;
    }),
    { state: 'intact', fromMs: midnight, toMs: midnight + hour },
  ]);
  assert.match(html, /<h3>2027-01-15/);
  assert.match(html, /<p>2000 more days, on which nothing is intact/);
});

test('names and causes cannot become part of the page, and it loads nothing', () => {
  const hostile = '<script>alert("1")</script>&\'';
  const html = page(
    [{ state: 'missing', fromMs: midnight, toMs: midnight + hour, cause: hostile, file: hostile }],
    hostile,
  );
  assert.doesNotMatch(html, /<script/);
  assert.match(html, /&lt;script&gt;alert\(&quot;1&quot;\)/);
  assert.doesNotMatch(html, /(?:src|href)=|url\(|@import/);
  assert.match(html, /Content-Security-Policy" content="default-src 'none'/);
});

test('nothing at all is a page as well', () => {
  assert.match(page([]), /<h2>front-door<\/h2>/);
});
