/**
 * Watching EncroCrypt3: how fast it is decrypted by the command; and how long a seek in a day takes to the first video
 * from a file on this computer, and in how many reads, each of which is a transfer on a drive. In the seeks, opening a run's
 * secret is left out: it takes OpenPGP, and is the same anywhere.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundle } from '../../ci/bundle.ts';
import { recordingAt } from '../../runtime/recordings/names.ts';
import { openFileSource, type Source } from '../../runtime/viewer/source.ts';
import { watch } from '../../runtime/viewer/watch.ts';
import { VirtualRecording, type VirtualRecordingOptions } from '../../test/support/virtual-recording.ts';
import { makeKeys } from '../keys.ts';
import { opensslMegabytesPerSecond } from '../openssl.ts';
import { type Figure, quantile } from '../report.ts';
import { makeRunRecording } from '../run.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const packetBytes = 64 * 1024;
const rounds = 5;
const totalBytes = 2e9;
const startMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const minuteMs = 60_000;
const seeks = 25;

export async function measureWatching(directory: string): Promise<Figure[]> {
  return [...(await decrypting(directory)), ...(await seeking(directory))];
}

async function decrypting(directory: string): Promise<Figure[]> {
  // As it is published.
  await bundle();
  const keys = await makeKeys(directory);
  const file = path.join(directory, 'hour3.encrocam');
  await makeRunRecording({
    ...{ ...keys, file, video: randomBytes(packetBytes), totalBytes, startMs, durationMs: hourMs },
  });
  const { size } = await stat(file);
  const decrypt = async (): Promise<number> => {
    const beganMs = performance.now();
    await run(path.join(root, 'build/bundle/encrocam'), [
      ...['decrypt', file, '/dev/null', '--force', '--signed-by', keys.cameraPublicFile],
      ...['--key', keys.ownerSecretFile],
    ]);
    return size / 1e3 / (performance.now() - beganMs);
  };
  const [raw, whole]: [number[], number[]] = [[], []];
  // In turn, so that a slow moment of the machine hits both.
  for (let round = 0; round < rounds; round++) {
    raw.push(await opensslMegabytesPerSecond('aes-128-gcm', packetBytes));
    whole.push(await decrypt());
  }
  await rm(file);
  // The best of each: what else the machine does can only make a round slower.
  const [openssl, all] = [Math.max(...raw), Math.max(...whole)];
  const target = { atLeast: 0.3 };
  return [
    { name: 'openssl aes-128-gcm, 64 KiB', value: openssl, unit: 'MB/s' },
    { name: 'version 3, decrypting 2 GB to /dev/null, whole process', value: all, unit: 'MB/s' },
    { name: 'version 3, decrypting, share of openssl', value: all / openssl, unit: '', target },
  ];
}

const daysOf: Readonly<Record<string, Pick<VirtualRecordingOptions, 'packetMs' | 'sizeOf'>>> = {
  'a steady day of 1 GiB': { packetMs: 2000, sizeOf: (packet) => sizes(packet, 24_856) },
  'a day of 1 GiB that swings by half': {
    packetMs: 2000,
    sizeOf: (packet) => sizes(packet, 24_856) * (1 + 0.5 * Math.sin((2 * Math.PI * packet * 2000) / dayMs)),
  },
};

function sizes(packet: number, mean: number): number {
  return mean * (0.6 + (0.8 * (((packet * 2654435761) >>> 0) % 997)) / 997);
}

async function seeking(directory: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, { packetMs, sizeOf }] of Object.entries(daysOf)) {
    const day = new VirtualRecording({
      ...{ startMs, durationMs: dayMs, packetMs, sizeOf: (packet: number) => Math.ceil(sizeOf(packet)) },
    });
    const recording = recordingAt(startMs, dayMs);
    const file = path.join(directory, recording.fileName);
    await writeFile(file, piecesOf(day));
    const source = await openFileSource(file);
    const [times, reads]: [number[], number[]] = [[], []];
    try {
      for (let index = 0; index < seeks; index++) {
        // The last one is for the last minute.
        const fromMs = startMs + ((index + 1) / seeks) * (dayMs - minuteMs);
        const counted = { ms: 0, reads: 0 };
        await firstVideo(source, day, fromMs, counted);
        times.push(counted.ms);
        reads.push(counted.reads);
      }
    } finally {
      await source.close();
      await rm(file);
    }
    figures.push(
      { name: `${name}, seeking to the first video (median)`, value: quantile(times, 0.5), unit: 'ms' },
      {
        name: `${name}, seeking to the first video (p95)`,
        value: quantile(times, 0.95),
        unit: 'ms',
        target: { atMost: 50 },
      },
      { name: `${name}, reads to the first video (mean)`, value: mean(reads), unit: '' },
      {
        name: `${name}, reads to the first video (most)`,
        value: Math.max(...reads),
        unit: '',
        target: { atMost: 5 },
      },
    );
  }
  return figures;
}

function* piecesOf(day: VirtualRecording): Generator<Buffer> {
  const pieceBytes = 2 ** 24;
  for (let offset = 0; offset < day.sizeBytes; offset += pieceBytes) yield day.bytes(offset, pieceBytes);
}

/** By what `play` runs, up to the first bytes that a player gets. */
async function firstVideo(
  source: Source,
  day: VirtualRecording,
  fromMs: number,
  counted: { ms: number; reads: number },
): Promise<void> {
  const { access } = source;
  if (!access) throw new Error('a file can be read anywhere');
  let reads = 0;
  const counting: Source = {
    ...source,
    close: async () => undefined,
    access: {
      ...access,
      read(offset, length) {
        reads += 1;
        return access.read(offset, length);
      },
    },
    stream(offset) {
      reads += 1;
      return source.stream(offset);
    },
  };
  const beganMs = performance.now();
  const isShown = new Error('shown');
  try {
    await watch({
      inputs: [{ recording: recordingAt(startMs, dayMs), open: async () => counting }],
      range: { fromMs, toMs: undefined },
      keys: {
        opener: { open: () => Promise.reject(new Error('there is no key packet')) },
        runs: { keysOf: async (header) => day.keysOf(header) },
        trust: { reachOf: async () => ({ packets: Number.POSITIVE_INFINITY, isUnsigned: false }) },
      },
      sink: {
        bytesWritten: 0,
        write([piece]) {
          if (!piece) return Promise.resolve();
          if (counted.ms === 0) [counted.ms, counted.reads] = [performance.now() - beganMs, reads];
          return Promise.reject(isShown);
        },
        next: async () => undefined,
        close: async () => undefined,
      },
      screen: { line: () => undefined, progress: () => undefined, end: () => undefined },
    });
  } catch (error) {
    if (error !== isShown) throw error;
  }
  if (counted.ms === 0) throw new Error('there was no video');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
