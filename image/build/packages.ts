/**
 * Before the steps: chooses the base whose archive answers, and finds out exactly which packages go on the card
 * (or reads that from the manifest of an earlier build). Everything after this works on files named by hash.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { imageDirectory, loadBase } from '../description.ts';
import { ImageError, messageOf } from '../errors.ts';
import type { Base, ImageDescription } from '../types.ts';
import { Apt, type PackageFile } from './apt.ts';
import type { Accelerators, NativeProgram } from './emulation.ts';
import { type HostIndex, parseIndexTargets, sourcesOf } from './mirrors.ts';
import type { Runner } from './run.ts';
import { cached, keyOf } from './store.ts';
import {
  extractPackages,
  hostArchitecture,
  makeTools,
  type Tools,
  type ToolsDescription,
  toolsDescription,
} from './tools.ts';

/** What a build is made from; `packages.json` among the artifacts, and LOCK= takes it back. */
export interface Lock {
  readonly base: string;
  readonly packages: readonly PackageFile[];
  readonly essential: readonly string[];
  /** Native builds that speed up configuring, and the tools that shape the image; they leave nothing in it. */
  readonly accelerators: readonly PackageFile[];
  readonly tools: readonly PackageFile[];
}

export interface PackagesOptions {
  readonly runner: Runner;
  readonly cache: string;
  readonly image: ImageDescription;
  /** The one base that is wanted, or none: the first that answers. */
  readonly wanted: string | undefined;
  readonly basesDirectory: string | undefined;
  readonly snapshot: string | undefined;
  readonly lock: Lock | undefined;
  readonly say: (text: string) => void;
}

export interface Packages {
  readonly base: Base;
  readonly lock: Lock;
  readonly files: ReadonlyMap<PackageFile, string>;
  readonly tools: Tools;
  readonly native: {
    readonly accelerators: Accelerators | undefined;
    readonly initramfsAccelerators: Accelerators | undefined;
  };
}

export async function gatherPackages(options: PackagesOptions): Promise<Packages> {
  const { runner, cache, say } = options;
  const host = await hostIndexes(runner);
  const toolsBase = await loadBase(toolsDescription.base);
  const toolsApt = aptOf(options, toolsBase, host, hostArchitecture().debian);
  const { base, apt, lock } = options.lock
    ? await fromLock(options, host, options.lock)
    : await fromArchives(options, host, toolsApt);
  say(`fetching ${lock.packages.length} packages`);
  const tools = await makeTools(runner, cache, toolsApt, lock.tools);
  const files = await apt.download(lock.packages, `${cache}/packages`);
  const native = await makeAccelerators(options, base, aptNative(options, base, host), lock.accelerators);
  return { base, lock, files, tools, native };
}

/** A tools tree of other programs than those that shape the image, from the archive of its base as it is now. */
export async function gatherTools(
  options: Pick<PackagesOptions, 'runner' | 'cache'>,
  description: ToolsDescription,
): Promise<Tools> {
  const { runner, cache } = options;
  const base = await loadBase(description.base);
  const apt = aptOf(options, base, await hostIndexes(runner), hostArchitecture().debian);
  await apt.update();
  return makeTools(runner, cache, apt, await apt.resolve(description.packages), description.exclude);
}

async function hostIndexes(runner: Runner): Promise<HostIndex[]> {
  return parseIndexTargets(
    await runner.run(['apt-get', 'indextargets', '--format', '$(ORIGIN)|$(LABEL)|$(REPO_URI)']),
  );
}

function aptOf(
  { runner, cache, snapshot }: Pick<PackagesOptions, 'runner' | 'cache'> & { snapshot?: string | undefined },
  base: Base,
  host: readonly HostIndex[],
  architecture: string,
): Apt {
  const native = architecture !== base.architecture;
  const sources = sourcesOf(base, { snapshot, host, native });
  const key = keyOf(JSON.stringify(sources), base.keyring).slice(0, 8);
  return new Apt(runner, {
    directory: `${cache}/apt/${base.name}-${architecture}-${key}`,
    architecture,
    keyring: base.keyring.startsWith('/') ? base.keyring : `${imageDirectory}${base.keyring}`,
    sources,
    snapshot: snapshot !== undefined,
  });
}

