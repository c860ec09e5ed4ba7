/** A camera for the unit tests of EncroCrypt3: its clock, its disk, its ffmpegs, and what is in its runs. */
import assert from 'node:assert/strict';
import type { Camera } from '../config/load.ts';
import { type Beginning, CameraRecorder } from './camera.ts';
import type { CameraDevice } from './camera-watch.ts';
import { EncroCrypt3Format, type EncroCrypt3Options, type RunThatEnded } from './encrocrypt3-format.ts';
import { MemoryLastRuns, type RunTold, runsIn } from './fake-runs.ts';
import { type FakeStream, transportStream } from './fake-streams.ts';
import { FakeClock, FakeDisk, FakeSource, fakeSealRun, LogBook } from './fakes.ts';
import type { SealRun } from './sealed-run.ts';

export const slotMs = 60_000;
/** 08:00:00 UTC. */
export const startMs = Date.UTC(2027, 0, 15, 8);
export const first = '/r/front/rec-20270115T080000Z-60s.encrocam';
export const second = '/r/front/rec-20270115T080100Z-60s.encrocam';

export const camera: Camera = {
  name: 'front',
  input: { format: 'v4l2', device: '/dev/video0' },
  encoder: { name: 'auto', preset: 'veryfast', keyFrameIntervalSeconds: 2 },
  burnInTime: true,
  encryptIntervalMs: 125,
  stallTimeoutSeconds: 10,
  localDirectory: '/r/front',
  driveDirectory: 'front',
};

export interface Given {
  /** What its ffmpegs deliver. Default: MPEG-TS. */
  readonly stream?: FakeStream;
  readonly sealRun?: SealRun;
  /** For `sealingBy`. */
  readonly sealing?: Parameters<typeof sealingBy>;
  readonly beginning?: Beginning;
  readonly disk?: FakeDisk;
  readonly clock?: FakeClock;
  readonly lastRuns?: MemoryLastRuns;
  readonly settings?: Partial<Camera>;
  readonly device?: CameraDevice;
  readonly live?: EncroCrypt3Options['live'];
  /** Default: {@link slotMs}. */
  readonly slotLengthMs?: number;
  /** As headers name it. */
  readonly newestBlock?: string;
}

/** A camera that records MPEG-TS into runs of EncroCrypt3. */
export function setUp({
  stream = transportStream,
  sealing,
  sealRun = sealing ? sealingBy(...sealing) : fakeSealRun,
  beginning,
  disk = new FakeDisk(),
  clock = new FakeClock(startMs),
  lastRuns = new MemoryLastRuns(),
  settings = {},
  live,
  slotLengthMs = slotMs,
  device = { identity: async () => undefined, isThere: async () => true, isReady: async () => true },
  newestBlock,
}: Given = {}) {
  const logger = new LogBook();
  const ended: RunThatEnded[] = [];
  const sources: FakeSource[] = [];
  /** Whether each was to record sound. */
  const sounds: boolean[] = [];
  const space = { blocked: false, met: async () => undefined, wrote: () => undefined };
  const recorder = new CameraRecorder({
    ...{
      camera: { ...camera, ...settings },
      device,
      slotMs: slotLengthMs,
      space,
      clock,
      logger,
      fileSystem: disk,
      encoder: 'libx264',
    },
    format: new EncroCrypt3Format({
      ...{ container: stream.container, lastRuns, clock, logger },
      ...(live ? { live } : {}),
      authority: {
        isLocked: false,
        sealRun,
        prepare: async () => ({ camera: '', ownerKeyBytes: [] }),
        certify: async () => undefined,
      },
      onRunEnded: (run) => ended.push(run),
      clockState: async () => 'synchronised',
      newestBlock: async () => newestBlock,
    }),
    start: (_beginsAtMs, withSound) => {
      const source = new FakeSource(stream.opening);
      sounds.push(withSound);
      sources.push(source);
      return source;
    },
  });
  const done = recorder.run(beginning);
  const latest = (): FakeSource => {
    const source = sources.at(-1);
    assert.ok(source, 'ffmpeg was started');
    return source;
  };
  let count = 0;
  /** One letter a second, the first and every other one a key frame. */
  const film = async (letters: string): Promise<void> => {
    for (const letter of letters) {
      latest().deliver(count++ % 2 === 0 ? stream.keyFrame(letter) : stream.pictures(letter));
      await clock.pass(1000);
    }
  };
  const stop = async (): Promise<void> => {
    recorder.stop();
    await done;
    assert.equal(disk.openFiles, 0);
  };
  const runs = (file?: string): RunTold[] =>
    [...disk.files.keys()]
      .filter((name) => file === undefined || name === file)
      .sort()
      .flatMap((name) => runsIn(name, disk.files.get(name)));
  return {
    ended,
    clock,
    disk,
    logger,
    sources,
    sounds,
    space,
    recorder,
    done,
    latest,
    lastRuns,
    film,
    stop,
    runs,
  };
}

/** Sealing that waits to be let go on, or fails, each time as it is told. */
export function sealingBy(...turns: (Promise<void> | Error | undefined)[]): SealRun & { times: number } {
  const seal = async (plan: Parameters<SealRun>[0]) => {
    const turn = turns[seal.times++];
    if (turn instanceof Error) throw turn;
    await turn;
    return fakeSealRun(plan);
  };
  seal.times = 0;
  return seal;
}

export const videoOf = (runs: readonly RunTold[]): string => runs.map(({ video }) => video).join('');
export const endsOf = (runs: readonly RunTold[]): unknown[] => runs.map(({ ended }) => ended);
export const notesOf = (runs: readonly RunTold[], what: string) =>
  runs.flatMap(({ notes }) => notes).filter((note) => note.what === what);
