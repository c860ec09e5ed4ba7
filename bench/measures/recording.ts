/**
 * Writing EncroCrypt3: how fast, what it takes of a core at the rate of a camera, and how many bytes it adds. By processor
 * time, so that other work on the machine does not count.
 */
import { randomBytes } from 'node:crypto';
import { FileVerifier, HeaderIndex, type RunWriter } from '../../runtime/encrocrypt/v3/index.ts';
import { diskFileSystem, type FileSystem } from '../../runtime/recorder/file-system.ts';
import { headerIntervalMs, RunRecording } from '../../runtime/recorder/run-recording.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { makeKeys } from '../keys.ts';
import { opensslMegabytesPerSecond } from '../openssl.ts';
import type { Figure } from '../report.ts';
import { BenchClock, type SealingFiles, sealBenchRun } from '../run.ts';

const packetBytes = 64 * 1024;
const rounds = 7;
const packetsEach = 8192;
const packetsPerSecond = 8;
const packetMs = 1000 / packetsPerSecond;
const packetsPerCheckpoint = 5 * packetsPerSecond;
const startMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const hourBytes = 285e6;
const cameraBytesPerSecond = 5e6 / 8;
const cameraSeconds = 300;

export async function measureRecording(directory: string): Promise<Figure[]> {
  const keys = await makeKeys(directory);
  const [aes, sha, writing, recording]: [number[], number[], number[], number[]] = [[], [], [], []];
  // In turn, so that a slow moment of the machine hits all of them.
  for (let round = 0; round < rounds; round++) {
    aes.push(await opensslMegabytesPerSecond('aes-128-gcm', packetBytes, 'processor'));
    sha.push(await opensslMegabytesPerSecond('sha256', packetBytes, 'processor'));
    writing.push(megabytesPerSecond(await writeFor(keys, packetsEach, packetBytes)));
    recording.push(megabytesPerSecond(await recordFor(keys, directory, nowhere(), packetsEach, packetBytes)));
  }
  // The best of each: what else the machine does can only make a round slower.
  const [rawAes, rawSha] = [Math.max(...aes), Math.max(...sha)];
  const [write, record] = [Math.max(...writing), Math.max(...recording)];
  const packets = cameraSeconds * packetsPerSecond;
  const atRate = cameraBytesPerSecond / packetsPerSecond;
  const codec = await writeFor(keys, packets, atRate);
  const whole = await recordFor(keys, directory, diskFileSystem, packets, atRate);
  return [
    { name: 'openssl aes-128-gcm, 64 KiB, one core', value: rawAes, unit: 'MB/s' },
    { name: 'openssl sha256, 64 KiB, one core', value: rawSha, unit: 'MB/s' },
    { name: 'one after the other, share of aes-128-gcm', value: rawSha / (rawAes + rawSha), unit: '' },
    { name: 'encrypt, hash, checkpoint: 64 KiB packets, one core', value: write, unit: 'MB/s' },
    {
      name: 'encrypt, hash, checkpoint: share of aes-128-gcm',
      value: write / rawAes,
      unit: '',
      target: { atLeast: 0.3 },
    },
    {
      name: 'the same, share of aes and sha256 one after the other',
      value: (write * (rawAes + rawSha)) / (rawAes * rawSha),
      unit: '',
    },
    { name: 'as the recorder writes it, without a disk: share', value: record / rawAes, unit: '' },
    {
      name: 'encrypt, hash, checkpoint: processor at 5 Mbit/s',
      value: (codec.processorSeconds / cameraSeconds) * 100,
      unit: '% of a core',
    },
    {
      name: 'as the recorder writes it to a disk: processor at 5 Mbit/s',
      value: (whole.processorSeconds / cameraSeconds) * 100,
      unit: '% of a core',
    },
    {
      name: 'added to the last hour, of 285 MB, of a day: 8 packets a second',
      value: await overheadPercent(keys, directory),
      unit: '%',
      target: { atMost: 0.3 },
    },
  ];
}

interface Work {
  readonly bytes: number;
  readonly processorSeconds: number;
}

