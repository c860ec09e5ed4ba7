import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FTPError } from 'basic-ftp';
import { isEncroCamError } from '../../errors.ts';
import {
  codeOfReply,
  parseExtendedPassiveReply,
  parsePassiveReply,
  quote,
  toStorageError,
} from './replies.ts';

const isProtocol = (error: unknown): boolean => isEncroCamError(error, 'STORAGE_PROTOCOL');

describe('replies', () => {
  it('are sorted by what the caller can do about them', () => {
    const expected: [number, string, string][] = [
      [530, 'Login incorrect.', 'STORAGE_REFUSED'],
      [550, 'Permission denied.', 'STORAGE_REFUSED'],
      [553, 'Could not create file.', 'STORAGE_REFUSED'],
      [452, 'Insufficient', 'STORAGE_FULL'],
      [552, 'Exceeded', 'STORAGE_FULL'],
      [451, 'Failure writing to local file.', 'STORAGE_FULL'],
      [550, 'x: Disk quota exceeded', 'STORAGE_FULL'],
      [426, 'No space left on device', 'STORAGE_FULL'],
      [421, 'Too many connections', 'STORAGE_UNREACHABLE'],
      [425, 'Cannot open data connection', 'STORAGE_UNREACHABLE'],
      [426, 'Failure reading network stream.', 'STORAGE_UNREACHABLE'],
    ];
    for (const [code, text, error] of expected)
      assert.equal(codeOfReply(code, text), error, `${code} ${text}`);
  });

  it('become errors of ours, and ours stay what they are', () => {
    const context = { action: 'list /', location: 'ftps://a@b/', password: 'secret' };
    const refused = toStorageError(new FTPError({ code: 550, message: '550 No secret here' }), context);
    assert.equal(refused.code, 'STORAGE_REFUSED');
    assert.ok(!refused.message.includes('secret'));
    assert.equal(
      toStorageError(Object.assign(new Error('x'), { code: 'ECONNRESET' }), context).code,
      'STORAGE_UNREACHABLE',
    );
    assert.equal(toStorageError(refused, context), refused);
  });

  it('are quoted short, in one line, without control characters', () => {
    assert.equal(quote('550-One\r\n550 Two\u001b[31m', ''), '550-One 550 Two\ufffd[31m');
    assert.ok(quote('x'.repeat(10_000), '').length < 250);
  });

  it('give a data port, or are refused', () => {
    assert.equal(parseExtendedPassiveReply('229 Entering Extended Passive Mode (|||6446|)'), 6446);
    assert.equal(parseExtendedPassiveReply('229 Entering (!!!6446!)'), 6446);
    assert.equal(parsePassiveReply('227 Entering Passive Mode (192,168,1,9,25,46).'), 6446);
    assert.equal(parsePassiveReply('227 =10,0,0,1,0,21'), 21);
    for (const text of [
      '229 (|||99999|)',
      '229 (|||0|)',
      '229 (|||6446)',
      '229',
      `229 (|||${'6'.repeat(50)}|)`,
    ]) {
      assert.throws(() => parseExtendedPassiveReply(text), isProtocol, text);
    }
    for (const text of [
      '227 (1,2,3,4,5)',
      '227 (1,2,3,4,256,1)',
      '227 (1,2,3,4,0,0)',
      '227',
      '227 (1,2,3,4,5,6,7)',
    ]) {
      assert.throws(() => parsePassiveReply(text), isProtocol, text);
    }
  });
});
