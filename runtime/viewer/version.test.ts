import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { magic as magic2 } from '../encrocrypt/index.ts';
import { maxVersionBytes, versionOf } from './version.ts';

const vectors = path.join(import.meta.dirname, '../../test/vectors');
const second = await readFile(path.join(vectors, 'encrocrypt2/whole.encrocam'));
const third = await readFile(path.join(vectors, 'encrocrypt3/whole.encrocam'));

test('the first bytes tell the version, as soon as they are there', () => {
  assert.equal(versionOf(second.subarray(0, magic2.length), false), 2);
  assert.equal(versionOf(second.subarray(0, magic2.length - 1), false), undefined);
  assert.equal(versionOf(third.subarray(0, 20), false), 3);
  assert.equal(versionOf(third.subarray(0, 19), false), undefined);
});

test('where they are damaged, more is waited for, up to a bound or the end', () => {
  const damaged = Buffer.alloc(1000, 1);
  assert.equal(versionOf(damaged, false), undefined);
  assert.equal(versionOf(damaged, true), 2);
  assert.notEqual(versionOf(Buffer.alloc(maxVersionBytes, 1), false), undefined);
});

test('a whole header counts for more than a magic of the other version before it', () => {
  assert.equal(versionOf(Buffer.concat([Buffer.alloc(50), magic2, Buffer.alloc(50), third]), true), 3);
  // Of magics alone, the first one is believed.
  const magic3 = Buffer.from('__EncroCrypt3');
  assert.equal(versionOf(Buffer.concat([Buffer.alloc(9), magic2, magic3]), true), 2);
  assert.equal(versionOf(Buffer.concat([Buffer.alloc(9), magic3, magic2]), true), 3);
});

test('the markers of what stands behind a damaged header are enough', () => {
  const damaged = Buffer.from(third);
  damaged.fill(0, 0, 700);
  const firstMarker = damaged.indexOf('EC3');
  assert.ok(firstMarker > 0);
  assert.equal(versionOf(damaged.subarray(0, firstMarker + 100), true), 3);
});
