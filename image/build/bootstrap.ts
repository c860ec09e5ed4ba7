/**
 * Step `bootstrap`: the root file system with all packages configured and its initramfs made, before anything of
 * ours is laid over it. The result is kept in the cache under a name that depends on the packages' hashes, on what
 * the descriptions say about this step and on its code.
 *
 * The host's dpkg unpacks (natively, without waiting for the disk); maintainer scripts run in the tree, see
 * emulation.ts. No distribution is known by name here.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ImageError } from '../errors.ts';
import type { PackageFile } from './apt.ts';
import type { Build } from './build.ts';
import type { Accelerators } from './emulation.ts';
import { exclusionOptions, fstabText, initramfsHook } from './fstab.ts';
import { cached, keyOf } from './store.ts';
import { removeTraces } from './traces.ts';

/**
 * What programs believe to be the time of the build, so that the cached tree does not depend on the commit.
 * Later times are clamped in the step `rootfs`.
 */
export const bootstrapEpoch = 1735689600; // 2025-01-01

/** Trees kept in the cache, newest first. */
const keptTrees = 3;

export interface BootstrapInput {
  readonly accelerators: Accelerators | undefined;
  /** Without what the initramfs copies. */
  readonly initramfsAccelerators: Accelerators | undefined;
  /** Names of the packages that have to work before any maintainer script runs. */
  readonly essential: ReadonlySet<string>;
}

export async function bootstrap(build: Build, input: BootstrapInput): Promise<void> {
  const directory = `${build.cache}/trees`;
  const entry = `${directory}/${build.base.name}-${await treeKey(build)}.tar`;
  const known = existsSync(entry);
  await rm(build.tree, { recursive: true, force: true });
  await cached(entry, async (temporary) => {
    await makeTree(build, input);
    const tar = [
      'tar',
      '--sort=name',
      '--numeric-owner',
      '--xattrs',
      '--xattrs-include=*',
      '--one-file-system',
    ];
    await build.runner.run([...tar, '-C', build.tree, '-cf', temporary, '.']);
  });
  if (!known) {
    await forgetOldTrees(directory, entry);
    return;
  }
  build.say('unpacking the cached tree');
  await mkdir(build.tree, { recursive: true });
  await build.runner.run(['touch', entry]);
  await build.runner.run([
    'tar',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=*',
    '-C',
    build.tree,
    '-xpf',
    entry,
  ]);
}

async function treeKey({ image, base, packages }: Build): Promise<string> {
  const code = await Promise.all(
    ['bootstrap.ts', 'emulation.ts', 'fstab.ts', 'traces.ts'].map((file) =>
      readFile(fileURLToPath(new URL(file, import.meta.url)), 'utf8'),
    ),
  );
  return keyOf(
    ...packages.map(({ sha256 }) => sha256),
    JSON.stringify([
      image.initramfs,
      image.stubs,
      exclusionOptions(image, base),
      base.unpackLast,
      base.silence,
      base.accelerate.notInInitramfs,
    ]),
    fstabText(image),
    ...code,
  );
}

