import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { isEncroCamError } from '../errors.ts';
import { findFont } from './fonts.ts';

test('a known font is taken before any other, and any font before none', (context) => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'encrocam-fonts-'));
  context.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(path.join(directory, 'a'));
  const [known, other] = [path.join(directory, 'z.ttf'), path.join(directory, 'a/b.otf')];
  for (const file of [known, other, path.join(directory, "a/it's.ttf")]) writeFileSync(file, '');
  assert.equal(findFont([known], [directory]), known);
  assert.equal(findFont(['/nowhere/font.ttf'], [directory]), other);
});

test('without any font there is an error that says what to install', () => {
  assert.throws(
    () => findFont([], ['/nowhere']),
    (error) => isEncroCamError(error, 'PROGRAM_MISSING') && /fonts-dejavu-core/.test(error.hint ?? ''),
  );
});
