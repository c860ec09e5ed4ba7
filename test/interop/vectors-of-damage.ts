/** Runs of 30 s with the video of `encrocrypt2`: whole, damaged, forked, recorded while locked. And what opens a part of one. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { commitmentOf, coverOf, packetType, rootOf } from '../../runtime/encrocrypt/v3/index.ts';
import { cameraKeys } from '../support/camera-recordings.ts';
import {
  certificateOf,
  linkOfPacket,
  previousOf,
  type SignedRunOptions,
  type SyntheticRun,
  segmentMs,
  signedRun,
} from '../support/synthetic-run.ts';
import { digestOf, type MadeVector, secondVectors } from './vector-files.ts';

const startMs = Date.UTC(2027, 0, 15, 8);
const packetMs = 125;
const sealingKeys = await cameraKeys();
const video = (await readFile(path.join(secondVectors, 'whole.ts'))).subarray(0, 24_000);
const videoPackets = 240;
const pieceBytes = video.length / videoPackets;
const pieceAt = (index: number): Buffer => video.subarray(index * pieceBytes, (index + 1) * pieceBytes);

/** 30 s of video in 240 packets, a checkpoint every 5 s, the header again in the middle. */
function record(
  options: SignedRunOptions & { after?: SyntheticRun; laterMs?: number } = {},
): Promise<SyntheticRun> {
  const { after, laterMs = 0, ...more } = options;
  return signedRun(sealingKeys, {
    ...{ runId: randomBytes(16), secret: randomBytes(32) },
    ...{ seconds: 30, packetsPerSecond: 1000 / packetMs, headerAgainAt: 120, video: pieceAt },
    ...more,
    statement: {
      ...{ recording: 'rec-20270115T080000Z-3600s.encrocam', startMs: startMs + laterMs },
      clock: { state: 'synchronised', errorMs: 20 },
      ...(after ? { previous: previousOf(after) } : {}),
    },
    before(index, run, timeMs) {
      if (index === 100)
        return [run.note({ what: 'gap', milliseconds: 1500, cause: 'the camera was unplugged' }, timeMs)];
      return index === 101 ? [run.event({ what: 'motion', zone: 'door', score: 0.4 }, timeMs)] : [];
    },
  });
}

/** Where the n-th data packet lies among the packets. */
function indexOfData(run: SyntheticRun, wanted: number): number {
  let seen = -1;
  return run.packets.findIndex((packet) => (packet[3] ?? 0) >= 0x80 && ++seen === wanted);
}

const whole = await record();
const next = await record({ after: whole, laterMs: 60_000 });
const locked = await record({ isLocked: true });
const certified = await certificateOf(locked, sealingKeys);
const [, , third = Buffer.of()] = locked.packets.filter((packet) => packet[3] === packetType.checkpoint);
const certifiedInPart = await certificateOf(locked, sealingKeys, { link: linkOfPacket(locked, third) });
/** What somebody who has the run's key and its secret makes of it. */
const forgedPiece = (index: number): Buffer => Buffer.from(`forged ${index}`);
const { runId, secret, runKey } = whole;
const forged = await record({ runId, secret, runKey, video: forgedPiece });
const hit = indexOfData(whole, 90);
const changed = Buffer.from(whole.packets[hit] ?? Buffer.alloc(0));
changed[30] = (changed[30] ?? 0) ^ 1;

/** Plaintext of the data packets that come out, by their numbers. */
const textOf = (isThere: (index: number) => boolean): Buffer =>
  Buffer.concat(
    Array.from({ length: videoPackets }, (_, index) => index)
      .filter(isThere)
      .map(pieceAt),
  );
const all = textOf(() => true);
/** Behind the header that stands again, from where two checkpoints of one number could stand. */
const fork = indexOfData(whole, 120);
const intact = ['intact 0-30000'];
const tenToFifteen = (verdict: string): string[] => [
  'intact 0-10000',
  `${verdict} 10000-15000`,
  'intact 15000-30000',
];

