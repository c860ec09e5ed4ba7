/** A camera's life with EncroCrypt3: what is in its runs, and that all of it verifies. */
import assert from 'node:assert/strict';
import { endsOf, first, notesOf, sealingBy, second, setUp, slotMs, startMs, videoOf } from './fake-camera.ts';
import { faultsOf, MemoryLastRuns } from './fake-runs.ts';
import { inEachContainer as test } from './fake-streams.ts';
import { settle } from './fakes.ts';

test('each recording is one run, which ends with its time and is named by the next', async (stream) => {
  const { film, latest, stop, runs, disk } = setUp({ stream });
  await settle();
  latest().lastBytes = stream.pictures('!');
  await film('a'.repeat(60));
  latest().lastBytes = stream.pictures('!');
  await film('b'.repeat(60));
  latest().lastBytes = stream.pictures('?');
  await film('ccc');
  await stop();
  assert.equal(disk.files.size, 3);
  const told = runs();
  assert.deepEqual(endsOf(told), ['time', 'time', 'stop']);
  assert.equal(videoOf(told), `${'a'.repeat(60)}!${'b'.repeat(60)}!ccc?`);
  assert.deepEqual(faultsOf(told), []);
  for (const [index, { header }] of told.entries()) {
    assert.deepEqual(header.statement.previous?.link, told[index - 1]?.checked.link);
  }
  assert.deepEqual(
    notesOf(told, 'gap').map(({ cause }) => cause),
    ['change to the next recording', 'change to the next recording'],
  );
});

test('an ffmpeg that is started again goes on in the same run, which tells of it and of the gap', async (stream) => {
  const { clock, film, latest, stop, runs } = setUp({ stream });
  await settle();
  await film('abc');
  latest().end({ code: 1 });
  await clock.pass(1500);
  latest().deliver(stream.keyFrame('d'));
  await clock.pass(200);
  await stop();
  const [run, ...more] = runs();
  assert.deepEqual(more, []);
  assert.equal(run?.video, 'abcd');
  assert.equal(run?.ended, 'stop');
  assert.deepEqual(run?.notes, [
    { what: 'ffmpeg-ended', cause: 'ffmpeg ended with code 1' },
    { what: 'gap', milliseconds: 2500, cause: 'ffmpeg ended with code 1' },
  ]);
  assert.deepEqual(faultsOf(runs()), []);
});

test('an ffmpeg that hangs at the end of a slot delivers its last into the run before, while the next one is recorded', async (stream) => {
  const { clock, disk, film, latest, sources, stop, runs } = setUp({ stream });
  await settle();
  const hanging = latest();
  hanging.lastBytes = undefined;
  await film('a'.repeat(60));
  hanging.deliver(stream.keyFrame('!'));
  hanging.end({ code: 255 });
  await clock.pass(200);
  assert.equal(sources.length, 2);
  await film('bb');
  await stop();
  assert.equal(videoOf(runs(first)), `${'a'.repeat(60)}!`);
  assert.equal(videoOf(runs(second)), 'bb');
  assert.equal(disk.files.size, 2);
  assert.deepEqual(faultsOf(runs()), []);
});

test('when it is stopped, all that ffmpeg still delivers stands before the final', async (stream) => {
  const { film, latest, stop, runs } = setUp({ stream });
  await settle();
  latest().lastBytes = Buffer.concat([stream.keyFrame('the '), stream.pictures('end')]);
  await film('abc ');
  await stop();
  const told = runs();
  assert.deepEqual(endsOf(told), ['stop']);
  assert.equal(videoOf(told), 'abc the end');
  assert.deepEqual(faultsOf(told), []);
});

test('where the clock is set within a slot, another run begins with the next key frame, by the new time', async (stream) => {
  const { clock, film, stop, runs, disk } = setUp({ stream });
  await settle();
  await film('abcde');
  clock.step(20_000);
  await film('fghij');
  await stop();
  assert.equal(disk.files.size, 1);
  const told = runs();
  assert.deepEqual(endsOf(told), ['clock', 'stop']);
  assert.deepEqual(
    told.map(({ video }) => video),
    ['abcdef', 'ghij'],
  );
  assert.deepEqual(notesOf(told, 'clock-step'), [{ what: 'clock-step', milliseconds: 20_000 }]);
  assert.equal(told[1]?.header.statement.startMs, startMs + 26_000 + stream.collectedMs);
  assert.deepEqual(faultsOf(told), []);
});