function aptNative(options: PackagesOptions, base: Base, host: readonly HostIndex[]): Apt {
  return aptOf(options, base, host, hostArchitecture().debian);
}

interface Chosen {
  readonly base: Base;
  readonly apt: Apt;
  readonly lock: Lock;
}

async function fromLock(options: PackagesOptions, host: readonly HostIndex[], lock: Lock): Promise<Chosen> {
  if (options.wanted !== undefined && options.wanted !== lock.base) {
    throw new ImageError('USAGE', `BASE=${options.wanted} was asked for, but the lock is of ${lock.base}.`);
  }
  const base = await loadBase(lock.base, options.basesDirectory);
  const apt = aptOf(options, base, host, base.architecture);
  await apt.prepare();
  return { base, apt, lock };
}

/** Tries the bases in order. One that is unreachable is passed over, aloud; one that lies ends the build. */
async function fromArchives(
  options: PackagesOptions,
  host: readonly HostIndex[],
  toolsApt: Apt,
): Promise<Chosen> {
  const { image, wanted, say } = options;
  const failures: string[] = [];
  for (const name of wanted === undefined ? image.bases : [wanted]) {
    const base = await loadBase(name, options.basesDirectory);
    const apt = aptOf(options, base, host, base.architecture);
    say(`asking the archive of ${base.title}`);
    try {
      await apt.update();
    } catch (error) {
      if (!(error instanceof ImageError) || error.code !== 'ARCHIVE_UNREACHABLE') throw error;
      const reason = messageOf(error.message.split('\n')[0]);
      failures.push(`${base.title}: ${reason}`);
      say(`NOT ${base.title}: ${reason}`);
      continue;
    }
    say(`base: ${base.title}${failures.length > 0 ? ', because no earlier one answers' : ''}`);
    return { base, apt, lock: await resolve(options, base, apt, aptNative(options, base, host), toolsApt) };
  }
  throw new ImageError('ARCHIVE_UNREACHABLE', `No base can be built:\n  ${failures.join('\n  ')}`, {
    hint: 'Check the network, or build from a lock whose packages are in the cache: make image LOCK=FILE.',
  });
}

async function resolve(
  { image, say }: PackagesOptions,
  base: Base,
  apt: Apt,
  native: Apt,
  toolsApt: Apt,
): Promise<Lock> {
  say('choosing packages');
  const essential = ['?essential'];
  // Two of them at once: each waits for its archive, then keeps one core busy.
  const ofTheHost = async (): Promise<[PackageFile[], PackageFile[]]> => {
    await toolsApt.update();
    const tools = await toolsApt.resolve(toolsDescription.packages);
    if (process.arch === 'arm64' || base.accelerate.packages.length === 0) return [tools, []];
    await native.update();
    return [tools, await native.resolve(base.accelerate.packages)];
  };
  const ofTheCard = async (): Promise<[PackageFile[], PackageFile[]]> => [
    await apt.resolve([...essential, ...image.packages, ...base.packages]),
    await apt.resolve(essential),
  ];
  const [[tools, accelerators], [all, first]] = await Promise.all([ofTheHost(), ofTheCard()]);
  return { base: base.name, packages: all, essential: first.map(({ name }) => name), accelerators, tools };
}

type Native = Packages['native'];

