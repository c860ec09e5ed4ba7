/** What goes wrong while a camera records EncroCrypt3: sealing, disks and power. What was recorded verifies all the same. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileVerifier } from '../encrocrypt/v3/index.ts';
import { endsOf, first, notesOf, sealingBy, second, setUp, slotMs, startMs, videoOf } from './fake-camera.ts';
import { faultsOf, MemoryLastRuns } from './fake-runs.ts';
import { inEachContainer as test } from './fake-streams.ts';
import { FakeClock, FakeDisk, settle } from './fakes.ts';
import { LastRunFile } from './last-run.ts';

/** A camera that is silent meanwhile is not what is looked at. */
const settings = { stallTimeoutSeconds: 120 };

test('sealing that fails twice loses no video', async (stream) => {
  const failure = new Error('no memory');
  const sealRun = sealingBy(failure, failure);
  const { film, logger, stop, runs } = setUp({ stream, sealRun });
  await settle();
  await film('abcdef');
  await stop();
  assert.equal(sealRun.times, 3);
  assert.equal(videoOf(runs()), 'abcdef');
  assert.equal(logger.about('a run could not be sealed').length, 2);
  assert.deepEqual(notesOf(runs(), 'gap'), []);
  assert.deepEqual(faultsOf(runs()), []);
});

test('sealing that always fails is a gap from the first lost picture on, and tried again with pauses', async (stream) => {
  const failures = Array.from({ length: 9 }, () => new Error('no memory'));
  const { clock, film, latest, recorder, sources, stop, runs } = setUp({
    stream,
    sealRun: sealingBy(undefined, ...failures),
  });
  await settle();
  await film('a'.repeat(60));
  latest().deliver(stream.keyFrame('lost'));
  const starts: number[] = [];
  while (sources.length < 5) {
    const before = sources.length;
    await clock.pass(100);
    if (sources.length === before) continue;
    starts.push(clock.monotonicMs() - slotMs);
    // What stands before all video comes at once.
    latest().deliver('');
  }
  // Each attempt takes 2.5 s; between them are pauses of 1, 2 and 4 s.
  assert.deepEqual(starts, [3500, 8000, 14_500]);
  assert.match(recorder.state().lastProblem ?? '', /^cannot write: no memory/);
  assert.equal(recorder.state().activity, 'gap');
  await film('bb');
  await stop();
  const told = runs();
  assert.equal(videoOf(told), `${'a'.repeat(60)}bb`);
  const [gap] = notesOf(told, 'gap');
  assert.equal(gap?.milliseconds, 15_500);
  assert.match(String(gap?.cause), /no memory/);
  assert.deepEqual(faultsOf(told), []);
});

test('sealing that fails for the next run of a file is a gap from there on', async (stream) => {
  const failure = new Error('no memory');
  const { clock, film, stop, runs, sources } = setUp({
    stream,
    sealRun: sealingBy(undefined, failure, failure, failure),
  });
  await settle();
  await film('abcd');
  clock.step(5000);
  await clock.pass(500);
  await film('efg');
  await clock.pass(2000);
  assert.equal(sources.length, 2);
  await film('hi');
  await stop();
  const told = runs();
  assert.equal(videoOf(told), 'abcdhi');
  assert.equal(notesOf(told, 'gap').at(-1)?.milliseconds, 5000);
  assert.deepEqual(faultsOf(told), []);
});

