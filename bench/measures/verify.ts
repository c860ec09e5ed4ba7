/**
 * Checking EncroCrypt3 without secrets, as a share of what openssl hashes in the same time; and whether the memory that checking
 * and decrypting take grows with the file.
 */

import { randomBytes } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readKey } from 'openpgp';
import { bundle } from '../../ci/bundle.ts';
import { checkFile } from '../../runtime/verifier/check-file.ts';
import { openFileSource } from '../../runtime/viewer/source.ts';
import { type Consumption, consumptionOf } from '../consumption.ts';
import { makeKeys } from '../keys.ts';
import { opensslMegabytesPerSecond } from '../openssl.ts';
import { type Figure, quantile } from '../report.ts';
import { makeRunRecording } from '../run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const packetBytes = 64 * 1024;
const rounds = 5;
const startMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const largeBytes = 2e9;
const smallBytes = 2e8;

export async function measureVerify(directory: string): Promise<Figure[]> {
  // As it is published.
  await bundle();
  const encrocam = path.join(root, 'build/bundle/encrocam');
  const keys = await makeKeys(directory);
  const make = async (totalBytes: number): Promise<string> => {
    const file = path.join(directory, `${totalBytes}.encrocam`);
    const video = randomBytes(packetBytes);
    await makeRunRecording({ ...keys, file, video, totalBytes, startMs, durationMs: hourMs });
    return file;
  };
  const [small, large] = [await make(smallBytes), await make(largeBytes)];
  const verify = (file: string): Promise<Consumption> =>
    consumptionOf(encrocam, ['verify', file, '--signed-by', keys.cameraPublicFile]);
  const decrypt = (file: string): Promise<Consumption> =>
    consumptionOf(encrocam, [
      ...['decrypt', file, '/dev/null', '--force', '--signed-by', keys.cameraPublicFile],
      ...['--key', keys.ownerSecretFile],
    ]);
  const trusted = await readKey({ armoredKey: await readFile(keys.cameraPublicFile, 'utf8') });
  const { size } = await stat(large);
  const rate = ({ seconds }: Pick<Consumption, 'seconds'>): number => size / 1e6 / seconds;
  const sha: number[] = [];
  const checking: Consumed[] = [];
  const commands: Consumption[] = [];
  const decrypting: Consumption[] = [];
  // In turn, so that a slow moment of the machine hits all of them.
  for (let round = 0; round < rounds; round++) {
    sha.push(await opensslMegabytesPerSecond('sha256', packetBytes));
    checking.push(await check(large, trusted));
    commands.push(await verify(large));
    decrypting.push(await decrypt(large));
  }
  const smallPeaks = { verify: [] as number[], decrypt: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    smallPeaks.verify.push((await verify(small)).peakMebibytes);
    smallPeaks.decrypt.push((await decrypt(small)).peakMebibytes);
  }
  await Promise.all([small, large].map((file) => rm(file)));
  // The best of each: what else the machine does can only make a round slower.
  const openssl = Math.max(...sha);
  const [inside, command] = [best(checking), best(commands)];
  return [
    { name: 'openssl sha256, 64 KiB', value: openssl, unit: 'MB/s' },
    { name: 'verifying 2 GB, without the command around it', value: rate(inside), unit: 'MB/s' },
    {
      name: 'verifying, share of sha256',
      value: rate(inside) / openssl,
      unit: '',
      target: { atLeast: 0.5 },
    },
    { name: 'verifying, cores used', value: inside.processorSeconds / inside.seconds, unit: '' },
    {
      name: 'verifying, share of sha256 by processor time',
      value: size / 1e6 / Math.min(...checking.map(({ processorSeconds }) => processorSeconds)) / openssl,
      unit: '',
    },
    { name: 'encrocam verify of 2 GB, whole process', value: rate(command), unit: 'MB/s' },
    {
      name: 'encrocam verify, share of sha256',
      value: rate(command) / openssl,
      unit: '',
      target: { atLeast: 0.5 },
    },
    { name: 'encrocam verify, cores used', value: command.processorSeconds / command.seconds, unit: '' },
    ...memory('verify', smallPeaks.verify, peaks(commands)),
    ...memory('decrypt', smallPeaks.decrypt, peaks(decrypting)),
  ];
}

type Consumed = Omit<Consumption, 'peakMebibytes'>;

async function check(file: string, trusted: Parameters<typeof checkFile>[2]): Promise<Consumed> {
  const source = await openFileSource(file);
  try {
    const [before, beganMs] = [process.cpuUsage(), performance.now()];
    const { runs, skippedBytes } = await checkFile(source.name, source.stream(0), trusted);
    const seconds = (performance.now() - beganMs) / 1000;
    const { user, system } = process.cpuUsage(before);
    const isWhole = runs.every(({ voucher, stretches }) => voucher === 'signed' && stretches.length === 1);
    if (runs.length === 0 || !isWhole || skippedBytes > 0) throw new Error('the recording is not whole');
    return { seconds, processorSeconds: (user + system) / 1e6 };
  } finally {
    await source.close();
  }
}

function best<One extends Consumed>(all: readonly One[]): One {
  const [first] = [...all].sort((one, other) => one.seconds - other.seconds);
  if (!first) throw new Error('nothing was measured');
  return first;
}

function peaks(all: readonly Consumption[]): number[] {
  return all.map(({ peakMebibytes }) => peakMebibytes);
}

function memory(command: string, small: readonly number[], large: readonly number[]): Figure[] {
  const [less, more] = [quantile(small, 0.5), quantile(large, 0.5)];
  return [
    { name: `encrocam ${command} of 200 MB, peak memory`, value: less, unit: 'MiB' },
    { name: `encrocam ${command} of 2 GB, peak memory`, value: more, unit: 'MiB' },
    {
      name: `encrocam ${command}, memory for ten times the file`,
      value: more / less,
      unit: 'times',
      target: { atMost: 1.25 },
    },
  ];
}
