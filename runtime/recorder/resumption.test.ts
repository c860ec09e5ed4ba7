import assert from 'node:assert/strict';
import test from 'node:test';
import { Resumption } from './resumption.ts';

const video = (monotonicMs: number, isKeyFrame = false) => ({ isKeyFrame, monotonicMs });

test('what follows dropped video is taken from the next key frame on', () => {
  const resumption = new Resumption();
  assert.deepEqual(
    [video(0, true), video(1), video(2)].map((each) => resumption.takes(each)),
    [true, true, true],
  );
  resumption.lost(video(2));
  resumption.lost(video(2, true));
  assert.deepEqual(
    [video(3), video(4), video(5, true), video(6)].map((each) => resumption.takes(each)),
    [false, false, true, true],
  );
});

test('a stream in which no key frame can be told goes on at once', () => {
  const resumption = new Resumption();
  resumption.lost(video(0));
  assert.equal(resumption.takes(video(1)), true);
});

test('a key frame that does not come is waited for no longer than a minute from when there is room', () => {
  const resumption = new Resumption();
  resumption.lost(video(0, true));
  assert.equal(resumption.takes(video(100_000)), false);
  assert.equal(resumption.takes(video(159_999)), false);
  assert.equal(resumption.takes(video(160_000)), true);
  assert.equal(resumption.takes(video(160_001)), true);
});
