/** A camera's life with EncroCrypt3 and fragmented MP4, as a real ffmpeg made it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { camera, endsOf, notesOf, setUp } from './fake-camera.ts';
import { faultsOf } from './fake-runs.ts';
import { fragmentedMp4 } from './fake-streams.ts';
import { settle } from './fakes.ts';
import { ffmpegArguments } from './ffmpeg.ts';
import { FragmentCutter } from './fragments.ts';

/** Three seconds, a key frame every two; and the same with another size of picture. */
let film: Buffer;
let other: Buffer;
before(async () => {
  [film, other] = await Promise.all([made('320x180'), made('160x90')]);
});

async function made(size: string): Promise<Buffer> {
  const input = { format: 'lavfi', device: `testsrc2=size=${size}:rate=15:duration=3` };
  const args = ffmpegArguments(
    { ...camera, input, burnInTime: false },
    { encoder: 'libx264', fontFile: undefined, needsPacing: false, container: 'video/mp4' },
  );
  const { stdout } = await promisify(execFile)('ffmpeg', args, { encoding: 'buffer', maxBuffer: 20_000_000 });
  return stdout;
}

/** What is to be recorded of it, where its ffmpeg began so far into the recording. */
function cut(bytes: Buffer, beginsAtMs: number): { initialisation: Buffer; fragments: Buffer[] } {
  const [first, ...fragments] = new FragmentCutter(beginsAtMs).push(bytes);
  assert.equal(first?.kind, 'initialisation');
  return { initialisation: first.bytes, fragments: fragments.map((piece) => piece.bytes) };
}

/** Its opening is in the film. */
const mp4 = { stream: { ...fragmentedMp4, opening: Buffer.alloc(0) } };

test('each fragment is a packet, behind the initialisation in the header', async () => {
  const { clock, latest, stop, runs } = setUp(mp4);
  await settle();
  for (let start = 0; start < film.length; start += 10_000) {
    latest().deliver(film.subarray(start, start + 10_000));
    await clock.pass(100);
  }
  await stop();
  const [run, ...more] = runs();
  const { initialisation, fragments } = cut(film, 0);
  assert.deepEqual(more, []);
  assert.deepEqual(run?.header.statement.initialisation, initialisation);
  assert.deepEqual(run?.packets, fragments);
  assert.ok(fragments.length > 15);
  assert.deepEqual(faultsOf(runs()), []);
});

test('an ffmpeg whose stream begins in the same way goes on in the run, later in its time', async () => {
  const { clock, latest, stop, runs } = setUp(mp4);
  await settle();
  latest().deliver(film);
  await clock.pass(3000);
  latest().end({ code: 1 });
  await clock.pass(1000);
  latest().deliver(film);
  await clock.pass(500);
  await stop();
  const [run, ...more] = runs();
  assert.deepEqual(more, []);
  assert.deepEqual(run?.packets, [...cut(film, 0).fragments, ...cut(film, 4000).fragments]);
  assert.equal(notesOf(runs(), 'ffmpeg-ended').length, 1);
  assert.deepEqual(faultsOf(runs()), []);
});

test('one whose stream begins in another way gets a run of its own in the same file', async () => {
  const { clock, disk, latest, stop, runs } = setUp(mp4);
  await settle();
  latest().deliver(film);
  await clock.pass(3000);
  latest().end({ code: 1 });
  await clock.pass(1000);
  latest().deliver(other);
  await clock.pass(500);
  await stop();
  const told = runs();
  assert.equal(disk.files.size, 1);
  assert.deepEqual(endsOf(told), ['stream', 'stop']);
  assert.deepEqual(told[1]?.header.statement.initialisation, cut(other, 4000).initialisation);
  assert.deepEqual(told[1]?.packets, cut(other, 4000).fragments);
  assert.deepEqual(faultsOf(told), []);
});

test('an ffmpeg that ends before its first fragment leaves nothing, and is started again', async () => {
  const { clock, disk, latest, stop, runs, sources } = setUp(mp4);
  await settle();
  latest().deliver(film.subarray(0, 100));
  latest().end({ code: 1 });
  await clock.pass(1000);
  assert.equal(sources.length, 2);
  assert.equal(disk.files.size, 0);
  latest().deliver(film);
  await clock.pass(500);
  await stop();
  assert.equal(runs().length, 1);
  assert.deepEqual(faultsOf(runs()), []);
});

test('an ffmpeg that ends while its only run is being sealed has one all the same, and the next goes on in it', async () => {
  const sealing = Promise.withResolvers<void>();
  const { clock, latest, stop, runs, sources } = setUp({ ...mp4, sealing: [sealing.promise] });
  await settle();
  const { initialisation } = cut(film, 0);
  // The initialisation, and a fragment that is cut.
  latest().deliver(film.subarray(0, initialisation.length + 100));
  latest().end({ code: 1 });
  await clock.pass(5000);
  assert.equal(sources.length, 1);
  sealing.resolve();
  await clock.pass(1000);
  assert.equal(sources.length, 2);
  latest().deliver(film);
  await clock.pass(500);
  await stop();
  const told = runs();
  assert.deepEqual(endsOf(told), ['stop']);
  assert.deepEqual(told[0]?.packets, cut(film, 6000).fragments);
  assert.deepEqual(faultsOf(told), []);
});

test('what is no fragmented MP4 is told, and ffmpeg is started again', async () => {
  const { clock, latest, recorder, sources, stop, runs } = setUp(mp4);
  await settle();
  latest().deliver(film);
  latest().deliver(Buffer.alloc(1000));
  await clock.pass(1000);
  assert.match(recorder.state().lastProblem ?? '', /what ffmpeg writes is of no use/);
  assert.equal(sources.length, 2);
  latest().deliver(film);
  await clock.pass(500);
  await stop();
  assert.equal(runs().flatMap(({ packets }) => packets).length, 2 * cut(film, 0).fragments.length);
  assert.deepEqual(faultsOf(runs()), []);
});
