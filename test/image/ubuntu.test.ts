/** Ubuntu goes through the very same steps: proven with an archive of the same shape, as its own cannot be asked. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { after, before, test } from 'node:test';
import { Apt, type PackageFile } from '../../image/build/apt.ts';
import type { Lock } from '../../image/build/packages.ts';
import { Runner } from '../../image/build/run.ts';
import { cacheDirectory } from '../../image/build/store.ts';
import { hostArchitecture } from '../../image/build/tools.ts';
import { imageDirectory, loadBase, loadImage } from '../../image/description.ts';
import type { Base } from '../../image/types.ts';
import { TestArchive } from './archive.ts';
import { type BuildResult, BuiltImage, build, removeDirectory } from './built.ts';
import { kernelStart, release, tinyPackages } from './noble.ts';

const name = 'ubuntu-24.04';
let directory = '';
let archive: TestArchive;
let base: Base;
let built: BuildResult;
let boot = '';
let rootFiles = '';

before(async () => {
  directory = await mkdtemp(`${tmpdir()}/encrocam-noble-`);
  archive = new TestArchive(`${directory}/archive`);
  await mkdir(`${directory}/archive`);
  base = await loadBase(name);
  const image = await loadImage();
  const present = await addDebian(archive, base);
  for (const item of tinyPackages([...image.packages, ...base.packages], present)) await archive.make(item);
  await archive.serve();
  // A cache of its own, so that the packages made here do not push out real ones; tools and Node.js are shared.
  await mkdir(`${directory}/cache`);
  for (const shared of ['tools', 'node']) {
    await mkdir(`${cacheDirectory()}/${shared}`, { recursive: true });
    await symlink(`${cacheDirectory()}/${shared}`, `${directory}/cache/${shared}`);
  }
  await writeBase(`${directory}/bases`, {});
  built = await run();
  assert.equal(built.exitCode, 0, built.messages);
  const opened = await BuiltImage.open(built, name, `${directory}/bases`);
  boot = `${directory}/boot`;
  rootFiles = `${directory}/root`;
  await mkdir(boot);
  await mkdir(rootFiles);
  await opened.extractBoot(boot);
  await opened.extractExt4('root', rootFiles);
});

after(async () => {
  await archive.close();
  await removeDirectory(directory);
});

/** Essential packages for the card, and native ones for this machine: what no test can make tiny. */
async function addDebian(into: TestArchive, of: Base): Promise<Set<string>> {
  const runner = new Runner(`${directory}/debian.log`, { PATH: process.env.PATH ?? '', LC_ALL: 'C.UTF-8' });
  const debian = await loadBase('debian-13');
  const cache = cacheDirectory();
  const names = new Set<string>();
  for (const [architecture, packages] of [
    [debian.architecture, ['?essential']],
    [hostArchitecture().debian, of.accelerate.packages],
  ] as const) {
    const apt = new Apt(runner, {
      directory: `${directory}/apt-${architecture}`,
      architecture,
      keyring: `${imageDirectory}${debian.keyring}`,
      sources: debian.archives.map(({ mirror, suites, components }) => ({ uri: mirror, suites, components })),
    });
    await apt.update();
    const resolved: readonly PackageFile[] = await apt.resolve(packages);
    const files = await apt.download(resolved, `${cache}/packages`);
    for (const [item, file] of files) {
      if (architecture !== debian.architecture && item.architecture === 'all') continue;
      await into.add(file);
      if (architecture === debian.architecture) names.add(item.name);
    }
  }
  await runner.close();
  return names;
}

/** The base as it is, but for the address of the archive and the key. */
async function writeBase(target: string, changes: Partial<Base>): Promise<void> {
  await mkdir(target, { recursive: true });
  const archives = base.archives.map((one) => ({ ...one, mirror: archive.url, hostMirror: archive.url }));
  const content = { ...base, archives, keyring: archive.keyring, ...changes };
  await writeFile(`${target}/${name}.json`, JSON.stringify(content));
}

async function run(
  bases = `${directory}/bases`,
  args: readonly string[] = [],
  cache = `${directory}/cache`,
): Promise<BuildResult> {
  const output = await mkdtemp(`${directory}/build-`);
  return build({
    output,
    env: { BASE: name, ENCROCAM_CACHE: cache },
    args: ['--bases', bases, ...args],
  });
}

test('packages come from all components, and the newest of all pockets is taken', async () => {
  const lock = JSON.parse(await readFile(`${built.output}/image/packages.json`, 'utf8')) as Lock;
  const versions = new Map(lock.packages.map((item) => [item.name, item.version]));
  assert.equal(lock.base, name);
  assert.equal(versions.get('ffmpeg'), '6.1.1');
  assert.equal(versions.get('sudo'), '1.9-1security');
  for (const wanted of ['linux-image-raspi', 'linux-firmware-raspi', `linux-modules-${release}`]) {
    assert.ok(versions.has(wanted), wanted);
  }
});

test('the boot partition has the kernel uncompressed, and firmware and device trees from where Ubuntu has them', async () => {
  assert.equal((await readFile(`${boot}/vmlinuz`)).equals(kernelStart()), true);
  for (const [file, content] of [
    ['bcm2711-rpi-4-b.dtb', 'pi 4'],
    ['bcm2712-rpi-5-b.dtb', 'pi 5'],
    ['overlays/disable-bt.dtbo', 'overlay'],
    ['start4.elf', 'start'],
    ['fixup4.dat', 'fixup'],
    ['EFI/BOOT/BOOTAA64.EFI', 'loader'],
  ] as const) {
    assert.equal(await readFile(`${boot}/${file}`, 'utf8'), content, file);
  }
  assert.match(await readFile(`${boot}/cmdline.txt`, 'utf8'), /console=serial0,115200/);
  assert.match(await readFile(`${boot}/initrd.img`, 'latin1'), /^070701/);
});

