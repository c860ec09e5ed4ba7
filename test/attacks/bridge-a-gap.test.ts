/** Somebody without any key writes a run without video, which nobody signed, so that what is gone looks like time that was never recorded. */
import { appendFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';
import { encodeFinal } from '../../runtime/encrocrypt/v3/chain.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { firstMs, minuteMs, type Recording } from '../support/camera-recordings.ts';
import { previousOf, syntheticRun } from '../support/synthetic-run.ts';
import { assertTold, exitCode, scene } from './scene.ts';

/** A header that names the camera and the end of `after`, and a final of nothing. */
function emptyRun(after: Recording, startMs: number): Buffer {
  const { camera } = after.run.header.statement;
  const { header, runId, runKey, packets } = syntheticRun({
    ...{ fill: 77, seconds: 1, packetsPerSecond: 1 },
    statement: { camera, startMs, recording: after.fileName, previous: previousOf(after.run) },
  });
  const end = { number: 0, count: 0, timeMs: 0, reason: 'stop', previous: header.hash } as const;
  return Buffer.concat([...packets.slice(0, 1), encodeFinal(end, runId, runKey.privateKey)]);
}

test('behind the newest recording it does not say that the camera stood still', async (context) => {
  const { place, recordings } = await scene(context, 2);
  const startMs = firstMs + 240 * minuteMs;
  const { fileName } = recordingAt(startMs, minuteMs);
  await writeFile(path.join(place, fileName), emptyRun(recordings[1], startMs));
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:02:00 +2 min {2}intact\n/,
    /12:00:00 to 12:00:00 +0 s {2}locked: .* the camera has not certified it/,
    /^(?![\s\S]*not recorded)/,
  );
});

test('in the place of two minutes that were taken away, it does not bridge them', async (context) => {
  const { place, recordings } = await scene(context, 4);
  await rm(recordings[1].file);
  await rm(recordings[2].file);
  await appendFile(recordings[0].file, emptyRun(recordings[0], firstMs + 3 * minuteMs - 1));
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:00 to 08:03:00 +2 min {2}missing: the recording before this one is not here/,
    /missing 2 min/,
  );
});