test('the end of a slot that comes while its run is being sealed is met when it is sealed', async (stream) => {
  const sealing = Promise.withResolvers<void>();
  const { clock, film, latest, stop, runs } = setUp({ stream, settings, sealing: [sealing.promise] });
  await clock.pass(58_000);
  await film('abcd');
  sealing.resolve();
  await clock.pass(500);
  latest().lastBytes = Buffer.alloc(0);
  await film('efg');
  await stop();
  assert.equal(videoOf(runs(first)), 'abcd');
  assert.equal(videoOf(runs(second)), 'efg');
  assert.deepEqual(endsOf(runs()), ['time', 'stop']);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a recorder that is stopped while a run is being sealed writes what came meanwhile', async (stream) => {
  const sealing = Promise.withResolvers<void>();
  const { clock, film, recorder, done, runs, disk } = setUp({ stream, sealRun: sealingBy(sealing.promise) });
  await settle();
  await film('abc');
  recorder.stop();
  await clock.pass(3000);
  assert.equal(disk.files.size, 0);
  sealing.resolve();
  await done;
  assert.equal(videoOf(runs()), 'abc');
  assert.deepEqual(endsOf(runs()), ['stop']);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a recorder that is stopped while the next run of a file is being sealed loses nothing', async (stream) => {
  const sealing = Promise.withResolvers<void>();
  const { clock, film, recorder, done, runs } = setUp({
    stream,
    sealRun: sealingBy(undefined, sealing.promise),
  });
  await settle();
  await film('ab');
  clock.step(5000);
  await clock.pass(500);
  await film('cd');
  recorder.stop();
  await clock.pass(1000);
  sealing.resolve();
  await done;
  assert.equal(videoOf(runs()), 'abcd');
  assert.deepEqual(endsOf(runs()), ['clock', 'stop']);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a disk that is held to be full is told with its length, and nothing else is missing', async (stream) => {
  const { film, space, stop, runs, sources } = setUp({ stream });
  await settle();
  await film('ab');
  space.blocked = true;
  await film('XXXXXXXX');
  space.blocked = false;
  await film('cd');
  await stop();
  const [run, ...more] = runs();
  assert.deepEqual(more, []);
  assert.equal(sources.length, 1);
  assert.equal(run?.video, 'abcd');
  assert.deepEqual(run?.notes, [
    { what: 'storage-full' },
    { what: 'gap', milliseconds: 8000, cause: 'disk full' },
  ]);
  assert.deepEqual(faultsOf(runs()), []);
});

test('after a full disk the first picture is one that a decoder can begin with', async (stream) => {
  const { film, space, stop, runs } = setUp({ stream });
  await settle();
  await film('ab');
  space.blocked = true;
  await film('XXXXXXX');
  space.blocked = false;
  await film('Xcd');
  await stop();
  assert.equal(videoOf(runs()), 'abcd');
  assert.deepEqual(notesOf(runs(), 'gap'), [{ what: 'gap', milliseconds: 8000, cause: 'disk full' }]);
  assert.deepEqual(faultsOf(runs()), []);
});

test('a disk that takes nothing for a while breaks no chain and makes nothing stand twice', async (stream) => {
  const { disk, film, stop, runs } = setUp({ stream });
  await settle();
  await film('ab');
  disk.roomBytes = 50;
  await film('XYZXYZXY');
  disk.roomBytes = Number.POSITIVE_INFINITY;
  await film('cd');
  await stop();
  const told = runs();
  // The packet of which a part was taken is finished when there is room.
  assert.equal(videoOf(told), 'abXcd');
  assert.deepEqual(endsOf(told), ['stop']);
  const [gap] = notesOf(told, 'gap');
  assert.equal(gap?.cause, 'disk full');
  assert.deepEqual(faultsOf(told), []);
});

test('a disk that is full at the end of a slot leaves a run without final, and the next one names what is there', async (stream) => {
  const { clock, disk, film, stop, runs } = setUp({ stream, settings });
  await settle();
  await film('a'.repeat(52));
  disk.roomBytes = 0;
  await film('XXXXXXXX');
  await clock.pass(2000);
  disk.roomBytes = Number.POSITIVE_INFINITY;
  await clock.pass(8000);
  await film('bb');
  await stop();
  const [before, ...after] = runs();
  assert.equal(before?.ended, undefined);
  assert.equal(before?.video, 'a'.repeat(52));
  assert.deepEqual(after[0]?.header.statement.previous?.link, before?.checked.link);
  assert.equal(videoOf(after), 'bb');
  assert.deepEqual(
    faultsOf(runs()).filter((fault) => !fault.startsWith('unfinished')),
    [],
  );
});

/** How often there are bytes that belong to nothing. */
function skipsIn(bytes: Buffer = Buffer.alloc(0)): number {
  let skips = 0;
  const nothing = (): void => undefined;
  const verifier = new FileVerifier({
    ...{ onRun: nothing, onStretch: nothing, onRunEnd: nothing },
    onSkip: () => {
      skips += 1;
    },
  });
  verifier.push(bytes);
  verifier.end();
  return skips;
}

