/** `make flash DEVICE=/dev/sdX`: writes the newest image in build/ (or IMAGE=FILE, also compressed) to a card. */
import { spawn, spawnSync } from 'node:child_process';
import { createReadStream, existsSync, globSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { formatSeconds } from '../build/progress.ts';
import { ImageError, messageOf } from '../errors.ts';
import { acceptableDisk, describeDisk, lsblkCommand, parseLsblk } from './devices.ts';
import { type Phase, writeAndCheck } from './write.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { device: { type: 'string', default: '' }, image: { type: 'string' } },
  });
  const image = values.image ?? newestImage();
  const bytes = extractedBytes(image);
  if (values.device === '') {
    throw new ImageError('USAGE', 'Which device? make flash DEVICE=/dev/sdX', {
      hint: 'lsblk lists the disks; the card is the one that appears when it is put in.',
    });
  }
  const [program, ...args] = lsblkCommand;
  const { stdout, status } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new ImageError('HOST_UNSUITABLE', 'lsblk does not work here.');
  const disk = acceptableDisk(parseLsblk(stdout), values.device, bytes);
  console.log(`${image}\n→ ${describeDisk(disk)}\nEverything on it will be lost.`);
  if (!(await confirmed(disk.path))) {
    console.log('Nothing was written.');
    return 1;
  }
  const startedMs = performance.now();
  const { sha256 } = await writeAndCheck(openImage(image), disk.path, {
    onProgress: progressLine(bytes),
    dropCache: async () => {
      if (spawnSync('blockdev', ['--flushbufs', disk.path]).status !== 0) {
        throw new ImageError('DEVICE_FAILED', `The cache of ${disk.path} cannot be emptied to read it back.`);
      }
    },
  });
  process.stdout.write('\n');
  console.log(
    `${disk.path} holds the image (SHA-256 ${sha256}), written and read back in ${formatSeconds((performance.now() - startedMs) / 1000)}.`,
  );
  return 0;
}

function newestImage(): string {
  const images = globSync(`${repository}build/*.img`)
    .map((file) => ({ file, timeMs: statSync(file).mtimeMs }))
    .sort((a, b) => b.timeMs - a.timeMs);
  const [newest] = images;
  if (newest) return newest.file;
  throw new ImageError('USAGE', 'There is no image in build/.', { hint: 'Run: make image' });
}

function extractedBytes(image: string): number {
  if (!existsSync(image)) throw new ImageError('USAGE', `${image} does not exist.`);
  if (!image.endsWith('.xz')) return statSync(image).size;
  const { stdout, status } = spawnSync('xz', ['--robot', '--list', image], { encoding: 'utf8' });
  const bytes = Number(/^totals\t\d+\t\d+\t\d+\t(\d+)/m.exec(stdout ?? '')?.[1]);
  if (status === 0 && bytes > 0) return bytes;
  throw new ImageError('USAGE', `${image} is not an xz file, or xz is not installed.`);
}

function openImage(image: string): Readable {
  if (!image.endsWith('.xz')) return createReadStream(image, { highWaterMark: 1 << 20 });
  const child = spawn('xz', ['--decompress', '--stdout', image], { stdio: ['ignore', 'pipe', 'inherit'] });
  // A damaged file must not pass for a short one.
  child.on('exit', (code) => {
    if (code !== 0) child.stdout.destroy(new Error(`xz failed with exit code ${code}`));
  });
  return child.stdout;
}

async function confirmed(path: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new ImageError('USAGE', 'make flash asks before it writes, and needs a terminal for that.');
  }
  const reader = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await reader.question(`Type ${path} to go on: `)).trim() === path;
  } finally {
    reader.close();
  }
}

function progressLine(totalBytes: number): (phase: Phase, doneBytes: number) => void {
  let phaseStartedMs = performance.now();
  let current: Phase = 'writing';
  let drawnMs = 0;
  return (phase, doneBytes) => {
    const nowMs = performance.now();
    if (phase !== current) {
      current = phase;
      phaseStartedMs = nowMs;
      process.stdout.write('\n');
    }
    if (nowMs - drawnMs < 200 && doneBytes < totalBytes) return;
    drawnMs = nowMs;
    const rate = doneBytes / Math.max(1, nowMs - phaseStartedMs) / 1000;
    const left = (totalBytes - doneBytes) / 1e6 / Math.max(0.1, rate);
    const percent = Math.floor((doneBytes / totalBytes) * 100);
    process.stdout.write(
      `\r${phase} ${String(percent).padStart(3)} %  ${rate.toFixed(0)} MB/s  ${formatSeconds(left)} left   `,
    );
  };
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`make flash: ${messageOf(error)}`);
  if (error instanceof ImageError) console.error(`[${error.code}] ${error.hint ?? ''}`);
  process.exitCode = 1;
}