async function makeTree(
  build: Build,
  { accelerators, initramfsAccelerators, essential }: BootstrapInput,
): Promise<void> {
  const { tree, packages, base, image, emulation } = build;
  const last = base.unpackLast.map(
    (pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`),
  );
  const first = packages.filter(({ name }) => essential.has(name));
  const isLast = ({ name }: PackageFile): boolean => last.some((pattern) => pattern.test(name));
  const rest = packages.filter((item) => !essential.has(item.name) && !isLast(item));
  const end = packages.filter((item) => !essential.has(item.name) && isLast(item));
  const options = accelerators ? { accelerators } : {};
  const env = { SOURCE_DATE_EPOCH: String(bootstrapEpoch) };
  const configure = ['dpkg', '--force-unsafe-io', '--configure', '--pending'];

  build.say(`unpacking ${first.length} essential packages`);
  await prepareTree(build, first);
  await unpack(build, first, undefined);
  build.say(`configuring ${first.length} essential packages`);
  await emulation.chroot(tree, [...configure, '--force-depends'], { ...options, env });
  build.say(`unpacking ${rest.length + end.length} more packages`);
  await unpack(build, rest, accelerators);
  await unpack(build, end, accelerators);
  build.say(`configuring ${rest.length + end.length} more packages`);
  const release = await kernelRelease(tree);
  await writeEarlyFiles(build);
  await emulation.chroot(tree, configure, { ...options, env, stubs: image.stubs });
  build.say('making the initramfs');
  await emulation.chroot(tree, ['update-initramfs', '-c', '-k', release], {
    ...(initramfsAccelerators ? { accelerators: initramfsAccelerators } : {}),
    env,
  });
  await rm(`${tree}/usr/sbin/policy-rc.d`);
  await removeTraces(tree);
}

/** Essential packages' files are there before dpkg knows of them: their scripts need each other's programs. */
async function prepareTree(build: Build, essential: readonly PackageFile[]): Promise<void> {
  const { tree, base, image, packageFiles, runner } = build;
  await mkdir(`${tree}/usr`, { recursive: true });
  for (const name of ['bin', 'lib', 'sbin']) {
    await mkdir(`${tree}/usr/${name}`);
    await symlink(`usr/${name}`, `${tree}/${name}`);
  }
  const excluded = exclusionOptions(image, base)
    .filter((option) => option.startsWith('path-exclude='))
    .map((option) => `--exclude=.${option.slice('path-exclude='.length)}`);
  const names = essential.map((item) => packageFiles.get(item) ?? '');
  await runner.run(
    [
      'sh',
      '-euc',
      `for file; do
  dpkg-deb --fsys-tarfile "$file" >"$TREE/.package"
  tar -xpf "$TREE/.package" -C "$TREE" --numeric-owner --keep-directory-symlink ${excluded.map((word) => `'${word}'`).join(' ')}
done
rm "$TREE/.package"`,
      'sh',
      ...names,
    ],
    { env: { TREE: tree } },
  );
  await mkdir(`${tree}/var/lib/dpkg/info`, { recursive: true });
  await mkdir(`${tree}/var/lib/dpkg/updates`, { recursive: true });
  await writeFile(`${tree}/var/lib/dpkg/status`, '');
  await writeFile(`${tree}/var/lib/dpkg/arch`, `${base.architecture}\n`);
  await mkdir(`${tree}/etc/dpkg/dpkg.cfg.d`, { recursive: true });
  const dpkgOptions = exclusionOptions(image, base);
  await writeFile(`${tree}/etc/dpkg/dpkg.cfg.d/encrocam`, `${dpkgOptions.join('\n')}\n`);
  for (const file of base.silence.flatMap(({ paths }) => paths)) {
    await runner.run([
      ...['dpkg-divert', '--quiet', `--root=${tree}`, '--local', '--no-rename', '--add'],
      ...['--divert', `${file}.distrib`, file],
    ]);
    await mkdir(path.dirname(`${tree}${file}`), { recursive: true });
    await writeFile(`${tree}${file}`, '#!/bin/sh\n# Silenced, see image/bases/.\nexit 0\n', { mode: 0o755 });
  }
  // Nothing is started while packages are configured.
  await writeFile(`${tree}/usr/sbin/policy-rc.d`, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
}

async function unpack(
  build: Build,
  packages: readonly PackageFile[],
  accelerators: Accelerators | undefined,
): Promise<void> {
  if (packages.length === 0) return;
  const { tree, base, image, packageFiles } = build;
  const names = packages.map((item) => packageFiles.get(item) ?? '');
  await build.emulation.around(
    tree,
    [
      'dpkg',
      `--root=${tree}`,
      '--log=/dev/null',
      '--force-depends',
      '--force-architecture',
      '--force-unsafe-io',
      '--force-confnew',
      ...exclusionOptions(image, base).map((option) => `--${option}`),
      '--unpack',
      ...names,
    ],
    accelerators ? { accelerators } : {},
  );
}

export async function kernelRelease(tree: string): Promise<string> {
  const releases = existsSync(`${tree}/usr/lib/modules`) ? await readdir(`${tree}/usr/lib/modules`) : [];
  const [release] = releases;
  if (release !== undefined && releases.length === 1) return release;
  throw new ImageError(
    'PACKAGES_UNRESOLVED',
    `The packages contain ${releases.length} kernels${releases.length > 0 ? `: ${releases.join(', ')}` : ''}.`,
    { hint: "Name exactly one kernel among the base's packages." },
  );
}

/** What has to be there when packages are configured and the initramfs is made. */
async function writeEarlyFiles({ tree, image }: Build): Promise<void> {
  await writeFile(`${tree}/etc/fstab`, fstabText(image));
  const directory = `${tree}/etc/initramfs-tools`;
  await mkdir(`${directory}/conf.d`, { recursive: true });
  await writeFile(
    `${directory}/conf.d/encrocam`,
    '# Only what image.json lists: a small initramfs starts sooner. zstd is quick to unpack.\nMODULES=list\nCOMPRESS=zstd\nRUNSIZE=10%\nRESUME=none\n',
  );
  await mkdir(`${directory}/hooks`, { recursive: true });
  await writeFile(`${directory}/hooks/encrocam`, initramfsHook(image.initramfs.modules), { mode: 0o755 });
}

async function forgetOldTrees(directory: string, newest: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.tar'));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, timeMs: (await stat(`${directory}/${name}`)).mtimeMs })),
  );
  dated.sort((a, b) => b.timeMs - a.timeMs);
  for (const { name } of dated.slice(keptTrees)) {
    const file = `${directory}/${name}`;
    if (file === newest) continue;
    await rename(file, `${file}.forgotten`);
    await rm(`${file}.forgotten`);
  }
}