async function makeAccelerators(
  { runner, cache }: PackagesOptions,
  base: Base,
  apt: Apt,
  packages: readonly PackageFile[],
): Promise<Native> {
  if (process.arch === 'arm64' || packages.length === 0) {
    return { accelerators: undefined, initramfsAccelerators: undefined };
  }
  const key = keyOf('native 3', JSON.stringify(base.accelerate), ...packages.map(({ sha256 }) => sha256));
  const directory = await cached(`${cache}/native/${key}`, async (temporary) => {
    await apt.prepare();
    const files = await apt.download(packages, `${cache}/packages`);
    await extractPackages(runner, [...files.values()], temporary, ['./usr/share/doc/*', './usr/share/man/*']);
    const programs: NativeProgram[] = [];
    for (const [item, file] of files) {
      if (!base.accelerate.packages.includes(item.name)) continue;
      for (const program of await programsOf(runner, file, temporary)) {
        if (base.accelerate.keepEmulated.includes(program)) continue;
        programs.push({ package: item.name, path: program });
      }
    }
    await writeFile(`${temporary}/programs.json`, JSON.stringify(programs));
    await copyLibraries(runner, temporary, notCopied(base, programs));
  });
  const programs = JSON.parse(await readFile(`${directory}/programs.json`, 'utf8')) as NativeProgram[];
  return {
    accelerators: { directory, programs, libraries: `${directory}/usr/lib/${hostArchitecture().triplet}` },
    initramfsAccelerators: { directory, programs: notCopied(base, programs), libraries: `${directory}/few` },
  };
}

function notCopied(base: Base, programs: readonly NativeProgram[]): NativeProgram[] {
  const copied = new Set(base.accelerate.notInInitramfs);
  return programs.filter((program) => !copied.has(program.package));
}

/**
 * The initramfs's scripts copy libraries that they find by a pattern such as `/usr/lib/…/libkmod.so.*`: while it is
 * made, only libraries are to be seen that the native programs themselves need.
 */
async function copyLibraries(
  runner: Runner,
  tree: string,
  programs: readonly NativeProgram[],
): Promise<void> {
  const { triplet, linker } = hostArchitecture();
  const libraries = `${tree}/usr/lib/${triplet}`;
  await mkdir(`${tree}/few`);
  const needed = new Set([linker]);
  for (const { path } of programs) {
    const listing = await runner.run(
      [`${libraries}/${linker}`, '--library-path', libraries, '--list', `${tree}${path}`],
      { accept: [0, 1] },
    );
    for (const match of listing.matchAll(/^\s*(\S+) => /gm)) if (match[1]) needed.add(match[1]);
  }
  for (const name of needed) {
    if (existsSync(`${libraries}/${name}`))
      await cp(`${libraries}/${name}`, `${tree}/few/${name}`, { dereference: true });
  }
}

/** Paths of a package's compiled programs. Scripts are the same for all architectures and stay as they are. */
async function programsOf(runner: Runner, file: string, tree: string): Promise<string[]> {
  const listing = await runner.run(['dpkg-deb', '--contents', file]);
  const programs: string[] = [];
  for (const line of listing.split('\n')) {
    const match = /^-.*? \.((?:\/usr)?\/s?bin\/\S+)/.exec(line);
    if (!match?.[1]) continue;
    const program = match[1].startsWith('/usr') ? match[1] : `/usr${match[1]}`;
    const start = await readFile(`${tree}${program}`).catch(() => Buffer.alloc(0));
    if (start.subarray(0, 4).toString('latin1') === '\x7fELF') programs.push(program);
  }
  return programs;
}

export async function writeLock(file: string, lock: Lock): Promise<void> {
  await mkdir(file.replace(/\/[^/]*$/, ''), { recursive: true });
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, `${JSON.stringify(lock, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

export async function readLock(file: string): Promise<Lock> {
  try {
    const lock = JSON.parse(await readFile(file, 'utf8')) as Lock;
    if (typeof lock.base === 'string' && lock.packages.length > 0 && lock.tools.length > 0) return lock;
  } catch (cause) {
    throw new ImageError('USAGE', `${file} cannot be read: ${messageOf(cause)}.`, { cause });
  }
  throw new ImageError('USAGE', `${file} is no list of packages.`, {
    hint: 'LOCK= takes the packages.json of an earlier build.',
  });
}
