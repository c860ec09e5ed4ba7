import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drivePath, type Storage } from '../storage/storage.ts';
import { driveSource } from './source.ts';

const content = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
const chunkBytes = 10;

/** A session that reads one thing at a time, as an FTP drive does: whoever asks for a second one would wait for ever. */
function oneAtATime(): { readonly storage: Storage; readonly offsets: number[] } {
  const offsets: number[] = [];
  let isReading = false;
  const storage = {
    location: 'ftps://me@drive/',
    async *read(_: unknown, offset: number, length = content.length) {
      assert.equal(isReading, false, 'it waits for the read that is going on');
      isReading = true;
      offsets.push(offset);
      try {
        const end = Math.min(content.length, offset + length);
        for (let at = offset; at < end; at += chunkBytes)
          yield content.subarray(at, Math.min(end, at + chunkBytes));
      } finally {
        isReading = false;
      }
    },
  } as unknown as Storage;
  return { storage, offsets };
}

test('who reads elsewhere while a drive is streamed does not wait for the stream, and it goes on where it was', async () => {
  const { storage, offsets } = oneAtATime();
  const { access, stream } = driveSource(storage, drivePath('rec.encrocam'), content.length);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream(20)) {
    chunks.push(chunk);
    if (chunks.length === 3 || chunks.length === 8) {
      assert.deepEqual(await access?.read(5, 12), content.subarray(5, 17));
      assert.deepEqual(await access?.read(90, 30), content.subarray(90));
    }
  }
  assert.deepEqual(Buffer.concat(chunks), content.subarray(20));
  assert.deepEqual(offsets, [20, 5, 90, 50, 5, 90, 100]);
});

test('a stream that is left gives the session back', async () => {
  const { storage } = oneAtATime();
  const { access, stream } = driveSource(storage, drivePath('rec.encrocam'), content.length);
  for await (const chunk of stream(0)) if (chunk.length > 0) break;
  assert.deepEqual(await access?.read(0, 3), content.subarray(0, 3));
});
