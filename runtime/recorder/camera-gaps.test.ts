/** Time without video: whatever ends it, or does not, the recording says so, and nobody takes it for time that was recorded. */
import assert from 'node:assert/strict';
import { notesOf, sealingBy, setUp, startMs } from './fake-camera.ts';
import { runsIn } from './fake-runs.ts';
import { type FakeStream, inEachContainer } from './fake-streams.ts';
import { told } from './fake-timeline.ts';
import { settle } from './fakes.ts';
import { maxWaitingBytes } from './session.ts';

type Scene = ReturnType<typeof setUp>;

/** For so many seconds each ffmpeg ends as soon as it is started; then one is left running. */
async function unplugged({ clock, latest, sources }: Scene, seconds: number): Promise<void> {
  const untilMs = clock.monotonicMs() + seconds * 1000;
  latest().end({ code: 1 });
  await settle();
  for (let count = sources.length; clock.monotonicMs() < untilMs; ) {
    await clock.pass(500);
    if (sources.length === count) continue;
    count = sources.length;
    latest().end({ code: 1 });
    await settle();
  }
}

const exit = 'ffmpeg ended with code 1';

inEachContainer('an outage that lasts until the recorder is stopped is a gap, not intact', async (stream) => {
  const scene = setUp({ stream, slotLengthMs: 3_600_000 });
  await settle();
  await scene.film('a'.repeat(20));
  await unplugged(scene, 43);
  await scene.stop();
  assert.deepEqual(told(scene.runs(), startMs), ['intact 0-19', `gap 19-63: ${exit}`]);
});

inEachContainer(
  'an outage that lasts until the recorder is killed is a gap as far as anything is signed',
  async (stream) => {
    const scene = setUp({ stream, slotLengthMs: 3_600_000 });
    await settle();
    await scene.film('a'.repeat(20));
    await unplugged(scene, 43);
    const killed = [...scene.disk.files].flatMap(([name, bytes]) => runsIn(name, Buffer.from(bytes)));
    await scene.stop();
    const [intact, gap, ...tail] = told(killed, startMs);
    assert.deepEqual([intact, gap], ['intact 0-19', `gap 19-60: ${exit}`]);
    assert.match(tail.join(), /^unfinished 60-60: /);
  },
);

inEachContainer(
  'an outage across the end of a slot is a gap in both recordings, and between them',
  async (stream) => {
    const scene = setUp({ stream, slotLengthMs: 600_000 });
    await settle();
    await scene.film('a'.repeat(100));
    await unplugged(scene, 1100);
    while (scene.clock.monotonicMs() < 1_300_000 || scene.latest().signals.length > 0)
      await scene.clock.pass(500);
    await scene.film('bcd');
    await scene.stop();
    const lines = told(scene.runs(), startMs);
    assert.equal(lines[0], 'intact 0-99');
    assert.match(lines.at(-1) ?? '', /^intact 13\d\d-13\d\d$/);
    for (const line of lines.slice(1, -1))
      assert.match(line, /^(gap|not recorded) .*ffmpeg ended with code 1/);
  },
);