test('a clock that is set back within a slot is told, and no fault of the recording', async (stream) => {
  const { clock, film, stop, runs } = setUp({ stream });
  await settle();
  await film('abcdefghijklmnopqrstuvwxyz');
  clock.step(-20_000);
  await film('abcdef');
  await stop();
  assert.deepEqual(endsOf(runs()), ['clock', 'stop']);
  assert.deepEqual(faultsOf(runs()), []);
});

test('where the clock is set across slots, each run is in the file of its time', async (stream) => {
  const { clock, film, latest, stop, runs } = setUp({ stream });
  await settle();
  const slow = latest();
  slow.lastBytes = undefined;
  await film('abcde');
  clock.step(slotMs);
  await clock.pass(600);
  // Asked to end, it takes its time for what it has.
  slow.deliver(stream.keyFrame('!'));
  await clock.pass(200);
  slow.end({ code: 255 });
  await settle();
  latest().lastBytes = stream.keyFrame('!');
  await film('fghij');
  clock.step(-slotMs);
  await clock.pass(600);
  await film('klm');
  await stop();
  assert.deepEqual(
    runs(first).map(({ video }) => video),
    ['abcde!', 'klm'],
  );
  assert.deepEqual(
    runs(second).map(({ video }) => video),
    ['fghij!'],
  );
  assert.deepEqual(endsOf([...runs(first), ...runs(second)]), ['clock', 'stop', 'clock']);
  const [one, three] = runs(first);
  const [two] = runs(second);
  assert.deepEqual(two?.header.statement.previous?.link, one?.checked.link);
  assert.deepEqual(three?.header.statement.previous?.link, two?.checked.link);
});

test('a clock that is set while a run is being sealed makes that run say so, and end with the next key frame', async (stream) => {
  const sealing = Promise.withResolvers<void>();
  const { clock, film, stop, runs } = setUp({ stream, sealRun: sealingBy(sealing.promise) });
  await settle();
  await film('ab');
  clock.step(10_000);
  await film('c');
  sealing.resolve();
  await film('defg');
  await stop();
  const told = runs();
  assert.deepEqual(endsOf(told), ['clock', 'stop']);
  assert.deepEqual(
    told.map(({ video }) => video),
    ['abcd', 'efg'],
  );
  assert.equal(told[1]?.header.statement.startMs, startMs + 14_000 + stream.collectedMs);
  assert.deepEqual(faultsOf(told), []);
});

test('an ffmpeg that ends without any video leaves no run but the first', async (stream) => {
  const { clock, film, latest, stop, runs, sources } = setUp({ stream });
  await settle();
  for (let attempt = 1; attempt <= 3; attempt++) {
    latest().end({ code: 1 });
    while (sources.length === attempt) await clock.pass(500);
  }
  await film('ab');
  await stop();
  const told = runs();
  assert.deepEqual(endsOf(told), ['stop']);
  assert.equal(notesOf(told, 'ffmpeg-ended').length, 3);
  assert.equal(notesOf(told, 'gap')[0]?.milliseconds, 7000);
  assert.deepEqual(faultsOf(told), []);
});

test('each run that ended is told of once, with its last link and its time, and before all the one that a power cut ended', async (stream) => {
  const lastRuns = new MemoryLastRuns();
  const cut = { runId: Buffer.alloc(16, 9), link: Buffer.alloc(32, 9) };
  const recorded = { file: 'rec-before', startMs: startMs - 5000, endMs: startMs - 1000 };
  lastRuns.last = { ...cut, recorded };
  const { film, latest, stop, runs, ended } = setUp({ stream, lastRuns });
  await settle();
  latest().lastBytes = stream.pictures('!');
  await film('a'.repeat(60));
  latest().lastBytes = stream.pictures('?');
  await film('bcd');
  await stop();
  const told = runs();
  assert.deepEqual(ended[0], { ...cut, ...recorded });
  assert.deepEqual(
    ended.slice(1).map(({ runId, link, file, startMs: fromMs }) => [runId, link, file, fromMs]),
    told.map(({ header: { statement }, checked }) => [
      ...[statement.runId, checked.link, statement.recording, statement.startMs],
    ]),
  );
  for (const { startMs: fromMs, endMs } of ended) assert.ok(endMs > fromMs && endMs - fromMs < 70_000);
});

test('a run names the newest block that is known when it begins, if any', async (stream) => {
  const newestBlock = `1:20000000:${'0af1'.repeat(16)}`;
  const { clock, film, stop, runs } = setUp({ stream, newestBlock });
  await settle();
  await film('ab');
  clock.step(5000);
  await clock.pass(500);
  await film('cd');
  await stop();
  assert.deepEqual(
    runs().map(({ header }) => header.statement.notBefore),
    [newestBlock, newestBlock],
  );
});
