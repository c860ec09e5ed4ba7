import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conflictName, parseRecordingName, recordingAt } from '../recordings/names.ts';
import { chooseRecording, endsTogether } from './slot.ts';

const hour = 3_600_000;
const nowMs = Date.UTC(2026, 10, 22, 13, 12, 5, 300);
const slot = recordingAt(nowMs, hour);
const choose = (existing: string[], afterPowerCut: boolean, at = nowMs): string =>
  chooseRecording({ nowMs: at, slotMs: hour, existing, afterPowerCut }).fileName;

test("the present slot's recording is made, and gone on with", () => {
  assert.equal(choose([], false), slot.fileName);
  assert.equal(choose([slot.fileName], false), slot.fileName);
  assert.equal(choose([], true), slot.fileName);
});

test('after a power cut a new recording is begun, up to the end of the slot', () => {
  assert.equal(choose([slot.fileName], true), 'rec-20261122T131205Z-2875s.encrocam');
});

test('later runs go on with the newest recording of the slot', () => {
  const later = 'rec-20261122T131205Z-2875s.encrocam';
  assert.equal(choose([later, slot.fileName], false), later);
  assert.equal(choose([later, slot.fileName], true, nowMs + 60_000), 'rec-20261122T131305Z-2815s.encrocam');
});

test('two power cuts within a second take two names', () => {
  assert.equal(
    choose(['rec-20261122T131205Z-2875s.encrocam', slot.fileName], true),
    'rec-20261122T131206Z-2874s.encrocam',
  );
});

test('in the last second of a slot there is no room for another', () => {
  const at = Date.UTC(2026, 10, 22, 13, 59, 59, 500);
  const last = 'rec-20261122T135959Z-1s.encrocam';
  assert.equal(choose([slot.fileName, last], true, at), last);
});

test('recordings of other slots and of the future, conflict copies, and other files do not count', () => {
  const existing = [
    recordingAt(nowMs - hour, hour).fileName,
    recordingAt(nowMs + hour, hour).fileName,
    'rec-20261122T135000Z-600s.encrocam',
    conflictName(slot, 1).fileName,
    'notes.txt',
  ];
  assert.equal(choose(existing, true), slot.fileName);
});

test('what is chosen is a name, holds the present, and ends with its slot', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 42 }),
      fc.constantFrom(60_000, hour, 24 * hour),
      fc.array(fc.integer({ min: 0, max: 24 * 3600 }), { maxLength: 5 }),
      fc.boolean(),
      (at, slotMs, offsets, afterPowerCut) => {
        const whole = recordingAt(at, slotMs);
        const existing = offsets
          .map((seconds) => whole.startMs + (seconds % (slotMs / 1000)) * 1000)
          .map(
            (startMs) =>
              chooseRecording({ nowMs: startMs, slotMs, existing: [whole.fileName], afterPowerCut: true })
                .fileName,
          );
        const name = chooseRecording({ nowMs: at, slotMs, existing, afterPowerCut });
        assert.deepEqual(parseRecordingName(name.fileName), name);
        assert.ok(endsTogether(name, whole));
        assert.ok(name.startMs <= at + 1000);
      },
    ),
  );
});