function megabytesPerSecond({ bytes, processorSeconds }: Work): number {
  return bytes / 1e6 / processorSeconds;
}

/** Through the codec alone. */
async function writeFor(keys: SealingFiles, packets: number, bytesEach: number): Promise<Work> {
  const { writer }: { writer: RunWriter } = await sealBenchRun(keys, startMs, 'bench');
  const video = randomBytes(bytesEach);
  const before = process.cpuUsage();
  for (let index = 0; index < packets; index++) {
    const timeMs = index * packetMs;
    writer.data(video, timeMs, true);
    if ((index + 1) % packetsPerCheckpoint === 0) writer.checkpoint(timeMs);
  }
  return { bytes: packets * bytesEach, processorSeconds: secondsSince(before) };
}

/** As the recorder does it, with its own classes; time passes as fast as they can. */
async function recordFor(
  keys: SealingFiles,
  directory: string,
  fileSystem: FileSystem,
  packets: number,
  bytesEach: number,
  index = new HeaderIndex(),
): Promise<Work> {
  const clock = new BenchClock(startMs);
  const name = recordingAt(startMs, 24 * hourMs);
  const recording = await RunRecording.open({
    ...{ directory, name, clock, fileSystem, run: await sealBenchRun(keys, startMs, name.fileName) },
    index,
    ...{ onWritten: ignore, onFlushed: ignore, onFlushFailed: rethrow, onCheckpointFailed: rethrow },
  });
  const video = randomBytes(bytesEach);
  const before = process.cpuUsage();
  for (let index = 0; index < packets; index++) {
    const [timeMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    await recording.append({ video, isKeyFrame: true, timeMs, monotonicMs });
    clock.passTo((index + 1) * packetMs);
  }
  await recording.close('time');
  return { bytes: packets * bytesEach, processorSeconds: secondsSince(before) };
}

/** Of the last hour of a day as the recorder writes it, headers, checkpoints, indexes and final included; that it verifies is checked. */
async function overheadPercent(keys: SealingFiles, directory: string): Promise<number> {
  let written = 0;
  let intactMs = 0;
  const verifier = new FileVerifier({
    onRun: ignore,
    onStretch: (_, { verdict, fromMs, toMs }) => {
      if (verdict !== 'intact') throw new Error(`the hour is ${verdict} from ${fromMs} ms on`);
      intactMs += toMs - fromMs;
    },
    onRunEnd: ignore,
    onSkip: ({ offset }) => {
      throw new Error(`bytes of no packet at ${offset}`);
    },
  });
  const packets = (hourMs / 1000) * packetsPerSecond;
  const bytesEach = Math.round(hourBytes / packets);
  const hour = nowhere((bytes) => {
    written += bytes.length;
    verifier.push(Buffer.from(bytes));
  });
  const { bytes: video } = await recordFor(keys, directory, hour, packets, bytesEach, indexOfHours(23));
  verifier.end();
  if (intactMs < hourMs - packetMs) throw new Error(`${intactMs} ms of the hour are intact`);
  return ((written - video) / video) * 100;
}

/** As of hours before: a header each ten minutes, and those that runs begin with. */
function indexOfHours(hours: number): HeaderIndex {
  const index = new HeaderIndex();
  const places = (hours * hourMs) / headerIntervalMs + 6;
  for (let place = 0; place < places; place++) {
    const agoMs = ((places - place) / places) * hours * hourMs;
    index.add({ wallMs: startMs - agoMs, offset: Math.floor((place / places) * hours * hourBytes) });
  }
  return index;
}

/** A disk that takes everything and keeps nothing. */
function nowhere(onWrite: (bytes: Buffer) => void = ignore): FileSystem {
  return {
    list: async () => [],
    openAppend: async () => ({
      sizeBytes: 23 * hourBytes,
      write: async (bytes) => {
        onWrite(bytes);
        return bytes.length;
      },
      flush: async () => undefined,
      close: async () => undefined,
    }),
  };
}

function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function ignore(): void {}

function rethrow(error: unknown): void {
  throw error;
}
