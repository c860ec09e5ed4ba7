/** Time without video: whatever ends it, or does not, the recording says so, and nobody takes it for time that was recorded. */
import assert from 'node:assert/strict';
import { setUp, startMs } from './fake-camera.ts';
import { runsIn } from './fake-runs.ts';
import { inEachContainer } from './fake-streams.ts';
import { told } from './fake-timeline.ts';
import { settle } from './fakes.ts';

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