export const files: readonly MadeVector[] = [
  {
    file: 'whole.encrocam',
    what: 'one run, intact; its header stands twice; a note and an encrypted event in it',
    packets: whole.packets,
    runs: [{ state: 'signed', ended: true, stretches: intact }],
    plaintext: all,
  },
  {
    file: 'two-runs.encrocam',
    what: 'two runs, half a minute between them; the second names the end of the first',
    packets: [...whole.packets, ...next.packets],
    runs: [
      { state: 'signed', ended: true, stretches: intact },
      { state: 'signed', ended: true, stretches: intact },
    ],
    plaintext: Buffer.concat([all, all]),
  },
  {
    file: 'changed.encrocam',
    what: 'one byte of the ciphertext of data packet 90 changed',
    packets: whole.packets.map((packet, index) => (index === hit ? changed : packet)),
    runs: [{ state: 'signed', ended: true, stretches: tenToFifteen('tampered') }],
    plaintext: textOf((index) => index !== 90),
  },
  {
    file: 'left-out.encrocam',
    what: 'data packets 80 to 119, and what is between them, left out together with their checkpoint',
    packets: whole.packets.filter(
      (_, index) => index < indexOfData(whole, 80) || index > indexOfData(whole, 119) + 1,
    ),
    runs: [{ state: 'signed', ended: true, stretches: tenToFifteen('missing') }],
    plaintext: textOf((index) => index < 80 || index > 119),
  },
  {
    file: 'cut.encrocam',
    what: 'cut in data packet 210',
    packets: [
      ...whole.packets.slice(0, indexOfData(whole, 210)),
      whole.packets[indexOfData(whole, 210)]?.subarray(0, 50) ?? Buffer.alloc(0),
    ],
    runs: [{ state: 'signed', ended: false, stretches: ['intact 0-25000', 'unfinished 25000-26125'] }],
    plaintext: textOf((index) => index < 210),
  },
  {
    file: 'forked.encrocam',
    what: 'from data packet 120 on another past, signed with the same key by somebody who has it',
    packets: [...whole.packets.slice(0, fork), ...forged.packets.slice(fork)],
    runs: [{ state: 'signed', ended: true, stretches: ['intact 0-15000', 'tampered 15000-30000'] }],
    plaintext: Buffer.concat([
      textOf((index) => index < 120),
      ...Array.from({ length: 120 }, (_, index) => forgedPiece(index + 120)),
    ]),
  },
  {
    file: 'locked.encrocam',
    what: 'recorded while locked: the camera has not signed it',
    packets: locked.packets,
    runs: [{ state: 'locked', ended: true, stretches: intact }],
    plaintext: all,
  },
  {
    file: 'certified.encrocam',
    what: 'recorded while locked, and certified afterwards',
    packets: [...locked.packets, certified],
    runs: [{ state: 'certified', certifiedToMs: 30_000, ended: true, stretches: intact }],
    plaintext: all,
  },
  {
    file: 'certified-in-part.encrocam',
    what: 'recorded while locked, and certified up to the third checkpoint: nobody vouches for what is behind it',
    packets: [...locked.packets, certifiedInPart],
    runs: [{ state: 'certified', certifiedToMs: 15_000, ended: true, stretches: intact }],
    plaintext: all,
  },
];

/** Segments 1 and 2 of `whole.encrocam`: what somebody who was given them can open, and no more. */
const nodes = coverOf(rootOf(whole.secret, whole.runId), 1, 2);
// The key frames stand every 2 s, so each segment of 10 s begins with its first packet.
const inRange = textOf((index) => index * packetMs >= segmentMs);
export const keyTree: object = {
  runId: whole.runId.toString('hex'),
  secret: whole.secret.toString('hex'),
  commitment: commitmentOf(whole.secret, whole.runId).toString('hex'),
  range: {
    file: 'whole.encrocam',
    segments: [1, 2],
    nodes: nodes.map(({ depth, index, key }) => ({ depth, index, key: key.toString('hex') })),
    ...digestOf(inRange),
  },
};
