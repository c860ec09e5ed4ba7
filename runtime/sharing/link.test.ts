import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { FormatError } from '../encrocrypt/v3/index.ts';
import { isEncroCamError } from '../errors.ts';
import { bytesInLink, isShareLink, parseBase, shareLink } from './link.ts';

const bytes = randomBytes(200);

test('a link holds the share behind the #, and nowhere else', () => {
  for (const base of [undefined, 'https://example.com/watch?camera=front']) {
    const link = shareLink(bytes, base && parseBase(base));
    assert.deepEqual(bytesInLink(link), bytes);
    assert.ok(isShareLink(link));
    const sent = new URL(link);
    sent.hash = '';
    assert.ok(!sent.href.includes(bytes.toString('base64url').slice(0, 8)));
  }
  assert.match(shareLink(bytes), /^encrocam-share:#[\w-]+$/);
});

test('a link that a mail program broke into lines is read', () => {
  const broken = shareLink(bytes).replaceAll(/(.{60})/g, '$1\r\n');
  assert.deepEqual(bytesInLink(`  ${broken}\n`), bytes);
});

test('what is no share behind the # is refused', () => {
  for (const text of ['encrocam-share:#', 'encrocam-share:#a=b', 'encrocam-share:#ä', 'encrocam-share:#A']) {
    assert.throws(() => bytesInLink(text), FormatError, text);
  }
  assert.throws(() => bytesInLink(`encrocam-share:#${'A'.repeat(3_000_000)}`), FormatError);
});

test("a file's name is no link", () => {
  for (const name of ['share.asc', './a#b', 'C:\\share.asc', '-']) {
    assert.ok(!isShareLink(name), name);
  }
});

test('a link in other letters, or of an address that nobody should have used, is no file to be named in a message', () => {
  const [, secret = ''] = shareLink(bytes).split('#');
  for (const base of ['HTTPS://Example.com/w', 'http://example.com/', 'Encrocam-Share:', 'ftp://a.b/c']) {
    assert.ok(isShareLink(`${base}#${secret}`), base);
    assert.deepEqual(bytesInLink(`${base}#${secret}`), bytes);
  }
});

test('a base must keep the secret to itself', () => {
  for (const base of [
    'http://example.com',
    'example.com',
    'https://example.com/#',
    'https://me:x@example.com',
    '',
  ]) {
    assert.throws(
      () => parseBase(base),
      (error) => isEncroCamError(error, 'USAGE'),
      base,
    );
  }
});
