import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { encode } from 'uqr';
import { colorDepth } from './dialogue/colors.ts';
import { wrap } from './dialogue/layout.ts';
import { drawPicture, fitPicture } from './picture.ts';
import { qrCode } from './qr.ts';
import { bytesPerDay, daysThatFit, readableBitRate, readableBytes, readableDays } from './retention.ts';
import { parseZoneTable } from './time-zones.ts';

/** The modules that a drawing shows, dark ones true. */
function modulesOf(lines: string): boolean[][] {
  return stripVTControlCharacters(lines)
    .split('\n')
    .flatMap((line) => [
      [...line].map((character) => character === ' ' || character === '▄'),
      [...line].map((character) => character === ' ' || character === '▀'),
    ]);
}

for (const colors of ['none', '256'] as const) {
  test(`a QR code on a terminal with ${colors} colours has the modules of the code`, async () => {
    const code = await qrCode('lusab-babad-gutih-tugad', colors, 80);
    const { data } = encode('lusab-babad-gutih-tugad', { ecc: 'L', border: 2 });
    assert.ok(code);
    assert.deepEqual(modulesOf(code.lines).slice(0, data.length), data);
    assert.equal(code.columns, data.length);
    assert.equal(code.rows, code.lines.split('\n').length);
  });
}

test('a QR code that is too wide, or too much for any, is not drawn', async () => {
  assert.equal(await qrCode('x'.repeat(1000), 'none', 80), undefined);
  assert.equal(await qrCode('x'.repeat(5000), 'none', 1000), undefined);
});

const gray = (width: number, height: number, value: number) => ({
  width,
  height,
  rgb: new Uint8Array(3 * width * height).fill(value),
});

test('black is empty, white is full, and gray is half of the pixels', () => {
  assert.equal(drawPicture(gray(4, 4, 0), 'none'), '    \n    ');
  assert.equal(drawPicture(gray(4, 4, 255), 'none'), '████\n████');
  const drawn = drawPicture(gray(40, 40, 128), 'none');
  const on = [...drawn].reduce((sum, c) => sum + (c === '█' ? 2 : c === '▀' || c === '▄' ? 1 : 0), 0);
  assert.ok(on > 720 && on < 880, String(on));
});

test('colours are the nearest that the terminal has, and neighbours share them', () => {
  const red = {
    width: 3,
    height: 2,
    rgb: Uint8Array.from([255, 0, 0, 255, 0, 0, 255, 0, 0, ...Array(9).fill(0)]),
  };
  assert.equal(drawPicture(red, '256'), '\u001b[38;5;196;48;5;16m▀▀▀\u001b[0m');
  assert.equal(drawPicture(red, 'true'), '\u001b[38;2;255;0;0;48;2;0;0;0m▀▀▀\u001b[0m');
});

test('a picture keeps its shape and fits', () => {
  assert.deepEqual(fitPicture({ width: 1280, height: 720 }, 72, 16), { width: 56, height: 32 });
  assert.deepEqual(fitPicture({ width: 480, height: 640 }, 72, 16), { width: 24, height: 32 });
  assert.deepEqual(fitPicture({ width: 4000, height: 10 }, 72, 16), { width: 72, height: 2 });
});

test('text is wrapped at blanks, long words stay whole, indents are kept', () => {
  assert.equal(wrap('aaa bbb ccc', 8), 'aaa bbb\nccc');
  assert.equal(wrap('  aaa bbb ccc', 8), '  aaa\n  bbb\n  ccc');
  assert.equal(wrap('a 0123456789', 5), 'a\n0123456789');
  assert.equal(wrap('a\n\nb', 80), 'a\n\nb');
});

test('days follow from bytes and rate', () => {
  const daily = bytesPerDay(62_500);
  assert.ok(daily > 6.7e9 && daily < 6.9e9, String(daily));
  assert.equal(daysThatFit(50e9, daily), 7);
  assert.equal(daysThatFit(-1, daily), 0);
  assert.equal(daysThatFit(50e9, 0), 0);
});

test('sizes, rates and days are readable', () => {
  assert.deepEqual([0, 999, 1000, 8_400_000_000, 999_600].map(readableBytes), [
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '8.4 GB',
    '1.0 MB',
  ]);
  assert.deepEqual([1000, 62_500, 640_000].map(readableBitRate), ['8 kbit/s', '500 kbit/s', '5.1 Mbit/s']);
  assert.deepEqual([1, 30, 800].map(readableDays), ['1 day', '30 days', '2 years']);
});

test('serial lines and whoever asks for none get no colours', () => {
  for (const environment of [
    { TERM: 'vt220' },
    {},
    { TERM: 'linux' },
    { TERM: 'xterm', FORCE_COLOR: '0' },
    { TERM: 'xterm', NO_COLOR: '1' },
  ]) {
    assert.equal(colorDepth(environment), 'none', JSON.stringify(environment));
  }
  assert.equal(colorDepth({ TERM: 'xterm-256color' }), '256');
  assert.equal(colorDepth({ TERM: 'tmux', COLORTERM: 'truecolor' }), 'true');
});

test("time zones come from the system's table, or from Node.js where there is none", async () => {
  const table = await readFile('/usr/share/zoneinfo/zone.tab', 'utf8');
  const zones = parseZoneTable(table);
  assert.ok(zones.length > 300);
  assert.deepEqual(zones[0], { name: 'Etc/UTC', country: undefined });
  assert.deepEqual(
    zones.find(({ name }) => name === 'Europe/Berlin'),
    { name: 'Europe/Berlin', country: 'DE' },
  );
  assert.ok(parseZoneTable('').some(({ name }) => name === 'Europe/Berlin'));
});
