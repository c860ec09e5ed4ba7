import assert from 'node:assert/strict';
import test from 'node:test';
import { fitting, maxCauseBytes, shortCause } from './causes.ts';

test('a cause is cut to its bytes as JSON, and never within a letter', () => {
  for (const letter of ['x', 'ü', '"', '\n', '\u0001', '🎥']) {
    const cause = shortCause(letter.repeat(2000));
    const bytes = Buffer.byteLength(JSON.stringify(cause));
    assert.ok(bytes <= maxCauseBytes && bytes > maxCauseBytes - 7, `${bytes} bytes`);
    assert.match(cause, new RegExp(`^(?:${letter})+…$`, 'u'));
  }
  assert.equal(shortCause('the camera was unplugged'), 'the camera was unplugged');
});

test('what ffmpeg says of the same trouble is the same cause, wherever its objects lie', () => {
  assert.equal(shortCause('[in#0 @ 0x5581aF] no such device'), '[in#0] no such device');
});

test('what happened has room in a note with any cause, and nothing else of it changes', () => {
  const cause = '🎥'.repeat(3000);
  const fitted = fitting({ what: 'ffmpeg-ended', cause, milliseconds: 1 });
  assert.ok(Buffer.byteLength(JSON.stringify(fitted)) <= 4096);
  assert.deepEqual({ ...fitted, cause: '' }, { what: 'ffmpeg-ended', cause: '', milliseconds: 1 });
  assert.deepEqual(fitting({ what: 'camera-lost' }), { what: 'camera-lost' });
});