test('the system asks Ubuntu’s own archive for updates, with the key of its own package', async () => {
  const sources = await readFile(`${rootFiles}/etc/apt/sources.list.d/encrocam.sources`, 'utf8');
  assert.match(sources, /^Suites: noble noble-updates noble-security$/m);
  assert.match(sources, /^Components: main restricted universe multiverse$/m);
  assert.match(sources, /^Signed-By: \/usr\/share\/keyrings\/ubuntu-archive-keyring\.gpg$/m);
});

test('every package is configured, and what is left out is left out', async () => {
  const status = await readFile(`${rootFiles}/var/lib/dpkg/status`, 'utf8');
  const states = new Set([...status.matchAll(/^Status: (.*)$/gm)].map((match) => match[1]));
  assert.deepEqual([...states], ['install ok installed']);
  await assert.rejects(readFile(`${rootFiles}/usr/share/man/man1/ffmpeg.1.gz`), { code: 'ENOENT' });
  assert.equal(await readFile(`${rootFiles}/usr/share/doc/sudo/copyright`, 'utf8'), 'ISC');
});

test('services and users are set up, and no key was made while packages were configured', async () => {
  const calls = await readFile(`${rootFiles}/var/lib/calls`, 'utf8');
  assert.match(calls, /^systemd-sysusers \/usr\/lib\/sysusers\.d\/encrocam\.conf$/m);
  assert.match(calls, /^systemctl enable .*ssh\.service/m);
  assert.match(calls, /^systemctl disable .*apt-daily\.timer/m);
  assert.doesNotMatch(calls, /ssh-keygen/);
});

test('an archive signed with another key is refused, and no other base is tried instead', async () => {
  const stranger = await archive.newKey('stranger');
  await archive.resign('noble-security', stranger);
  try {
    const refused = await run();
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.messages, /\[ARCHIVE_UNTRUSTED\]/);
  } finally {
    await archive.resign('noble-security', `${archive.directory}/gnupg-archive`);
  }
});

test('an archive without a signature is refused', async () => {
  const { rename } = await import('node:fs/promises');
  const signed = `${archive.directory}/ubuntu/dists/noble/InRelease`;
  await rename(signed, `${signed}.away`);
  try {
    const refused = await run();
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.messages, /\[ARCHIVE_UNTRUSTED\]/);
  } finally {
    await rename(`${signed}.away`, signed);
  }
});

test('an index that is not what the signature covers is refused', async () => {
  const file = `${archive.directory}/ubuntu/dists/noble-updates/universe/binary-arm64/Packages`;
  const content = await readFile(file, 'utf8');
  const packed = await readFile(`${file}.gz`);
  await writeFile(file, content.replace('6.1.1', '6.6.6'));
  await writeFile(`${file}.gz`, Buffer.concat([packed.subarray(0, -1), Buffer.from([1])]));
  try {
    // Without the lists that earlier builds fetched: apt would rightly not ask for them again.
    const refused = await run(undefined, ['--to', 'packages'], `${directory}/empty-cache`);
    assert.notEqual(refused.exitCode, 0);
    assert.match(refused.messages, /\[ARCHIVE_UNTRUSTED\]/);
  } finally {
    await writeFile(file, content);
    await writeFile(`${file}.gz`, packed);
  }
});

test('a package that is not what the index says is refused, and is not kept', async () => {
  await archive.make({ name: 'fresh', version: '1' });
  const bases = `${directory}/bases-fresh`;
  await writeBase(bases, { packages: [...base.packages, 'fresh'] });
  // Published anew with the package in it; then the file is changed behind the index.
  await archive.republish();
  await writeFile(`${archive.directory}/ubuntu/pool/main/fresh_1_all.deb`, 'something else');
  const refused = await run(bases, ['--to', 'packages']);
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.messages, /\[(ARCHIVE_UNTRUSTED|COMMAND_FAILED)\]/);
});

test('a base whose archive does not answer is passed over aloud, for the next in order', async () => {
  const bases = `${directory}/bases-order`;
  const nowhere = 'http://127.0.0.1:9/ubuntu';
  await writeBase(bases, {
    archives: base.archives.map((one) => ({ ...one, mirror: nowhere, hostMirror: nowhere })),
  });
  const debian = await readFile(`${imageDirectory}bases/debian-13.json`, 'utf8');
  await writeFile(`${bases}/debian-13.json`, debian);
  const output = await mkdtemp(`${directory}/build-`);
  const result = await build({
    output,
    env: { ENCROCAM_CACHE: `${directory}/cache` },
    args: ['--bases', bases, '--to', 'packages'],
  });
  assert.equal(result.exitCode, 0, result.messages);
  assert.match(result.messages, /NOT Ubuntu/);
  assert.match(result.messages, /base: Debian 13/);
  const lock = JSON.parse(await readFile(`${output}/image/packages.json`, 'utf8')) as Lock;
  assert.equal(lock.base, 'debian-13');
});

test('if no base answers, all that were tried are told', async () => {
  const bases = `${directory}/bases-none`;
  const nowhere = 'http://127.0.0.1:9/ubuntu';
  await writeBase(bases, {
    archives: base.archives.map((one) => ({ ...one, mirror: nowhere, hostMirror: nowhere })),
  });
  const refused = await run(bases);
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.messages, /\[ARCHIVE_UNREACHABLE\]/);
  assert.match(refused.messages, /127\.0\.0\.1:9/);
});
