/** Noise is written over some bytes, so that whoever checks gives up, or takes what he did for a bad disk. */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import test from 'node:test';
import { marker } from '../../runtime/encrocrypt/v3/index.ts';
import { assertTold, exitCode, indexOfSecond, scene } from './scene.ts';

test('noise costs the seconds that it hits, and nothing else', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const { file, run } = recordings[1];
  const start = Buffer.concat(run.packets.slice(0, indexOfSecond(31))).length;
  const noises = [
    randomBytes(700),
    Buffer.alloc(700),
    Buffer.concat(Array.from({ length: 233 }, () => marker)),
  ];
  for (const noise of noises) {
    const bytes = Buffer.from(run.bytes);
    bytes.set(noise, start);
    await writeFile(file, bytes);
    await assertTold(
      place,
      exitCode.unsound,
      /08:00:00 to 08:01:30 +1 min 30 s {2}intact/,
      /08:01:30 to 08:01:35 +5 s {2}tampered/,
      /08:01:35 to 08:03:00 +1 min 25 s {2}intact/,
    );
  }
});

test('a recording whose header is destroyed is missing, not forgotten', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const { file, run } = recordings[1];
  await writeFile(file, Buffer.from(run.bytes).fill(0, 0, 600));
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:00 to 08:02:00 +1 min {2}missing/,
    new RegExp(`${recordings[1].fileName}: no recording`),
  );
});
