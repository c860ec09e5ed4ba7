/**
 * Attack 2 of the original's list: the memory of the camera is read, and with what was in it the minutes in which the
 * attacker came are recorded anew, dated back.
 */
import { rm } from 'node:fs/promises';
import test from 'node:test';
import {
  encodeCheckpoint,
  encodeFinal,
  encodePacket,
  envelopeBytes,
  leafHash,
  linkOf,
  MerkleRoot,
  packetType,
} from '../../runtime/encrocrypt/v3/index.ts';
import { recordMinutes } from '../support/camera-recordings.ts';
import { type SyntheticRun, syntheticRun } from '../support/synthetic-run.ts';
import { assertTold, exitCode, indexOfCheckpoint, indexOfSecond, rewrite, scene } from './scene.ts';

const otherVideo = (): Buffer => Buffer.from('nobody was here');

test("with the camera's OpenPGP key: the recording that was replaced is told by the one behind it", async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await recordMinutes(place, 1, {
    ...{ minute: 1, after: recordings[0] },
    run: () => ({ fill: 99, video: otherVideo }),
  });
  await assertTold(place, exitCode.unsound, /missing: the recording before this one is not here/);
});

test('beside the true one, which the drive has already, it is told as another past', async (context) => {
  const { place, recordings } = await scene(context, 2);
  await recordMinutes(place, 1, {
    ...{ minute: 2, after: recordings[0] },
    run: () => ({ fill: 99, video: otherVideo }),
  });
  await assertTold(place, exitCode.unsound, /is not the only one that follows/);
});

test("with the running run's key: what was signed before cannot be signed again without a sign of it", async (context) => {
  const { place, recordings } = await scene(context, 2);
  const { runId, secret, runKey, header } = recordings[1].run;
  const { packets } = syntheticRun({
    ...{ runId, secret, runKey, seconds: 60, packetsPerSecond: 1, video: otherVideo },
    statement: header.statement,
  });
  // From 08:01:30 on, in a recording of which the drive has all.
  const at = indexOfSecond(30);
  await rewrite(recordings[1], (genuine) => [...genuine.slice(0, at), ...packets.slice(at)]);
  await assertTold(place, exitCode.unsound, /08:01:30 to 08:02:00 +30 s {2}tampered/);
});

test("with the running run's key: forged on from its last checkpoint, the next recording names another end", async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rewrite(recordings[1], (packets) => forgedFrom(recordings[1].run, packets, 30, 'linked'));
  await assertTold(
    place,
    exitCode.unsound,
    /08:00:00 to 08:02:00 +2 min {2}intact/,
    /missing: the end of the recording before is not here/,
  );
});

test('nor is it told where nothing genuine stands behind it', async (context) => {
  const { place, recordings } = await scene(context, 2);
  await rewrite(recordings[1], (packets) => forgedFrom(recordings[1].run, packets, 30, 'linked'));
  // The limit that docs/design/security.md names, as below.
  await assertTold(place, exitCode.sound, /08:00:00 to 08:02:00 +2 min {2}intact/);
});

test("with the running run's key: a number that is left out, and no time with it, is no damage", async (context) => {
  const { place, recordings } = await scene(context, 2);
  await rewrite(recordings[1], (packets) => forgedFrom(recordings[1].run, packets, 30, 'unlinked'));
  await assertTold(place, exitCode.unsound, /08:01:30 to 08:02:00 +30 s {2}tampered/);
});

/** What whoever has the run's key puts in the place of all seconds from a checkpoint on. */
function forgedFrom(
  { runId, runKey }: SyntheticRun,
  packets: readonly Buffer[],
  second: number,
  kind: 'linked' | 'unlinked',
): Buffer[] {
  const kept = packets.slice(0, indexOfCheckpoint(second) + 1);
  const link = linkOf(runId, (kept.at(-1) ?? Buffer.of()).subarray(envelopeBytes));
  const position = Buffer.alloc(6);
  position.writeUIntBE(second, 0, 3);
  position.writeUIntBE(second * 1000, 3, 3);
  const forged = encodePacket(packetType.data, position, Buffer.alloc(100, 7));
  const tree = new MerkleRoot();
  tree.add(leafHash(forged));
  const number = second / 5 + (kind === 'linked' ? 0 : 1);
  const previous = kind === 'linked' ? link : Buffer.alloc(32, 9);
  const times = { first: second, count: 1, fromMs: second * 1000, toMs: 60_000 };
  const { privateKey } = runKey;
  const checkpoint = encodeCheckpoint({ number, previous, root: tree.root(), ...times }, runId, privateKey);
  const end = { number: number + 1, count: second + 1, timeMs: 60_000, reason: 'time' } as const;
  const last = linkOf(runId, checkpoint.subarray(envelopeBytes));
  return [...kept, forged, checkpoint, encodeFinal({ ...end, previous: last }, runId, privateKey)];
}

test('everything from a moment on, with nothing genuine left behind it, is not told', async (context) => {
  const { place, recordings } = await scene(context, 3);
  await rm(recordings[1].file);
  await rm(recordings[2].file);
  await recordMinutes(place, 2, {
    ...{ minute: 1, after: recordings[0] },
    run: (minute) => ({ fill: 90 + minute, video: otherVideo }),
  });
  // The limit that docs/design/security.md names. A drive that only takes what is appended, or the owner's copy, has the other past.
  await assertTold(place, exitCode.sound, /08:00:00 to 08:03:00 +3 min {2}intact/);
});
