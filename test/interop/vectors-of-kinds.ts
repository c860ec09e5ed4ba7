/** Short runs, each with something that not every run has: MP4, keys of version 6, an owner without OpenPGP, an index, a late certificate. */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { packetType } from '../../runtime/encrocrypt/v3/index.ts';
import { loadSealingKeys } from '../../runtime/pgp/seal.ts';
import { videoKeyId } from '../../runtime/video-keys/keys.ts';
import { cameraKeys, ownerFile } from '../support/camera-recordings.ts';
import { fragmentedVideo } from '../support/fragmented-video.ts';
import {
  certificateOf,
  previousOf,
  type SignedRunOptions,
  type SyntheticRun,
  signedRun,
} from '../support/synthetic-run.ts';
import { type MadeVector, vectors } from './vector-files.ts';

const startMs = Date.UTC(2027, 0, 15, 8);
const seconds = 10;
const packetsPerSecond = 2;
const sealingKeys = await cameraKeys();

/** No video: readers of the format do not look into it. */
const pieceAt = (index: number): Buffer => Buffer.from(`piece ${index} `);
const piecesOf = (duration: number): Buffer =>
  Buffer.concat(Array.from({ length: duration * packetsPerSecond }, (_, index) => pieceAt(index)));

function record(options: SignedRunOptions = {}, keys = sealingKeys): Promise<SyntheticRun> {
  return signedRun(keys, {
    ...{ runId: randomBytes(16), secret: randomBytes(32), seconds, packetsPerSecond, video: pieceAt },
    ...options,
    statement: {
      ...{ recording: 'rec-20270115T080000Z-3600s.encrocam', startMs },
      clock: { state: 'synchronised', errorMs: 20 },
      ...options.statement,
    },
  });
}

const signed = (toMs: number) => ({ state: 'signed', ended: true, stretches: [`intact 0-${toMs}`] }) as const;

async function mp4(): Promise<MadeVector> {
  const { initialisation, fragments } = await fragmentedVideo('64x36', 5);
  const run = await record({
    ...{ seconds: 5, packetsPerSecond: 8, video: (index: number) => fragments[index] ?? Buffer.alloc(0) },
    statement: { container: 'video/mp4', initialisation },
  });
  return {
    file: 'mp4.encrocam',
    what: 'MP4: the initialisation in the header, a fragment in each packet',
    ...{
      packets: run.packets,
      runs: [signed(5000)],
      plaintext: Buffer.concat([initialisation, ...fragments.slice(0, 40)]),
    },
  };
}

async function version6(): Promise<MadeVector> {
  const keys = await loadSealingKeys(
    [ownerFile, path.join(vectors, 'owner-6.public.asc')],
    path.join(vectors, 'camera-6.secret.asc'),
  );
  const run = await record({}, keys);
  return {
    file: 'version-6.encrocam',
    what: 'fingerprints of 32 bytes: a camera with an OpenPGP key of version 6, an owner with one, and one with a key of version 4',
    ...{ packets: run.packets, runs: [signed(10_000)], plaintext: piecesOf(seconds) },
    more: { camera: 'camera-6.public.asc' },
  };
}

async function wrapped(): Promise<MadeVector> {
  const [key, another] = [randomBytes(32), randomBytes(32)];
  const owners = [another, key].map((each) => ({ id: videoKeyId(each), key: each }));
  const run = await record({ symmetricOwners: owners });
  return {
    file: 'wrapped.encrocam',
    what: "the run's secret wrapped for two owners with symmetric keys, and for nobody with OpenPGP",
    ...{ packets: run.packets, runs: [signed(10_000)], plaintext: piecesOf(seconds) },
    more: { symmetricKey: { id: videoKeyId(key).toString('hex'), key: key.toString('hex') } },
  };
}

async function indexed(): Promise<MadeVector> {
  const run = await record({ seconds: 15, headerAgainAt: [10, 20], hasIndex: true });
  const offsets = run.packets.map((_, at) => Buffer.concat(run.packets.slice(0, at)).length);
  const headers = offsets.filter((_, at) => run.packets[at]?.[3] === packetType.header);
  return {
    file: 'index.encrocam',
    what: 'three headers, a note that says where they stand behind the third one, and another one before the final',
    ...{ packets: run.packets, runs: [signed(15_000)], plaintext: piecesOf(15) },
    more: { index: headers.map((offset, at) => ({ timeMs: startMs + 5000 * at, offset })) },
  };
}

async function certifiedLater(): Promise<MadeVector> {
  const locked = await record({ isLocked: true });
  const next = await record({ statement: { startMs: startMs + 10_000, previous: previousOf(locked) } });
  const behind = next.packets.findIndex((packet) => packet[3] === packetType.checkpoint) + 1;
  return {
    file: 'certified-later.encrocam',
    what: "recorded while locked; its certificate stands in the run that the camera began when it was unlocked, behind that one's first checkpoint",
    packets: [
      ...locked.packets,
      ...next.packets.slice(0, behind),
      await certificateOf(locked, sealingKeys),
      ...next.packets.slice(behind),
    ],
    runs: [
      { state: 'certified', certifiedToMs: 10_000, ended: true, stretches: ['intact 0-10000'] },
      signed(10_000),
    ],
    plaintext: Buffer.concat([piecesOf(seconds), piecesOf(seconds)]),
  };
}

/** What a packet that nothing proves needs behind it. */
async function unfollowed(): Promise<MadeVector[]> {
  const { packets } = await record();
  const checkpoints = packets.flatMap((packet, at) => (packet[3] === packetType.checkpoint ? [at] : []));
  const [first = 0, second = 0] = checkpoints;
  const noise = Buffer.from('noise');
  return [
    {
      file: 'noise-behind-a-packet.encrocam',
      what: 'five bytes between the last packet of the second checkpoint and that checkpoint: only the key of its segment proves that packet',
      packets: [...packets.slice(0, second), noise, ...packets.slice(second)],
      runs: [{ state: 'signed', ended: true, stretches: ['intact 0-5000', 'tampered 5000-10000'] }],
      plaintext: piecesOf(seconds),
    },
    {
      file: 'cut-in-a-marker.encrocam',
      what: 'cut behind two bytes of the third marker behind the first checkpoint: the packet before counts, its end is followed by what may be one',
      packets: [...packets.slice(0, first + 3), packets[first + 3]?.subarray(0, 2) ?? Buffer.of()],
      runs: [{ state: 'signed', ended: false, stretches: ['intact 0-5000', 'unfinished 5000-5500'] }],
      plaintext: piecesOf(6),
    },
  ];
}

export const files: readonly MadeVector[] = [
  await mp4(),
  await version6(),
  await wrapped(),
  await indexed(),
  await certifiedLater(),
  ...(await unfollowed()),
];
