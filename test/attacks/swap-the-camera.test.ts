/** Attack 1 of the original's list: the camera is unplugged, and another one, or a player, is plugged in. */
import test from 'node:test';
import type { RunWriter } from '../../runtime/encrocrypt/v3/index.ts';
import type { RecordingOptions } from '../support/camera-recordings.ts';
import { assertTold, exitCode, indexOfCheckpoint, indexOfSecond, rewrite, scene } from './scene.ts';

/** 15 s without video before 08:01:40, which the recorder tells of. */
const unplugged: RecordingOptions = {
  run: (minute) => ({
    before: (second: number, run: RunWriter, timeMs: number) =>
      minute === 1 && second === 40
        ? [run.note({ what: 'gap', milliseconds: 15_000, cause: 'the camera was unplugged' }, timeMs)]
        : [],
  }),
};

test('the time without a camera is a gap, with its cause', async (context) => {
  const { place } = await scene(context, 3, unplugged);
  await assertTold(place, exitCode.sound, /08:01:25 to 08:01:40 +15 s {2}gap: the camera was unplugged/);
});

test('the gap cannot be hidden: without its note the seconds around it are tampered with', async (context) => {
  const { place, recordings } = await scene(context, 3, unplugged);
  await rewrite(recordings[1], (packets) => packets.toSpliced(indexOfSecond(40), 1));
  await assertTold(place, exitCode.unsound, /08:01:40 to 08:01:45 +5 s {2}tampered/);
});

test('nor can a gap be made up, to excuse seconds that were taken away', async (context) => {
  const { place, recordings } = await scene(context, 3, unplugged);
  const note = recordings[1].run.packets[indexOfSecond(40)] ?? Buffer.of();
  const at = indexOfSecond(10);
  for (const end of [indexOfCheckpoint(20), indexOfCheckpoint(20) + 1]) {
    await rewrite(recordings[1], (packets) => packets.toSpliced(at, end - at, note));
    await assertTold(place, exitCode.unsound, /08:01:10 to 08:01:\d\d +\d+ s {2}(?:tampered|missing)/);
  }
});
