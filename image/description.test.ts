import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import {
  DescriptionError,
  imageDirectory,
  loadBase,
  loadImage,
  validateBase,
  validateImage,
} from './description.ts';

const image = await loadImage();
const base = await loadBase('debian-13');

/** A copy with one value changed; `undefined` removes it. The path's last part may be a new field. */
function changed(value: object, path: string, to: unknown): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  const parts = path.split('.');
  const last = parts.pop() ?? '';
  let at = copy;
  for (const part of parts) at = at[part] as Record<string, unknown>;
  if (to === undefined) delete at[last];
  else at[last] = to;
  return copy;
}

function problemsOf(check: () => unknown): string[] {
  try {
    check();
  } catch (error) {
    assert.ok(error instanceof DescriptionError, String(error));
    assert.equal(error.code, 'DESCRIPTION_INVALID');
    return error.problems.map(({ field }) => field);
  }
  return [];
}

test('image.json and every base in bases/ are valid, and each base that image.json prefers exists', async () => {
  const names = readdirSync(`${imageDirectory}bases`).map((file) => file.replace(/\.json$/, ''));
  for (const name of names) assert.equal((await loadBase(name)).name, name);
  for (const name of image.bases) assert.ok(names.includes(name), name);
});

/** One wrong value for every field: the path that is changed, the value, and the field that the error must name. */
const wrongInImage: readonly (readonly [path: string, to: unknown, field?: string])[] = [
  ['name', 'Has Spaces'],
  ['title', ''],
  ['summary', 7],
  ['hostName', undefined],
  ['bases', []],
  ['bases.0', '../etc', 'bases[0]'],
  ['alignmentMiB', 0],
  ['alignmentMiB', '8'],
  ['partitions', []],
  ['partitions.0.label', 'Boot!', 'partitions[0].label'],
  ['partitions.0.label', 'root', 'partitions[1].label'],
  ['partitions.0.type', 'swap', 'partitions[0].type'],
  ['partitions.1.format', 'btrfs', 'partitions[1].format'],
  ['partitions.1.sizeMiB', 4, 'partitions[1].sizeMiB'],
  ['partitions.1.sizeMiB', 2049, 'partitions[1].sizeMiB'],
  ['partitions.1.mount', 'root', 'partitions[1].mount'],
  ['partitions.1.mount', '/srv', 'partitions'],
  ['partitions.1.options', 'rw, noatime', 'partitions[1].options'],
  ['partitions.0.format', 'ext4', 'partitions'],
  ['packages', 'ffmpeg'],
  ['packages.0', 'FFmpeg', 'packages[0]'],
  ['exclude.0.paths', [], 'exclude[0].paths'],
  ['exclude.0.paths.0', 'usr/share', 'exclude[0].paths[0]'],
  ['exclude.0.except', 'all', 'exclude[0].except'],
  ['exclude.0.why', undefined, 'exclude[0].why'],
  ['initramfs.modules', [], 'initramfs.modules'],
  ['stubs.0', 'ssh-keygen', 'stubs[0]'],
  ['users.0.name', 'Root', 'users[0].name'],
  ['users.0.name', 'unlock', 'users[1].name'],
  ['users.0.description', undefined, 'users[0].description'],
  ['users.0.home', 'var', 'users[0].home'],
  ['users.0.shell', '', 'users[0].shell'],
  ['users.0.groups', 'video', 'users[0].groups'],
  ['users.0.password', 'secret', 'users[0].password'],
  ['services.enable.0', 'ssh', 'services.enable[0]'],
  ['services.disable', undefined, 'services.disable'],
  ['services.mask.0', 'a b.service', 'services.mask[0]'],
  ['services.background', 'systemd-udevd.service', 'services.background'],
  ['kernel.commandLine.0', 'quiet splash', 'kernel.commandLine[0]'],
  ['compression.format', 'zstd', 'compression.format'],
  ['compression.level', 10, 'compression.level'],
  ['limits.compressedMiB', 0, 'limits.compressedMiB'],
  ['colour', 'red', 'colour'],
];

const wrongInBase: readonly (readonly [path: string, to: unknown, field?: string])[] = [
  ['name', undefined],
  ['title', 3],
  ['architecture', 'amd64'],
  ['keyring', 'http://keys.example/key'],
  ['boards', []],
  ['boards', ['pi9-64bit'], 'boards[0]'],
  ['deviceKeyring', 'key.gpg'],
  ['archives', []],
  ['archives.0.origin', '', 'archives[0].origin'],
  ['archives.0.label', undefined, 'archives[0].label'],
  ['archives.0.mirror', 'ftp://archive.example', 'archives[0].mirror'],
  ['archives.0.mirror', 'http://archive.example/debian/', 'archives[0].mirror'],
  ['archives.0.hostMirror', 'archive.example', 'archives[0].hostMirror'],
  ['archives.0.snapshot', 'http://snapshot.example/debian', 'archives[0].snapshot'],
  ['archives.0.suites', [], 'archives[0].suites'],
  ['archives.0.components', ['main non-free'], 'archives[0].components[0]'],
  ['archives.0.trusted', true, 'archives[0].trusted'],
  ['packages.0', 'a b', 'packages[0]'],
  ['unpackLast', 'linux-image-*'],
  ['silence', [{ paths: ['/etc/x'] }], 'silence[0].why'],
  ['exclude', undefined],
  ['accelerate.packages', undefined, 'accelerate.packages'],
  ['accelerate.notInInitramfs', 'kmod', 'accelerate.notInInitramfs'],
  ['accelerate.keepEmulated', ['uname'], 'accelerate.keepEmulated[0]'],
  ['boot.kernel', 'vmlinuz', 'boot.kernel'],
  ['boot.initramfs', undefined, 'boot.initramfs'],
  ['boot.efiLoader', 1, 'boot.efiLoader'],
  ['boot.deviceTrees', [], 'boot.deviceTrees'],
  ['boot.firmware', ['start4.elf'], 'boot.firmware[0]'],
  ['boot.configTxt', ['arm_64bit = 1'], 'boot.configTxt[0]'],
  ['boot.firmwareCommandLine', 'console=tty0', 'boot.firmwareCommandLine'],
  ['boot.uefiCommandLine', undefined, 'boot.uefiCommandLine'],
];

const shown = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value));

for (const [path, to, field] of wrongInImage) {
  test(`image.json with ${path} ${shown(to)} is refused, and the error names the field`, () => {
    const problems = problemsOf(() => validateImage(changed(image, path, to)));
    assert.ok(problems.includes(field ?? path), `named: ${problems}`);
  });
}

for (const [path, to, field] of wrongInBase) {
  test(`a base with ${path} ${shown(to)} is refused, and the error names the field`, () => {
    const problems = problemsOf(() => validateBase(changed(base, path, to), 'test'));
    assert.ok(problems.includes(field ?? path), `named: ${problems}`);
  });
}

test('an error tells what was expected and what was found', () => {
  assert.throws(
    () => validateImage(changed(image, 'compression.level', 12)),
    (error: DescriptionError) => {
      assert.deepEqual(error.problems, [
        { field: 'compression.level', expected: 'it to be <= 9', found: '12' },
      ]);
      return true;
    },
  );
});

test('all problems of a file are told at once', () => {
  const twice = changed(changed(image, 'alignmentMiB', 0) as object, 'compression.level', 12);
  assert.equal(problemsOf(() => validateImage(twice)).length >= 2, true);
});

test('a base that does not exist is refused by its name', async () => {
  await assert.rejects(loadBase('plan-9'), { code: 'DESCRIPTION_INVALID' });
});
