import assert from 'node:assert/strict';
import test from 'node:test';
import { maxWaiting, WaitingRoom } from './waiting.ts';

test('what happened once is still told, however often something else happened since', () => {
  const room = new WaitingRoom();
  room.push({ happening: { what: 'camera-lost' }, to: 'all', atMs: 1 });
  for (let turn = 2; turn <= 500; turn++) {
    room.push({ happening: { what: 'ffmpeg-ended', turn }, to: 'all', atMs: turn });
  }
  const waiting = room.take();
  assert.equal(waiting.length, maxWaiting);
  assert.equal(waiting[0]?.happening.what, 'camera-lost');
  assert.equal(waiting.at(-1)?.happening.turn, 500);
  assert.deepEqual(room.take(), []);
});

test('it is told in the order in which it happened', () => {
  const room = new WaitingRoom();
  room.push({ happening: { what: 'unlocked' }, to: 'all', atMs: 5 });
  room.push({ happening: { what: 'motion' }, to: 'owners', atMs: 3 });
  assert.deepEqual(
    room.take().map(({ atMs }) => atMs),
    [3, 5],
  );
});
