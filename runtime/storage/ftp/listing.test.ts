import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isSafeName, maxFileBytes } from '../storage.ts';
import { parseListingLine } from './listing.ts';
import { ListingReader } from './listing-reader.ts';

function entry(line: string, format: 'mlsd' | 'list'): unknown {
  const parsed = parseListingLine(line, format);
  return parsed.kind === 'file'
    ? [parsed.file.name, parsed.file.sizeBytes, parsed.file.modifiedMs]
    : parsed.kind;
}

describe('a line of LIST', () => {
  it('is a file in the forms that servers print', () => {
    for (const [line, name, size] of [
      ['-rw-r--r--    1 0        0              12 Nov 22 13:00 a', 'a', 12],
      ['-rw-r--r--   1 ftp      ftp            12 Nov  2  2025 a', 'a', 12],
      ['-rw-r--r--    1 ftp              12 Nov 22 13:00 no group', 'no group', 12],
      ['-rwxr-xr-x+   1 user group 5000000000 Jan 01 00:00 x', 'x', 5_000_000_000],
      ['11-22-26  01:00PM                 12 dos file.txt', 'dos file.txt', 12],
    ] as const) {
      assert.deepEqual(entry(line, 'list'), [name, size, undefined], line);
    }
  });

  it('has a name that is nothing but the name', () => {
    const front = '-rw-r--r-- 1 0 0 12 Nov 22 13:00 ';
    for (const name of [
      ' leading',
      '5 Jan 01 2020 evil',
      '-rw-r--r-- 1 0 0 9 Nov 22 13:00 x',
      '*',
      'a -> b',
      'total 5',
    ]) {
      assert.deepEqual(entry(front + name, 'list'), [name, 12, undefined]);
    }
  });

  it('is nothing of ours when it is a directory, a link, or a total', () => {
    for (const line of [
      'drwxr-xr-x 2 0 0 4096 Nov 22 13:00 d',
      'lrwxrwxrwx 1 0 0 9 Nov 22 13:00 l -> /etc',
      'total 12',
      '',
    ]) {
      assert.equal(entry(line, 'list'), 'other', line);
    }
  });
});

describe('a line of MLSD', () => {
  it('is a file with its time in UTC', () => {
    assert.deepEqual(entry('type=file;size=12;modify=20261122130000;UNIX.mode=0644;  a b', 'mlsd'), [
      ' a b',
      12,
      Date.UTC(2026, 10, 22, 13),
    ]);
    assert.deepEqual(entry('Size=1;Type=FILE;modify=tomorrow; x', 'mlsd'), ['x', 1, undefined]);
  });

  it('is nothing of ours when it is something else', () => {
    for (const line of [
      'type=dir;modify=20261122130000; d',
      'type=cdir; .',
      'type=OS.unix=slink:/etc;size=1; l',
    ]) {
      assert.equal(entry(line, 'mlsd'), 'other', line);
    }
    for (const line of ['type=file; no size', 'size=1; no type', 'x', 'type=file;size=1;']) {
      assert.equal(entry(line, 'mlsd'), 'unusable', line);
    }
  });
});

describe('any line', () => {
  it('gives a safe name and a believable size, or no file, and never throws', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.constantFrom(
          'type=file;',
          'size=',
          '-rw-r--r-- 1 0 0 ',
          ' Nov 22 13:00 ',
          '; ',
          '../',
          '\u0000',
          ' -> ',
          '-1',
          '1e9',
        ),
        fc.nat().map(String),
        fc.string({ unit: 'binary', maxLength: 20 }),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(pieces, fc.constantFrom('mlsd' as const, 'list' as const), (parts, format) => {
        const parsed = parseListingLine(parts.join(''), format);
        if (parsed.kind !== 'file') return;
        assert.ok(isSafeName(parsed.file.name));
        assert.ok(Number.isSafeInteger(parsed.file.sizeBytes));
        assert.ok(parsed.file.sizeBytes >= 0 && parsed.file.sizeBytes <= maxFileBytes);
      }),
      { numRuns: 5000 },
    );
  });

  it('is read the same in any pieces', () => {
    const bytes = Buffer.from(
      'type=file;size=1; ä\r\ntype=file;size=2; b\ntype=dir; c\r\n\r\ntype=file;size=3; d',
    );
    const whole = new ListingReader('mlsd', 10);
    whole.push(bytes);
    const expected = whole.finish();
    assert.deepEqual(
      expected.files.map(({ name }) => name),
      ['ä', 'b', 'd'],
    );
    for (let step = 1; step < 20; step++) {
      const reader = new ListingReader('mlsd', 10);
      for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
      assert.deepEqual(reader.finish(), expected, `pieces of ${step} bytes`);
    }
  });
});
