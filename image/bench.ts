/**
 * Measures for `make bench`: how long a clean build takes beside bare mmdebstrap with the same packages and the
 * host's own emulator, how long a build takes after a change in our code, and how large the image is. Takes some
 * twenty minutes, most of them mmdebstrap's. What it measures does not depend on what is in the user's cache.
 */
import { spawnSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { loadImage } from './description.ts';
import { ImageError } from './errors.ts';

export interface ImageFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: { readonly atMost: number };
}

interface Report {
  readonly times: readonly { readonly step: string; readonly seconds: number }[];
  readonly imageBytes: number;
  readonly compressedBytes: number;
  readonly biggestPackages: readonly { readonly name: string; readonly installedMiB: number }[];
}

const base = 'debian-13';
const mebibyte = 1 << 20;

export async function measureImage(directory: string): Promise<ImageFigure[]> {
  const cache = `${directory}/image-cache`;
  const output = `${directory}/image`;
  const { limits } = await loadImage();
  try {
    run('image/build/baseline.ts', [], {
      BASE: base,
      ENCROCAM_CACHE: cache,
      OUTPUT: `${directory}/baseline`,
    });
    const { seconds: baseline } = JSON.parse(
      await readFile(`${directory}/baseline/seconds.json`, 'utf8'),
    ) as { seconds: number };
    await rm(cache, { recursive: true, force: true });
    const environment = { BASE: base, ENCROCAM_CACHE: cache };
    run('image/build/main.ts', ['--output', output], environment);
    const clean = await readReport(output);
    // The clean build left the cache; what follows is what a change in our own code costs.
    run('image/build/main.ts', ['--output', output, '--to', 'partitions'], environment);
    const again = await readReport(output);
    const build = clean.times.filter(({ step }) => step !== 'compression');
    const cleanSeconds = sum(build);
    return [
      { name: 'image: bare mmdebstrap, same packages, the host’s emulator', value: baseline, unit: 's' },
      { name: 'image: clean build up to the finished .img', value: cleanSeconds, unit: 's' },
      {
        name: 'image: clean build / bare mmdebstrap',
        value: cleanSeconds / baseline,
        unit: '',
        target: { atMost: 1 },
      },
      ...clean.times.map(({ step, seconds }) => ({
        name: `image: step ${step}, clean`,
        value: seconds,
        unit: 's',
      })),
      {
        name: 'image: build after a change in our code',
        value: sum(again.times),
        unit: 's',
        target: { atMost: 60 },
      },
      {
        name: 'image: compressed',
        value: clean.compressedBytes / mebibyte,
        unit: 'MiB',
        target: { atMost: limits.compressedMiB },
      },
      ...clean.biggestPackages.map(({ name, installedMiB }) => ({
        name: `image: package ${name}, installed`,
        value: installedMiB,
        unit: 'MiB',
      })),
    ];
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}

function sum(times: Report['times']): number {
  return times.reduce((total, { seconds }) => total + seconds, 0);
}

async function readReport(output: string): Promise<Report> {
  const { version } = JSON.parse(
    await readFile(fileURLToPath(new URL('../package.json', import.meta.url)), 'utf8'),
  ) as { version: string };
  const { name } = await loadImage();
  return JSON.parse(await readFile(`${output}/${name}-${version}-${base}.report.json`, 'utf8')) as Report;
}

function run(script: string, args: readonly string[], environment: Record<string, string>): void {
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
  const { status } = spawnSync(process.execPath, [file, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...environment },
  });
  if (status !== 0) throw new ImageError('COMMAND_FAILED', `${script} failed with exit code ${status}.`);
}
