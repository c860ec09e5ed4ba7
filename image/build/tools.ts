/**
 * Programs that shape the image, of one known version: taken from packages into the cache and run with their own
 * C library, so that the host's distribution does not matter. They are not installed.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { imageDirectory } from '../description.ts';
import { ImageError } from '../errors.ts';
import type { Apt, PackageFile } from './apt.ts';
import type { Runner } from './run.ts';
import { cached, keyOf } from './store.ts';

export interface ToolsDescription {
  readonly base: string;
  readonly packages: readonly string[];
  readonly exclude: readonly string[];
}

export const toolsDescription: ToolsDescription = JSON.parse(
  readFileSync(`${imageDirectory}tools.json`, 'utf8'),
);

/** Names of one architecture in Debian's, GNU's and the dynamic linker's terms. */
export interface Architecture {
  readonly debian: string;
  readonly triplet: string;
  readonly linker: string;
}

export function hostArchitecture(arch: string = process.arch): Architecture {
  switch (arch) {
    case 'x64':
      return { debian: 'amd64', triplet: 'x86_64-linux-gnu', linker: 'ld-linux-x86-64.so.2' };
    case 'arm64':
      return { debian: 'arm64', triplet: 'aarch64-linux-gnu', linker: 'ld-linux-aarch64.so.1' };
    default:
      throw new ImageError('HOST_UNSUITABLE', `Images are built on x86-64 and arm64; this is ${arch}.`);
  }
}

export class Tools {
  readonly directory: string;
  readonly #architecture: Architecture;

  constructor(directory: string, architecture: Architecture) {
    this.directory = directory;
    this.#architecture = architecture;
  }

  /** The words that run a program of the tree; it finds its own libraries and none of the host's. */
  command(program: string, ...args: string[]): string[] {
    const { triplet, linker } = this.#architecture;
    const libraries = `${this.directory}/usr/lib/${triplet}`;
    const file = program.includes('/') ? program : `usr/bin/${program}`;
    return [
      `${libraries}/${linker}`,
      '--library-path',
      libraries,
      '--argv0',
      file.split('/').at(-1) ?? file,
      `${this.directory}/${file}`,
      ...args,
    ];
  }

  /** A static program of the tree. */
  file(program: string): string {
    return `${this.directory}/usr/bin/${program}`;
  }
}

/** Unpacks packages one over the other, without running their scripts. */
export async function extractPackages(
  runner: Runner,
  files: readonly string[],
  target: string,
  exclude: readonly string[] = [],
): Promise<void> {
  await mkdir(target, { recursive: true });
  const excluded = exclude.map((pattern) => `'--exclude=${pattern}'`);
  await runner.run(
    [
      'sh',
      '-euc',
      `for file; do
  dpkg-deb --fsys-tarfile "$file" >"$TARGET.tar"
  tar -xpf "$TARGET.tar" -C "$TARGET" --no-same-owner --keep-directory-symlink ${excluded.join(' ')}
done
rm "$TARGET.tar"`,
      'sh',
      ...files,
    ],
    { env: { TARGET: target } },
  );
}

/** The tools tree of these packages, from the cache or made. */
export async function makeTools(
  runner: Runner,
  cache: string,
  apt: Apt,
  packages: readonly PackageFile[],
  exclude: readonly string[] = toolsDescription.exclude,
): Promise<Tools> {
  const architecture = hostArchitecture();
  const key = keyOf('tools', architecture.debian, ...packages.map(({ sha256 }) => sha256), ...exclude);
  const directory = await cached(`${cache}/tools/${key}`, async (temporary) => {
    const files = await apt.download(packages, `${cache}/packages`);
    await extractPackages(runner, [...files.values()], temporary, exclude);
    const versions = packages.map(({ name, version }) => `${name} ${version}`);
    await writeFile(`${temporary}/packages.txt`, `${versions.join('\n')}\n`);
  });
  if ((await readdir(directory)).length === 0) throw new Error(`${directory} is empty`);
  return new Tools(directory, architecture);
}
