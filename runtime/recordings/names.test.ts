import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  conflictName,
  maxConflict,
  originalName,
  parseRecordingName,
  recordingAt,
  slotLengthMs,
} from './names.ts';

const hour = 3_600_000;

test('a recording is named after the start of its slot and its length', () => {
  const name = recordingAt(Date.UTC(2026, 10, 22, 13, 37, 5), hour);
  assert.equal(name.fileName, 'rec-20261122T130000Z-3600s.encrocam');
  assert.equal(name.startMs, Date.UTC(2026, 10, 22, 13));
});

test('slots of a day begin at midnight UTC', () => {
  const name = recordingAt(Date.UTC(2026, 2, 29, 23, 59, 59), slotLengthMs(24));
  assert.equal(name.fileName, 'rec-20260329T000000Z-86400s.encrocam');
});

test('every name that is made is read back the same, conflicts too', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: Date.UTC(9998, 11, 31) }),
      fc.integer({ min: 60, max: 7 * 24 * 3600 }),
      fc.option(fc.integer({ min: 1, max: maxConflict }), { nil: undefined }),
      (timeMs, seconds, conflict) => {
        const plain = recordingAt(timeMs, seconds * 1000);
        const name = conflict === undefined ? plain : conflictName(plain, conflict);
        assert.deepEqual(parseRecordingName(name.fileName), name);
        assert.ok(name.fileName.length <= 64);
        assert.ok(plain.startMs <= timeMs && timeMs < plain.startMs + plain.lengthMs);
      },
    ),
  );
});

test('names that are not ours are not taken', () => {
  for (const name of [
    '',
    'rec-20261122T130000Z-3600s.encrocam.tmp',
    '../rec-20261122T130000Z-3600s.encrocam',
    'rec-20261122T130000Z-3600s.encrocam\n',
    'rec-20260231T130000Z-3600s.encrocam',
    'rec-20261122T250000Z-3600s.encrocam',
    'rec-00501122T130000Z-3600s.encrocam',
    'rec-20261122T130000Z-0s.encrocam',
    'rec-20261122T130000Z-03600s.encrocam',
    'rec-20261122T130000Z-3600s.conflict-0.encrocam',
    'rec-20261122T130000Z-3600s.conflict-281474976710656.encrocam',
    'REC-20261122T130000Z-3600s.encrocam',
    'rec-494821.encrocam',
  ]) {
    assert.equal(parseRecordingName(name), undefined, name);
  }
});

test('an arbitrary string is a name only if it is written back the same', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const name = parseRecordingName(text);
      assert.ok(name === undefined || name.fileName === text);
    }),
  );
});

test('a copy has the name of its original, and anything else its own', () => {
  const name = recordingAt(Date.UTC(2027, 0, 15, 8), 60_000);
  assert.equal(originalName(conflictName(name, 3).fileName), name.fileName);
  for (const own of [name.fileName, 'burglary.encrocam']) assert.equal(originalName(own), own);
});
