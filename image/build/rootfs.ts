/**
 * Step `rootfs`: our files, program, users and services over the configured packages; then every time in the tree
 * is brought into the past of the last commit.
 */
import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { imageDirectory } from '../description.ts';
import { ImageError } from '../errors.ts';
import { bootSettings } from './boot-texts.ts';
import { bootstrapEpoch } from './bootstrap.ts';
import type { Build } from './build.ts';
import { cameraNode } from './node.ts';
import { removeTraces } from './traces.ts';

/** A fifth of what a service gets by default. */
const backgroundCpuWeight = 20;

export async function rootfs(build: Build): Promise<void> {
  const { tree, image, base, runner } = build;
  if (!existsSync(`${tree}/usr/bin`)) {
    throw new ImageError('STEP_UNREADY', `${tree} holds no root file system.`, {
      hint: 'Run from the step bootstrap.',
    });
  }
  await layOver(`${imageDirectory}rootfs`, tree);
  await writeFile(`${tree}/etc/hostname`, `${image.hostName}\n`);
  await writeFile(`${tree}/etc/hosts`, hostsText(image.hostName));
  await writeFile(`${tree}/etc/apt/sources.list.d/${image.name}.sources`, aptSources(build));
  await mkdir(`${tree}/usr/lib/encrocam-image`, { recursive: true });
  await writeFile(`${tree}/usr/lib/encrocam-image/boot.conf`, bootSettings(base));
  await writeFile(`${tree}/usr/lib/encrocam-image/release`, releaseText(build));
  await program(build);
  await users(build);
  await services(build);
  await symlink('../run/systemd/resolve/stub-resolv.conf', `${tree}/etc/resolv.conf`).catch(ignoreExisting);
  const host = await readFile(`${tree}/etc/hostname`, 'utf8');
  const resolver = `${tree}/etc/resolv.conf`;
  await removeTraces(tree);
  await writeFile(`${tree}/etc/hostname`, host);
  await symlink('../run/systemd/resolve/stub-resolv.conf', resolver);
  await settle(build);
  await runner.run([
    'find',
    tree,
    '-xdev',
    '-newermt',
    `@${build.epoch}`,
    '-exec',
    'touch',
    '-hd',
    `@${build.epoch}`,
    '{}',
    '+',
  ]);
}

/** Copies files with the modes that matter: executable or not, whatever the umask of the checkout. */
async function layOver(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of (await readdir(from, { recursive: true })).sort()) {
    const source = path.join(from, name);
    const target = path.join(to, name);
    const stat = await lstat(source);
    if (stat.isDirectory()) {
      if (existsSync(target)) continue;
      await mkdir(target);
      await chmod(target, 0o755);
    } else {
      await rm(target, { force: true });
      await cp(source, target, { verbatimSymlinks: true });
      if (stat.isSymbolicLink()) continue;
      await chmod(target, name.startsWith('etc/sudoers.d/') ? 0o440 : stat.mode & 0o100 ? 0o755 : 0o644);
    }
  }
}

/** The bundle with the pinned Node.js beside it, and the units that came with it. */
async function program(build: Build): Promise<void> {
  const { tree, repository, runner, work } = build;
  build.say('bundling the program');
  const bundle = `${work}/bundle`;
  await runner.run([process.execPath, `${repository}/ci/bundle.ts`, bundle], { cwd: repository });
  const target = `${tree}/usr/lib/encrocam`;
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const name of (await readdir(bundle)).sort()) {
    if (name !== 'units') await cp(`${bundle}/${name}`, `${target}/${name}`, { recursive: true });
  }
  await cp(await cameraNode(build), `${target}/node`);
  await chmod(`${target}/node`, 0o755);
  await chmod(`${target}/encrocam`, 0o755);
  await rm(`${tree}/usr/bin/encrocam`, { force: true });
  await symlink('../lib/encrocam/encrocam', `${tree}/usr/bin/encrocam`);
  await layOver(`${bundle}/units`, `${tree}/usr/lib/systemd/system`);
  for (const directory of [
    '/var/lib/encrocam',
    '/var/lib/encrocam/recordings',
    '/etc/encrocam',
    '/boot/firmware',
  ]) {
    await mkdir(`${tree}${directory}`, { recursive: true });
    await chmod(`${tree}${directory}`, 0o755);
  }
}

async function users(build: Build): Promise<void> {
  const lines = build.image.users.flatMap(({ name, description, home, shell, groups }) => [
    `u ${name} - "${description}" ${home} ${shell}`,
    ...groups.map((group) => `m ${name} ${group}`),
  ]);
  const file = '/usr/lib/sysusers.d/encrocam.conf';
  await mkdir(`${build.tree}/usr/lib/sysusers.d`, { recursive: true });
  await writeFile(`${build.tree}${file}`, `# Written from image/image.json.\n${lines.join('\n')}\n`);
  await build.emulation.chroot(build.tree, ['systemd-sysusers', file], {
    env: { SOURCE_DATE_EPOCH: String(bootstrapEpoch) },
  });
}

async function services({ tree, image, emulation }: Build): Promise<void> {
  const { enable, disable, mask, background } = image.services;
  // For whatever is installed later on the camera, and for those who look where it is decided.
  const preset = [...enable.map((unit) => `enable ${unit}`), ...disable.map((unit) => `disable ${unit}`)];
  await mkdir(`${tree}/usr/lib/systemd/system-preset`, { recursive: true });
  await writeFile(`${tree}/usr/lib/systemd/system-preset/10-encrocam.preset`, `${preset.join('\n')}\n`);
  for (const unit of background) {
    const directory = `${tree}/etc/systemd/system/${unit}.d`;
    await mkdir(directory, { recursive: true });
    await writeFile(
      `${directory}/background.conf`,
      `# Written from image/image.json.\n[Service]\nStartupCPUWeight=${backgroundCpuWeight}\n`,
    );
  }
  const present = disable.filter((unit) => existsSync(`${tree}/usr/lib/systemd/system/${unit}`));
  if (present.length > 0) await emulation.chroot(tree, ['systemctl', 'disable', ...present]);
  if (mask.length > 0) await emulation.chroot(tree, ['systemctl', 'mask', ...mask]);
  if (enable.length > 0) await emulation.chroot(tree, ['systemctl', 'enable', ...enable]);
}

/** Tells systemd that its caches are of this image: rebuilding them would take the first boot half a minute. */
async function settle({ tree, epoch }: Build): Promise<void> {
  for (const directory of ['etc', 'var']) {
    const file = `${tree}/${directory}/.updated`;
    await writeFile(file, `# For systemd's ConditionNeedsUpdate=.\nTIMESTAMP_NSEC=${epoch}000000000\n`);
    await utimes(file, epoch, epoch);
  }
  // The clock of a board without a battery never starts before this.
  await writeFile(`${tree}/usr/lib/clock-epoch`, '');
  await utimes(`${tree}/usr`, epoch, epoch);
}

function hostsText(name: string): string {
  return `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost ip6-localhost ip6-loopback\n`;
}

function aptSources({ base }: Build): string {
  return base.archives
    .map(({ mirror, suites, components }) =>
      [
        'Types: deb',
        `URIs: ${mirror}`,
        `Suites: ${suites.join(' ')}`,
        `Components: ${components.join(' ')}`,
        `Signed-By: ${base.deviceKeyring}`,
        '',
      ].join('\n'),
    )
    .join('\n');
}

function releaseText({ image, base, version, epoch }: Build): string {
  return `NAME=${image.title}\nVERSION=${version}\nBASE=${base.name}\nCOMMIT_TIME=${epoch}\n`;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
