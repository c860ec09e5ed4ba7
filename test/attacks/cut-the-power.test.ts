/** Attack 3 of the original's list: the power is cut before anybody enters. The card itself: test/qemu/life.test.ts. */
import { rm } from 'node:fs/promises';
import test from 'node:test';
import { recordMinutes } from '../support/camera-recordings.ts';
import { linkOfPacket } from '../support/synthetic-run.ts';
import { assertTold, exitCode, indexOfCheckpoint, indexOfSecond, rewrite, scene } from './scene.ts';

test('the time without power is told, with its cause; the seconds before it are unfinished', async (context) => {
  const { place, recordings } = await scene(context, 2);
  const [, cut] = recordings;
  await rewrite(cut, (packets) => [
    ...packets.slice(0, indexOfSecond(43)),
    (packets[indexOfSecond(43)] ?? Buffer.of()).subarray(0, 100),
  ]);
  // When the power is back, the camera goes on from what it signed last.
  const link = linkOfPacket(cut.run, cut.run.packets[indexOfCheckpoint(40)] ?? Buffer.of());
  const [behind] = await recordMinutes(place, 1, { minute: 9, after: { ...cut, run: { ...cut.run, link } } });
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:01:40 +1 min 40 s {2}intact/,
    /08:01:40 to 08:01:42 +2 s {2}unfinished/,
    /08:01:42 to 08:09:00 +7 min 18 s {2}not recorded: the power was lost, or the recorder was killed/,
    /08:09:00 to 08:10:00 +1 min {2}intact/,
  );
  await rm(behind.file);
  await assertTold(place, exitCode.unsound, /unfinished: without an end/);
});
