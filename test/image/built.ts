/** An image built from this checkout for the tests of it, and ways to look into it without mounting anything. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { $ } from 'zx';
import { layoutOf, type Placed } from '../../image/build/layout.ts';
import { hostArchitecture, Tools } from '../../image/build/tools.ts';
import { loadBase, loadImage } from '../../image/description.ts';
import type { Base } from '../../image/types.ts';

export const root = path.resolve(import.meta.dirname, '../..');

export interface BuildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly output?: string;
}

export interface BuildResult {
  readonly exitCode: number;
  readonly messages: string;
  /** Holds the image, the log, and what `make image` leaves. */
  readonly output: string;
}

/** Runs what `make image` runs, up to the finished `.img`, in a directory of its own. */
export async function build({ env = {}, args = [], output }: BuildOptions): Promise<BuildResult> {
  const directory = output ?? (await mkdtemp(path.join(tmpdir(), 'encrocam-image-')));
  const { PATH = '', HOME = '', XDG_CACHE_HOME, ENCROCAM_CACHE } = process.env;
  const inherited = {
    PATH,
    HOME,
    ...(XDG_CACHE_HOME ? { XDG_CACHE_HOME } : {}),
    ...(ENCROCAM_CACHE ? { ENCROCAM_CACHE } : {}),
  };
  const result = await $({ quiet: true, nothrow: true, cwd: root, env: { ...inherited, ...env } })`${[
    process.execPath,
    'image/build/main.ts',
    ...(args.includes('--to') || args.includes('--only') ? [] : ['--to', 'partitions']),
    '--output',
    directory,
    ...args,
  ]}`;
  return { exitCode: result.exitCode ?? -1, messages: `${result.stdout}${result.stderr}`, output: directory };
}

/** A finished image file, opened with the tools that made it. */
export class BuiltImage {
  readonly file: string;
  readonly base: Base;
  readonly tools: Tools;
  readonly partitions: ReadonlyMap<string, Placed>;

  private constructor(file: string, base: Base, tools: Tools, partitions: ReadonlyMap<string, Placed>) {
    this.file = file;
    this.base = base;
    this.tools = tools;
    this.partitions = partitions;
  }

  static async open({ output }: BuildResult, baseName: string, basesDirectory?: string): Promise<BuiltImage> {
    const { version } = JSON.parse(await readFile(`${root}/package.json`, 'utf8')) as { version: string };
    const image = await loadImage();
    const tools = new Tools(await readFile(`${output}/image/tools`, 'utf8'), hostArchitecture());
    const { partitions } = layoutOf(image, () => '');
    return new BuiltImage(
      `${output}/${image.name}-${version}-${baseName}.img`,
      await loadBase(baseName, basesDirectory),
      tools,
      new Map(partitions.map((placed) => [placed.partition.label, placed])),
    );
  }

  partition(label: string): Placed {
    const placed = this.partitions.get(label);
    assert.ok(placed, `no partition ${label}`);
    return placed;
  }

  /** Copies the boot partition's files into a directory. */
  async extractBoot(target: string): Promise<void> {
    const drive = `${this.file}@@${this.partition('boot').startBytes}`;
    const env = { PATH: process.env.PATH ?? '', MTOOLSRC: '/dev/null', TZ: 'UTC' };
    await $({ quiet: true, env })`${this.tools.command('mcopy', '-s', '-n', '-i', drive, '::/*', target)}`;
  }

  /** Copies an ext4 partition's files into a directory, with modes; owners too where this user may. */
  async extractExt4(label: string, target: string): Promise<string> {
    const { startBytes } = this.partition(label);
    const { stderr } = await $({ quiet: true })`${this.tools.command(
      'usr/sbin/debugfs',
      '-R',
      `rdump / ${target}`,
      `${this.file}?offset=${startBytes}`,
    )}`;
    return stderr;
  }

  async readBytes(startBytes: number, bytes: number): Promise<Buffer> {
    const { open } = await import('node:fs/promises');
    const handle = await open(this.file, 'r');
    try {
      const buffer = Buffer.alloc(bytes);
      await handle.read(buffer, 0, bytes, startBytes);
      return buffer;
    } finally {
      await handle.close();
    }
  }
}

export async function removeDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
