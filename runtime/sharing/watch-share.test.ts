import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  cameraKeys,
  type Recording,
  type Recordings,
  recordMinutes,
} from '../../test/support/camera-recordings.ts';
import {
  CountedFile,
  capabilityOf,
  fillsOf,
  type Seconds,
  watchWith,
} from '../../test/support/shared-watch.ts';
import { certificateOf, type SignedRunOptions } from '../../test/support/synthetic-run.ts';

const seconds = 900;
/** A packet a second: 90 MB in all. */
const packetBytes = 100_000;
const mebibyte = 2 ** 20;

let directory: string;
let long: Recording;
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'encrocam-watch-share-'));
  [long] = await recordLong('long');
});
after(() => rm(directory, { recursive: true, force: true }));

function recordLong(name: string, options: SignedRunOptions = {}): Promise<Recordings[1]> {
  return recordMinutes(path.join(directory, name), 1, {
    run: () => ({ seconds, video: (index) => Buffer.alloc(packetBytes, index % 60), ...options }),
  });
}

function fileOf({ fileName, run }: Recording): CountedFile {
  return new CountedFile(fileName, run.bytes);
}

function assertSeconds(video: Buffer, [from, to]: Seconds): void {
  assert.deepEqual(
    fillsOf(video, packetBytes),
    Array.from({ length: to - from }, (_, index) => (from + index) % 60),
  );
}

/** As the key frames lie: one every other second. */
const begin = (from: number): number => from - (from % 2);

test('whatever part of what was shared is asked for, it is not called missing', async () => {
  const capability = capabilityOf([long], [0, seconds], seconds);
  for (let from = 0; from + 10 <= seconds; from += 37) {
    const asked: Seconds = [from, from + 10];
    const { code, video, lines } = await watchWith(capability, [fileOf(long)], asked);
    assert.equal(code, 0, `${from}: ${lines.join('\n')}`);
    assert.match(lines.join('\n'), /^as the camera recorded it: [^\n]*$/);
    assertSeconds(video, [begin(from), from + 10]);
  }
});

test('a part out of a long recording takes a few reads, and not what is before it', async () => {
  for (const [from, to] of [
    [5, 35],
    [120, 150],
    [450, 480],
    [455, 480],
    [860, 890],
  ] as const) {
    const file = fileOf(long);
    const { code, video, lines } = await watchWith(capabilityOf([long], [from, to], seconds), [file]);
    assert.equal(code, 0, `${from}: ${lines.join('\n')}`);
    // What begins before the segment that was given cannot be opened.
    assertSeconds(video, [Math.max(begin(from), from - (from % 10)), to]);
    // A minute behind the range is read, in which a clock that was set back may come again.
    const neededBytes = Math.min(to - from + 60, seconds - from) * packetBytes;
    assert.ok(file.streamedBytes < neededBytes + 2 * mebibyte, `${from}: ${file.streamedBytes} streamed`);
    assert.ok(
      file.reads <= 6 && file.readBytes < 8 * mebibyte,
      `${from}: ${file.reads}, ${file.readBytes} bytes`,
    );
  }
});

test('a part of a run that was certified later is as the camera recorded it, though its certificate stands far behind', async () => {
  const [locked] = await recordLong('locked', { isLocked: true });
  const certificate = await certificateOf(locked.run, await cameraKeys());
  const file = new CountedFile(locked.fileName, Buffer.concat([locked.run.bytes, certificate]));
  const { code, video, lines } = await watchWith(capabilityOf([locked], [300, 320], seconds), [file]);
  assert.equal(code, 0, lines.join('\n'));
  assertSeconds(video, [300, 320]);
  assert.ok(file.streamedBytes < 12 * mebibyte, `${file.streamedBytes}`);
});

test('of a run that was cut off, the part up to its last checkpoint is not called missing, and nothing behind it whole', async () => {
  const { fileName, run } = long;
  const checkpoint = run.packets.findLastIndex((packet) => packet[3] === 0x02);
  const cut = new CountedFile(fileName, Buffer.concat(run.packets.slice(0, checkpoint + 1)));
  // As `share` gives of a run without an end: to just behind what was there.
  const lengthMs = seconds * 1000;
  const capability = capabilityOf([long], [890, 1000], seconds);
  const [shared] = capability.runs;
  assert.ok(shared);
  const whole = await watchWith({ ...capability, runs: [{ ...shared, toMs: lengthMs + 1 }] }, [cut]);
  assert.equal(whole.code, 0, whole.lines.join('\n'));
  const shorter = new CountedFile(fileName, Buffer.concat(run.packets.slice(0, checkpoint)));
  const { code, lines } = await watchWith({ ...capability, runs: [{ ...shared, toMs: lengthMs + 1 }] }, [
    shorter,
  ]);
  assert.equal(code, 2);
  assert.match(lines.join('\n'), /unfinished: /);
});

test('a range that begins in the very moment in which a run ends lacks nothing of that run', async () => {
  const recordings = await recordMinutes(path.join(directory, 'minutes'), 2);
  const capability = capabilityOf(recordings, [60, 70]);
  assert.equal(capability.runs.length, 2);
  const { code, lines } = await watchWith(capability, recordings.map(fileOf));
  assert.equal(code, 0, lines.join('\n'));
  assert.match(lines.join('\n'), /^as the camera recorded it: 2027-01-15 08:01:00[^\n]*$/);
});

test('what whoever made the share says of it is shown, as text', async () => {
  const capability = { ...capabilityOf([long], [450, 460], seconds), note: 'front door\u001b[2J, for Ana' };
  const { lines } = await watchWith(capability, [fileOf(long)]);
  assert.equal(lines[0], 'note of whoever shared this: front door\ufffd[2J, for Ana');
});
