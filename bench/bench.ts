/**
 * `make bench`: measures, prints a table, writes `build/bench.json`. `ONLY="crypto seek"` narrows it. Figures are
 * ratios within one run wherever they can be, because machines differ and are shared.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { memoryFlags } from '../ci/node-flags.ts';
import { measures } from './measures/index.ts';
import { type Figure, table } from './report.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = (process.env.ONLY ?? '').split(' ').filter(Boolean);
for (const name of wanted) {
  if (!(name in measures)) {
    console.error(`ONLY names ${name}; there are: ${Object.keys(measures).join(', ')}`);
    process.exit(1);
  }
}

const directory = path.join(root, 'build/bench');
await rm(directory, { recursive: true, force: true });
const figures: Figure[] = [];
try {
  for (const name of Object.keys(measures)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(`measuring ${name} …`);
    figures.push(...(await measured(name)));
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

/** In a process of its own, as EncroCam's commands run: what was measured before leaves it no heap to carry. */
async function measured(name: string): Promise<Figure[]> {
  const own = path.join(directory, name);
  await mkdir(own, { recursive: true });
  const resultFile = path.join(directory, `${name}.json`);
  const args = [...memoryFlags, path.join(root, 'bench/measure.ts'), name, own, resultFile];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`measuring ${name} failed: see above`);
  const result: Figure[] = JSON.parse(await readFile(resultFile, 'utf8'));
  await rm(own, { recursive: true, force: true });
  return result;
}