test('a disk that is full where the next run of a file begins leaves no piece of a header behind', async (stream) => {
  const recordAcross = async (roomBytes: number) => {
    const { clock, disk, film, stop, runs, sources } = setUp({ stream });
    await settle();
    await film('ab');
    clock.step(20_000);
    await clock.pass(600);
    const sizeBytes = disk.files.get(first)?.length ?? 0;
    disk.roomBytes = roomBytes;
    await film('cdefg');
    const full = disk.files.get(first);
    disk.roomBytes = Number.POSITIVE_INFINITY;
    await film('hijklmn');
    await stop();
    assert.equal(sources.length, 1);
    return { sizeBytes, full, whole: disk.files.get(first), told: runs() };
  };
  const { sizeBytes, whole: roomy = Buffer.alloc(0), told } = await recordAcross(Number.POSITIVE_INFINITY);
  const inHeader = roomy.indexOf(told[1]?.header.statement.runId ?? assert.fail());
  const { full, whole, told: toldOfFull } = await recordAcross(inHeader - sizeBytes);
  assert.equal(full?.length, inHeader, 'no header was cut');
  assert.equal(skipsIn(whole), 0);
  assert.deepEqual(endsOf(toldOfFull), ['clock', 'stop']);
  assert.equal(videoOf(toldOfFull), 'abijklmn');
  assert.deepEqual(faultsOf(toldOfFull), []);
});

test('a failing disk ends a run where it was whole, and another one follows that', async (stream) => {
  const { clock, disk, film, stop, runs, sources } = setUp({ stream });
  await settle();
  await film('abcdefg');
  disk.failure = Object.assign(new Error('input/output error'), { code: 'EIO' });
  await film('X');
  disk.failure = undefined;
  await clock.pass(1000);
  assert.equal(sources.length, 2);
  await film('hi');
  await stop();
  const told = runs();
  assert.deepEqual(endsOf(told), [undefined, 'stop']);
  assert.equal(videoOf(told), 'abcdefghi');
  assert.deepEqual(told[1]?.header.statement.previous?.link, told[0]?.checked.link);
  assert.deepEqual(told[0]?.verdicts, ['intact 0-5000', 'unfinished 5000-6000']);
  assert.match(String(notesOf(told, 'gap')[0]?.cause), /input\/output error/);
  assert.deepEqual(faultsOf(told), ['unfinished: ']);
});

test('after a power cut the next run is in a file of its own and names the last checkpoint that is there', async (stream, context) => {
  const before = setUp({ stream });
  await settle();
  await before.film('abcdefgh');
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-power-cut-'));
  context.after(() => rm(directory, { recursive: true }));
  const recordings = path.join(directory, 'front');
  await mkdir(recordings);
  const store = new LastRunFile(directory, { name: 'front', localDirectory: recordings });
  const [kept] = before.lastRuns.kept;
  assert.ok(kept);
  await store.keep(kept);
  // The last bytes never reached the card.
  const left = before.disk.files.get(first)?.subarray(0, -100) ?? Buffer.alloc(0);
  await writeFile(path.join(recordings, path.basename(first)), left);

  const lastRuns = new MemoryLastRuns();
  lastRuns.last = await store.load();
  const disk = new FakeDisk();
  disk.files.set(first, left);
  const after = setUp({
    stream,
    ...{ disk, lastRuns, clock: new FakeClock(startMs + 30_000) },
    beginning: { afterPowerCut: true },
  });
  await settle();
  await after.film('ijk');
  await after.stop();
  assert.deepEqual([...disk.files.keys()].sort(), [first, '/r/front/rec-20270115T080030Z-30s.encrocam']);
  const [cut, next] = after.runs();
  assert.equal(cut?.ended, undefined);
  assert.deepEqual(next?.header.statement.previous?.link, cut?.checked.link);
  assert.equal(next?.video, 'ijk');
  assert.deepEqual(faultsOf(after.runs()), ['unfinished: ']);
});

test('a slot that ends while the next run of its file is being sealed opens no other one beside it', async (stream) => {
  for (const slowestMs of [1000, 9000]) {
    const sealing = Promise.withResolvers<void>();
    const { clock, film, recorder, sources, stop, runs } = setUp({
      ...{ stream, settings },
      sealing: [Promise.resolve(), sealing.promise],
    });
    await settle();
    await film('a'.repeat(56));
    recorder.unlocked(undefined);
    // The key frame that begins the next run, and what follows it until the slot is over.
    await film('bbbb');
    await clock.pass(slowestMs);
    assert.equal(sources.length, 1, 'another ffmpeg runs while a run is being sealed');
    sealing.resolve();
    await settle();
    await clock.pass(600);
    assert.equal(sources.length, 2);
    await film('cccc');
    await stop();
    assert.equal(videoOf(runs(first)), `${'a'.repeat(56)}bbbb`);
    assert.equal(videoOf(runs(second)), 'cccc');
    assert.deepEqual(endsOf(runs()), ['unlocked', 'time', 'stop']);
    assert.deepEqual(faultsOf(runs()), []);
  }
});
