import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EncroCamError } from '../errors.ts';
import { cachingOpener, type KeyOpener, maxFailuresInARow } from './open.ts';

const secret = Buffer.alloc(16, 7);
const hasCode = (code: string) => (error: unknown) => error instanceof EncroCamError && error.code === code;

describe('the cache of opened keys', () => {
  const failing = (): { opener: KeyOpener; tries: () => number } => {
    let tries = 0;
    const opener: KeyOpener = {
      async open(message) {
        tries += 1;
        if (message[0] === 1) return { key: secret, signedBy: '' as never };
        throw new EncroCamError('NOT_AUTHENTIC', 'no');
      },
    };
    return { opener: cachingOpener(opener), tries: () => tries };
  };

  test('a message is opened once, whether it can be used or not', async () => {
    const { opener, tries } = failing();
    for (let count = 0; count < 3; count++) {
      await opener.open(Buffer.from([1]));
      await assert.rejects(opener.open(Buffer.from([2])), hasCode('NOT_AUTHENTIC'));
    }
    assert.equal(tries(), 2);
  });

  test('after too many different failures in a row no more are tried', async () => {
    const { opener, tries } = failing();
    for (let count = 0; count < 5 * maxFailuresInARow; count++) {
      await assert.rejects(opener.open(Buffer.from([2, count])));
    }
    assert.equal(tries(), maxFailuresInARow);
    await assert.rejects(opener.open(Buffer.from([1])), hasCode('DECRYPTION_FAILED'));
  });

  test('a success in between starts the count afresh, the repetition of one does not', async () => {
    const { opener, tries } = failing();
    const fail = async (from: number, count: number): Promise<void> => {
      for (let number = from; number < from + count; number++) {
        await assert.rejects(opener.open(Buffer.from([2, number])));
      }
    };
    await fail(0, maxFailuresInARow - 1);
    await opener.open(Buffer.from([1, 1]));
    await fail(100, maxFailuresInARow - 1);
    assert.equal(tries(), 2 * maxFailuresInARow - 1);
    await opener.open(Buffer.from([1, 1]));
    await fail(200, 10);
    assert.equal(tries(), 2 * maxFailuresInARow);
  });
});
