import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conflictName, recordingAt } from '../recordings/names.ts';
import { type DriveCopy, maxCompared, maxCopiesMade, nextJob, nextSliceBytes, planCopy } from './plan.ts';

const slotMs = 3600_000;
const name = recordingAt(Date.UTC(2026, 10, 22, 13), slotMs);
const copy = (conflict: number) => (conflict === 0 ? name : conflictName(name, conflict));
const drive = (...sizes: [conflict: number, bytes: number][]) =>
  new Map(sizes.map(([conflict, bytes]) => [copy(conflict).fileName, bytes]));
const drawn = 271_828;
/** What is planned for 10 bytes on disk. */
function planned(
  held: ReadonlyMap<string, number>,
  mismatched: readonly string[] = [],
  made: readonly string[] = [],
) {
  const seen = { drive: held, mismatched: new Set(mismatched), made: new Set(made) };
  return planCopy(name, 10, seen, () => drawn);
}
const namesOf = (conflicts: readonly number[]): string[] =>
  conflicts.map((conflict) => copy(conflict).fileName);

test('a recording that the drive lacks is made there under its own name', () => {
  assert.deepEqual(planned(drive()), { kind: 'create', target: name });
});

test('a shorter or equally long file on the drive is compared before anything else', () => {
  assert.deepEqual(planned(drive([0, 4])), { kind: 'compare', target: name, bytes: 4 });
  assert.deepEqual(planned(drive([0, 10])), { kind: 'compare', target: name, bytes: 10 });
});

test('a file on the drive that is longer than the local one is never offered for comparison', () => {
  assert.deepEqual(planned(drive([0, 11])), { kind: 'longer', target: name });
});

test('after a mismatch the recording goes to the first conflict name, and after another one to a drawn one', () => {
  assert.deepEqual(planned(drive([0, 4]), namesOf([0])), { kind: 'create', target: copy(1) });
  assert.deepEqual(planned(drive([0, 4], [1, 5]), namesOf([0, 1])), { kind: 'create', target: copy(drawn) });
});

test('a drawn name that is taken is drawn again', () => {
  const draws = [7, 7, 8];
  const seen = {
    drive: drive([0, 4], [7, 5]),
    mismatched: new Set(namesOf([0, 7])),
    made: new Set<string>(),
  };
  assert.deepEqual(
    planCopy(name, 10, seen, () => draws.shift() ?? assert.fail('drawn too often')),
    { kind: 'create', target: copy(8) },
  );
});

test('a conflict copy made earlier is compared, and so continued, before another one is made', () => {
  for (const conflict of [1, drawn]) {
    assert.deepEqual(planned(drive([0, 4], [conflict, 5]), namesOf([0])), {
      ...{ kind: 'compare', target: copy(conflict), bytes: 5 },
    });
  }
});

test('a conflict copy is continued also when the file it stood beside was removed', () => {
  assert.deepEqual(planned(drive([1, 5])), { kind: 'compare', target: copy(1), bytes: 5 });
});

test('names that somebody took beforehand do not keep a recording from being uploaded', () => {
  const taken = Array.from({ length: 10_000 }, (_, conflict) => conflict);
  const held = drive(...taken.map((conflict): [number, number] => [conflict, 1]));
  assert.deepEqual(planned(held, namesOf(taken.slice(0, maxCompared))), {
    kind: 'create',
    target: copy(drawn),
  });
});

test('among many files of one recording its own copy comes first, then the largest that may be a beginning', () => {
  const held = drive([0, 1], [1, 1], [2, 1], [3, 11], [4, 9], [5, 2]);
  assert.deepEqual(planned(held, namesOf([0]), namesOf([5])), { kind: 'compare', target: copy(5), bytes: 2 });
  assert.deepEqual(planned(held, namesOf([0])), { kind: 'compare', target: copy(4), bytes: 9 });
});

test('a recording whose copies are all changed on the drive is given up instead of filling that', () => {
  const made = namesOf(Array.from({ length: maxCopiesMade }, (_, conflict) => conflict));
  const held = new Map(made.map((fileName) => [fileName, 3]));
  assert.deepEqual(planned(held, made, made), { kind: 'give-up' });
  assert.equal(planned(held, made, made.slice(1)).kind, 'create');
});

