/** Who can watch makes other video under the same key: one of several owners, or somebody who was given a range. */
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { VideoEncrypter } from '../../runtime/encrocrypt/index.ts';
import {
  type ChainPacket,
  coverOf,
  makeRunKey,
  PacketReader,
  RunOpener,
  rootOf,
} from '../../runtime/encrocrypt/v3/index.ts';
import { firstMs, type Recording } from '../support/camera-recordings.ts';
import { syntheticRun } from '../support/synthetic-run.ts';
import { assertVersion2CannotTell, recordVersion2 } from '../support/version-2.ts';
import {
  assertTold,
  exitCode,
  indexOfCheckpoint,
  indexOfSecond,
  rewrite,
  scene,
  temporaryDirectory,
} from './scene.ts';

const forgedVideo = 'nobody was here';

/** The run over again with other video from second 30 on: all that the secret can make, signed with a key of the forger's. */
function forge({ run }: Recording): readonly Buffer[] {
  const { runId, secret, header } = run;
  const runKey = makeRunKey();
  return syntheticRun({
    ...{ runId, secret, runKey, seconds: 60, packetsPerSecond: 1 },
    video: (second) => (second < 30 ? Buffer.alloc(500, second) : Buffer.from(forgedVideo)),
    statement: { ...header.statement, runKey: runKey.publicKey },
  }).packets;
}

test('what is forged opens as genuine video does, for owners and for who was given a range, and is told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  const forged = forged30To35(recordings[1]);
  const { runId, secret, header } = recordings[1].run;
  const { segmentMs } = header.statement;
  const reader = new PacketReader();
  reader.push(forged[0] ?? Buffer.of());
  reader.end();
  const packet = reader.next() as ChainPacket;
  for (const nodes of [[rootOf(secret, runId)], coverOf(rootOf(secret, runId), 3, 3)]) {
    assert.equal(new RunOpener({ runId, segmentMs, nodes }).open(packet)?.toString(), forgedVideo);
  }
  const at = indexOfSecond(30);
  await rewrite(recordings[1], (packets) => packets.toSpliced(at, 5, ...forged.slice(0, 5)));
  await assertTold(place, exitCode.unsound, /08:01:30 to 08:01:35 +5 s {2}tampered/);
  // With the forger's checkpoint: it is none.
  await rewrite(recordings[1], (packets) => packets.toSpliced(at, 6, ...forged));
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:30 to 08:01:35 +5 s {2}tampered/,
    /bytes that belong to nothing/,
  );
});

function forged30To35(recording: Recording): readonly Buffer[] {
  return forge(recording).slice(indexOfSecond(30), indexOfCheckpoint(35) + 1);
}

test("a whole run under the owner's secret, with a key of the forger's that signs, is not the camera's", async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], () => forge(recordings[1]));
  await assertTold(
    place,
    exitCode.unsound,
    /08:01:00 to 08:02:00 +1 min {2}locked: recorded while locked; the camera has not/,
  );
});

test("the camera's header before a run of the forger's vouches for nothing", async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], ([header = Buffer.of()]) => [header, ...forge(recordings[1]).slice(1)]);
  await assertTold(
    place,
    exitCode.unsound,
    /unfinished/,
    /missing: the end of the recording before is not here/,
  );
});

test('of EncroCrypt2 it cannot be told', async (context) => {
  const file = path.join(await temporaryDirectory(context), 'recording.encrocam');
  const { keyPacket, key, packets } = await recordVersion2('front', 2);
  const forged = Buffer.from(new VideoEncrypter(key).encrypt(Buffer.from(forgedVideo), firstMs + 60_000));
  await assertVersion2CannotTell(
    file,
    [keyPacket, ...packets.slice(0, 1), forged, ...packets.slice(1)],
    `front 0 ${forgedVideo}front 1 `,
  );
});