inEachContainer('a gap with many long causes is noted, as any other', async (stream) => {
  const { clock, film, latest, logger, runs, sources, stop } = setUp({ stream, slotLengthMs: 3_600_000 });
  await settle();
  await film('abc');
  for (let attempt = 1; attempt <= 5; attempt++) {
    // Three lines are kept, of 300 letters each; this ffmpeg speaks of an object at another place each time.
    const line = `[in#0 @ 0x55${attempt}] ${String(attempt).repeat(100)}${'ü'.repeat(200)}\n`;
    latest().stderr.write(line.repeat(3));
    await settle();
    latest().end({ code: 1 });
    while (sources.length === attempt) await clock.pass(500);
  }
  await film('def');
  await stop();
  const lines = told(runs(), startMs);
  assert.equal(lines.length, 3);
  assert.match(lines[1] ?? '', /^gap 2-34: ffmpeg ended with code 1 \(\[in#0\] 111.*555/);
  assert.deepEqual(logger.about('the recording does not tell'), []);
});

/** More than may wait for a slow disk. */
function tooMuch(stream: FakeStream): Buffer {
  const piece = stream.pictures('.'.repeat(100_000));
  return Buffer.concat(
    Array.from({ length: Math.ceil((1.1 * maxWaitingBytes) / piece.length) }, () => piece),
  );
}

const slow = 'the disk was too slow, or sealing took too long';

inEachContainer(
  'a camera that freezes for less than the stall timeout leaves a gap, not intact',
  async (stream) => {
    const { clock, film, runs, sources, stop } = setUp({ stream });
    await settle();
    await film('a'.repeat(6));
    await clock.pass(3000);
    await film('bcdefg');
    await stop();
    assert.equal(sources.length, 1);
    assert.deepEqual(told(runs(), startMs), [
      'intact 0-5',
      'gap 5-9: nothing came from the camera',
      'intact 9-15',
    ]);
  },
);

inEachContainer(
  'a camera that is frozen when the recorder is stopped leaves a gap, not intact',
  async (stream) => {
    const { clock, film, runs, stop } = setUp({ stream });
    await settle();
    await film('a'.repeat(6));
    await clock.pass(3000);
    await stop();
    assert.deepEqual(told(runs(), startMs), ['intact 0-5', 'gap 5-9: nothing came from the camera']);
  },
);

inEachContainer(
  'an ffmpeg that does not end when it is asked to leaves a gap behind its last picture',
  async (stream) => {
    const { clock, done, film, latest, recorder, runs } = setUp({ stream });
    await settle();
    await film('abcdef');
    latest().lastBytes = undefined;
    recorder.stop();
    await clock.pass(5000);
    await done;
    assert.deepEqual(told(runs(), startMs), ['intact 0-5', 'gap 5-11: nothing came from the camera']);
  },
);

inEachContainer(
  'a disk that stalls while the camera goes on leaves a gap of what had no room in memory',
  async (stream) => {
    const { clock, disk, film, latest, runs, sources, stop } = setUp({ stream });
    await settle();
    await film('abcdef');
    const stalled = Promise.withResolvers<void>();
    disk.stalled = stalled.promise;
    latest().deliver(tooMuch(stream));
    await clock.pass(28_000);
    stalled.resolve();
    await settle();
    await film('ghijkl');
    await stop();
    assert.equal(sources.length, 1);
    const [gap, ...more] = told(runs(), startMs).filter((line) => !line.startsWith('intact'));
    assert.deepEqual([gap, ...more], [`gap 6-34: ${slow}`]);
  },
);

inEachContainer(
  'sealing that hangs while the camera goes on leaves a gap of what had no room in memory',
  async (stream) => {
    const sealing = Promise.withResolvers<void>();
    const { clock, film, latest, runs, stop } = setUp({ stream, sealRun: sealingBy(sealing.promise) });
    await settle();
    latest().deliver(tooMuch(stream));
    await clock.pass(28_000);
    sealing.resolve();
    await settle();
    await film('abcdef');
    await stop();
    const [gap, ...more] = told(runs(), startMs).filter((line) => !line.startsWith('intact'));
    assert.deepEqual([gap, ...more], [`gap 0-28: ${slow}`]);
  },
);

inEachContainer(
  'the time in which no recorder ran is told by the next, with what delayed its first video',
  async (stream) => {
    for (const [inOrder, cause] of [
      [true, 'the recorder was stopped'],
      [false, 'the power was lost, or the recorder was killed'],
    ] as const) {
      const previous = { lastWriteMs: startMs - 40_000, inOrder };
      const { clock, film, latest, logger, runs, stop } = setUp({
        ...{ stream, beginning: { previous, afterPowerCut: false } },
      });
      await settle();
      latest().end({ code: 1 });
      await clock.pass(2000);
      await film('abc');
      await stop();
      const note = { what: 'gap', milliseconds: 42_000, cause: `${cause}; ffmpeg ended with code 1` };
      assert.deepEqual(notesOf(runs(), 'gap'), [note]);
      assert.equal(logger.about('gap of 42 s').length, 1);
    }
  },
);

inEachContainer('a camera that starts slowly is not intact before its first picture', async (stream) => {
  const { clock, film, recorder, runs, stop } = setUp({ stream });
  await clock.pass(4000);
  assert.equal(recorder.state().activity, 'starting');
  await film('abc');
  await stop();
  const cause = 'the recorder was starting';
  assert.deepEqual(notesOf(runs(), 'gap'), [{ what: 'gap', milliseconds: 4000, cause }]);
  assert.equal(told(runs(), startMs).at(-1), 'intact 4-7');
});