test('asking again with each refused copy entered always ends, at a copy that may be written to', () => {
  const sizes = fc.array(fc.option(fc.integer({ min: 0, max: 100 })), { maxLength: maxCompared + 3 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 100 }), (list, localBytes) => {
      const held = new Map<string, number>();
      for (const [conflict, bytes] of list.entries())
        if (bytes !== null) held.set(copy(conflict).fileName, bytes);
      const mismatched = new Set<string>();
      for (let asked = 0; asked <= maxCompared + 1; asked++) {
        const plan = planCopy(name, localBytes, { drive: held, mismatched, made: new Set() }, () => drawn);
        assert.ok(plan.kind !== 'give-up');
        assert.ok(!mismatched.has(plan.target.fileName));
        if (plan.kind === 'create') {
          assert.ok(!held.has(plan.target.fileName));
          return;
        }
        const bytes = held.get(plan.target.fileName) ?? assert.fail('compares what is not there');
        assert.equal(plan.kind, bytes > localBytes ? 'longer' : 'compare');
        mismatched.add(plan.target.fileName);
      }
      assert.fail('it never ends');
    }),
  );
});

const known = (bytes: number, session = 1): DriveCopy => ({ kind: 'known', target: name, bytes, session });
const recording = (hour: number, localBytes: number, state: DriveCopy) => ({
  name: recordingAt(Date.UTC(2026, 10, 22, hour), slotMs),
  localBytes,
  copy: state,
});
const all = () => true;

test('the newest recording comes first, then the others from the oldest on', () => {
  const [oldest, middle, newest] = [
    recording(1, 5, known(0)),
    recording(2, 5, { kind: 'unknown' }),
    recording(3, 5, known(4)),
  ];
  assert.deepEqual(nextJob([oldest, middle, newest], 1, all), { kind: 'upload', recording: newest });
  const drained = { ...newest, copy: known(5) };
  assert.deepEqual(nextJob([oldest, middle, drained], 1, all), { kind: 'upload', recording: oldest });
  const full = { ...oldest, copy: known(5) };
  assert.deepEqual(nextJob([full, middle, drained], 1, all), { kind: 'verify', recording: middle });
});

test('what was compared in an earlier session is compared again before it is appended to', () => {
  const newest = recording(3, 5, known(4, 1));
  assert.deepEqual(nextJob([newest], 2, all), { kind: 'verify', recording: newest });
});

test('what is complete is not compared again in a later session', () => {
  assert.equal(nextJob([recording(3, 5, known(5, 1))], 2, all), undefined);
});

test('a local file that became shorter than what was sent is compared again', () => {
  const newest = recording(3, 3, known(4));
  assert.deepEqual(nextJob([newest], 1, all), { kind: 'verify', recording: newest });
});

test('nothing is uploaded of an empty recording, one that was given up, or one that the drive would remove', () => {
  const recordings = [recording(1, 5, { kind: 'given-up' }), recording(2, 0, { kind: 'unknown' })];
  assert.equal(nextJob(recordings, 1, all), undefined);
  assert.equal(
    nextJob([recording(1, 5, { kind: 'unknown' })], 1, () => false),
    undefined,
  );
});

test('a slice becomes what the line carries in a second, in steps of four and within bounds', () => {
  assert.equal(nextSliceBytes(1_000_000, 1_000_000, 500), 2_000_000);
  assert.equal(nextSliceBytes(1_000_000, 1_000_000, 2000), 500_000);
  assert.equal(nextSliceBytes(1_000_000, 1_000_000, 0), 4_000_000);
  assert.equal(nextSliceBytes(65_536, 65_536, 60_000), 65_536);
  assert.equal(nextSliceBytes(16 * 1024 * 1024, 16 * 1024 * 1024, 1), 16 * 1024 * 1024);
  assert.equal(nextSliceBytes(1_000_000, 1000, 1000), 1_000_000, 'the end of a file is no measurement');
});
