/**
 * Recorder and syncer as a camera runs them (bundled), with 5 Mbit/s of video from a source that notes when it wrote
 * what, against a real FTP server: memory, processor time, and how old bytes are when they can be read on the drive.
 */
import { createReadStream } from 'node:fs';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../ci/bundle.ts';
import { dataOverheadBytes, PacketReader } from '../../runtime/encrocrypt/v3/index.ts';
import { startFtpServer } from '../../test/ftp-servers/index.ts';
import { startService } from '../../test/support/service.ts';
import { makeKeys } from '../keys.ts';
import { type Figure, quantile } from '../report.ts';

const warmUpSeconds = 8;
const measuredSeconds = 40;
/** Whole packets of MPEG-TS: what is cut waits for the rest. */
const frameBytes = 133 * 188;
const frameMs = 40;
const pollMs = 1;
const clockTicksPerSecond = 100;
const root = fileURLToPath(new URL('../..', import.meta.url));

export async function measureServices(directory: string): Promise<Figure[]> {
  await bundle();
  const encrocam = path.join(root, 'build/bundle/encrocam');
  const keys = await makeKeys(directory);
  const writes = path.join(directory, 'writes.log');
  const source = path.join(directory, 'source.mjs');
  await writeFile(source, sourceProgram(writes));
  await chmod(source, 0o755);
  const server = await startFtpServer({ software: 'proftpd' });
  const configFile = path.join(directory, 'config.json');
  await writeFile(
    configFile,
    JSON.stringify({
      owner: { keys: [keys.ownerPublicFile] },
      signing: { key: keys.cameraSecretFile },
      cameras: [
        {
          name: 'bench',
          input: { format: 'mpegts', device: 'made-up' },
          encoder: { name: 'copy' },
          burnInTime: false,
        },
      ],
      recordings: { directory: 'disk', container: 'mpegts' },
      storage: {
        driver: 'ftp',
        host: server.host,
        port: server.port,
        user: server.user,
        password: server.password,
        tls: { certificateAuthority: server.caFile },
      },
      log: { level: 'warn' },
    }),
  );
  process.env.ENCROCAM_FFMPEG = source;
  const services = ['record', 'sync'].map((name) =>
    startService(name, encrocam, [name, '--config', configFile]),
  );
  try {
    await pause(warmUpSeconds * 1000);
    for (const service of services) service.throwIfEnded();
    const before = await Promise.all(services.map((service) => processorSeconds(service.pid)));
    const arrivals = await watchArrivals(path.join(server.rootDirectory, 'bench'), measuredSeconds * 1000);
    const after = await Promise.all(services.map((service) => processorSeconds(service.pid)));
    const memory = await Promise.all(services.map((service) => proportionalMebibytes(service.pid)));
    for (const service of services) service.throwIfEnded();
    const ages = await agesOf(arrivals, writes, path.join(server.rootDirectory, 'bench'));
    const [recorder = Number.NaN, syncer = Number.NaN] = memory;
    const share = (index: number): number => ((after[index] ?? 0) - (before[index] ?? 0)) / measuredSeconds;
    return [
      { name: 'recorder, memory', value: recorder, unit: 'MiB PSS' },
      { name: 'syncer, memory', value: syncer, unit: 'MiB PSS' },
      {
        name: 'recorder and syncer, memory',
        value: recorder + syncer,
        unit: 'MiB PSS',
        target: { atMost: 90 },
      },
      { name: 'recorder, processor at 5 Mbit/s', value: share(0) * 100, unit: '% of a core' },
      { name: 'syncer, processor at 5 Mbit/s', value: share(1) * 100, unit: '% of a core' },
      { name: 'both, processor for an hour of 5 Mbit/s', value: (share(0) + share(1)) * 3600, unit: 's' },
      { name: 'from ffmpeg to readable on the drive, median', value: quantile(ages, 0.5), unit: 'ms' },
      { name: 'from ffmpeg to readable on the drive, p95', value: quantile(ages, 0.95), unit: 'ms' },
      { name: 'frames timed', value: ages.length, unit: '' },
    ];
  } catch (error) {
    for (const service of services) console.error(service.output());
    throw error;
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await server.stop();
  }
}

/** Stands in for ffmpeg: a frame every {@link frameMs}, and a line with total bytes and time for each. */
function sourceProgram(writes: string): string {
  return `#!${process.execPath}
import { appendFileSync, writeSync } from 'node:fs';
const frame = Buffer.alloc(${frameBytes}, 0x47);
let total = 0;
const started = process.hrtime.bigint();
for (let index = 0; ; index++) {
  const due = started + BigInt(index) * ${frameMs}_000_000n;
  const waitMs = Number(due - process.hrtime.bigint()) / 1e6;
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  for (let written = 0; written < frame.length; ) {
    try { written += writeSync(1, frame, written); } catch (error) { if (error.code !== 'EAGAIN') process.exit(0); await new Promise((resolve) => setTimeout(resolve, 1)); }
  }
  total += frame.length;
  appendFileSync(${JSON.stringify(writes)}, total + ' ' + process.hrtime.bigint() + '\\n');
}
`;
}

async function processorSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

async function proportionalMebibytes(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1]) / 1024;
}

interface Arrival {
  readonly sizeBytes: number;
  readonly time: bigint;
}

/** Each growth of the recording on the drive, as soon as it is seen. */
async function watchArrivals(directory: string, durationMs: number): Promise<Arrival[]> {
  const file = await recordingIn(directory);
  const arrivals: Arrival[] = [];
  const end = performance.now() + durationMs;
  let known = (await stat(file)).size;
  while (performance.now() < end) {
    const { size } = await stat(file);
    if (size > known) {
      arrivals.push({ sizeBytes: size, time: process.hrtime.bigint() });
      known = size;
    }
    await pause(pollMs);
  }
  return arrivals;
}

async function recordingIn(directory: string): Promise<string> {
  const name = (await readdir(directory))
    .filter((file) => file.endsWith('.encrocam'))
    .sort()
    .at(-1);
  if (name === undefined) throw new Error('there is no recording on the drive');
  return path.join(directory, name);
}

/** For each frame: from its write to the arrival of the packet that completes it, in milliseconds. */
async function agesOf(arrivals: readonly Arrival[], writes: string, directory: string): Promise<number[]> {
  // How much video the drive holds when its file has a certain size.
  const ends: { fileBytes: number; videoBytes: number }[] = [];
  const reader = new PacketReader();
  let videoBytes = 0;
  for await (const chunk of createReadStream(await recordingIn(directory))) {
    reader.push(chunk as Buffer);
    for (let item = reader.next(); item; item = reader.next()) {
      if (item.kind !== 'data') continue;
      videoBytes += item.bytes.length - dataOverheadBytes;
      ends.push({ fileBytes: item.offset + item.bytes.length, videoBytes });
    }
  }
  const frames = (await readFile(writes, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
  const ages: number[] = [];
  let frame = 0;
  let end = 0;
  for (const [index, arrival] of arrivals.entries()) {
    while (end < ends.length && (ends[end]?.fileBytes ?? 0) <= arrival.sizeBytes) end += 1;
    const held = ends[end - 1]?.videoBytes ?? 0;
    for (; frame < frames.length && Number(frames[frame]?.[0]) <= held; frame++) {
      // What was there before the first arrival was not seen arriving.
      if (index > 0) ages.push(Number(arrival.time - BigInt(frames[frame]?.[1] ?? 0)) / 1e6);
    }
  }
  return ages;
}
