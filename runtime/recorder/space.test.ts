import assert from 'node:assert/strict';
import test from 'node:test';
import { decideSpace, headroomBytes, type StoredRecording } from './space.ts';

function recording(path: string, startMs: number, removable = true, sizeBytes = 100): StoredRecording {
  return { path, startMs, removable, sizeBytes };
}

const roomy = { freeBytes: 1000, keepFreeBytes: 50, budgetBytes: undefined, headroomBytes: 0 };
const paths = (answer: ReturnType<typeof decideSpace>): string[] => answer.remove.map(({ path }) => path);

test('nothing goes while there is room', () => {
  const answer = decideSpace({ ...roomy, recordings: [recording('a', 1)] });
  assert.deepEqual(answer, { remove: [], lackingBytes: 0 });
});

test('the oldest that may go go first, across cameras, and only as many as needed', () => {
  const recordings = [
    recording('b/2', 2),
    recording('a/3', 3),
    recording('a/1', 1, false),
    recording('a/2', 2),
  ];
  const answer = decideSpace({ ...roomy, recordings, freeBytes: 0, keepFreeBytes: 150 });
  assert.deepEqual(paths(answer), ['a/2', 'b/2']);
  assert.equal(answer.lackingBytes, 0);
});

test('what the drive does not hold stays, and what is lacking is told', () => {
  const recordings = [recording('a', 1, false), recording('b', 2)];
  const answer = decideSpace({ ...roomy, recordings, freeBytes: 0, keepFreeBytes: 250 });
  assert.deepEqual(paths(answer), ['b']);
  assert.equal(answer.lackingBytes, 150);
});

test('the budget counts all recordings, those that cannot go as well', () => {
  const recordings = [recording('a', 1), recording('b', 2, false), recording('c', 3)];
  assert.deepEqual(paths(decideSpace({ ...roomy, recordings, budgetBytes: 300 })), []);
  assert.deepEqual(paths(decideSpace({ ...roomy, recordings, budgetBytes: 299 })), ['a']);
  assert.equal(decideSpace({ ...roomy, recordings, budgetBytes: 50 }).lackingBytes, 50);
});

test('once something has to go, the headroom is made as well', () => {
  const recordings = [recording('a', 1), recording('b', 2), recording('c', 3)];
  const answer = decideSpace({
    ...roomy,
    recordings,
    freeBytes: 49,
    keepFreeBytes: 50,
    headroomBytes: 120,
  });
  assert.deepEqual(paths(answer), ['a', 'b']);
});

test('the headroom is a sixteenth of what is kept free and never below 1 MB', () => {
  assert.equal(headroomBytes(256e6), 16e6);
  assert.equal(headroomBytes(0), 1e6);
});
