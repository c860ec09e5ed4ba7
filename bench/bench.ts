/**
 * `make bench`: measures, prints a table, writes `build/bench.json`. `ONLY="crypto seek"` narrows it. Figures are
 * ratios within one run wherever they can be, because machines differ and are shared.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { measureImage } from '../image/bench.ts';
import { measureCard } from './measures/card.ts';
import { measureContracts } from './measures/contracts.ts';
import { measureCrypto } from './measures/crypto.ts';
import { measureMerkle } from './measures/merkle.ts';
import { measureQr } from './measures/qr.ts';
import { measureRange } from './measures/range.ts';
import { measureRecording } from './measures/recording.ts';
import { measureSeek } from './measures/seek.ts';
import { measureServices } from './measures/services.ts';
import { measureSigning } from './measures/signing.ts';
import { measureVerify } from './measures/verify.ts';
import { measureWatching } from './measures/watching.ts';
import { type Figure, table } from './report.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const measures: Record<string, (directory: string) => Promise<Figure[]>> = {
  crypto: measureCrypto,
  seek: measureSeek,
  recording: measureRecording,
  verify: measureVerify,
  qr: measureQr,
  range: measureRange,
  watching: measureWatching,
  services: measureServices,
  signing: measureSigning,
  contracts: measureContracts,
  merkle: measureMerkle,
  image: measureImage,
  card: measureCard,
};
const wanted = (process.env.ONLY ?? '').split(' ').filter(Boolean);
for (const name of wanted) {
  if (!(name in measures)) {
    console.error(`ONLY names ${name}; there are: ${Object.keys(measures).join(', ')}`);
    process.exit(1);
  }
}

const directory = path.join(root, 'build/bench');
await rm(directory, { recursive: true, force: true });
await mkdir(directory, { recursive: true });
const figures: Figure[] = [];
try {
  for (const [name, measure] of Object.entries(measures)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`measuring ${name} …`);
    figures.push(...(await measure(directory)));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
console.log(`\n${table(figures)}\n`);
const report = {
  time: new Date().toISOString(),
  machine: { cpu: os.cpus()[0]?.model, cores: os.cpus().length, node: process.version, arch: process.arch },
  figures,
};
await writeFile(path.join(root, 'build/bench.json'), `${JSON.stringify(report, undefined, 2)}\n`);
console.log('written: build/bench.json');
