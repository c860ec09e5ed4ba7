/** What must not be in the root file system that everybody flashes, and what must be whole. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { lstat, open, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { loadImage } from '../../image/description.ts';

interface Found {
  readonly name: string;
  readonly file: string;
  readonly start: Buffer;
}

const startBytes = 64;
const aarch64 = 183;

export async function checkContents(directory: string): Promise<void> {
  await checkAccounts(directory);
  for (const name of [
    'etc/ssh',
    'var/log',
    'var/cache/apt',
    'var/lib/apt/lists',
    'root',
    'tmp',
    'var/tmp',
    'run',
  ]) {
    const files = await filesUnder(path.join(directory, name));
    const unexpected = files.filter((file) => !expectedIn(name).some((pattern) => pattern.test(file)));
    assert.deepEqual(unexpected, [], `left over in /${name}`);
  }
  assert.equal((await lstat(`${directory}/etc/machine-id`)).size, 0);
  for (const absent of ['var/lib/dbus/machine-id', 'var/lib/systemd/random-seed', 'etc/.pwd.lock']) {
    assert.equal(existsSync(`${directory}/${absent}`), false, absent);
  }
  const programs: string[] = [];
  for await (const found of everyFile(directory)) {
    const { name, start } = found;
    assert.doesNotMatch(name, /(^|\/)(authorized_keys|id_(rsa|ed25519|ecdsa))$/);
    assert.doesNotMatch(name, /\.deb$/);
    assert.doesNotMatch(start.toString('latin1'), /^-----BEGIN [A-Z ]*PRIVATE KEY/, name);
    assert.notEqual(start.subarray(0, 4).toString('latin1'), 'LUKS', name);
    if (start.subarray(0, 4).toString('latin1') === '\x7fELF' && isProgram(name)) {
      assert.equal(start.readUInt16LE(18), aarch64, `${name} is of another machine`);
      programs.push(name);
    }
  }
  assert.ok(programs.length > 500, 'there are programs at all');
  await checkLibraries(directory, 'usr/bin/ffmpeg');
  await checkLibraries(directory, 'usr/lib/encrocam/node');
  await checkServices(directory);
}

/** Firmware for other processors is ELF too. */
function isProgram(name: string): boolean {
  return (
    /^usr\/(bin|sbin|lib|libexec)\//.test(name) &&
    !/^usr\/lib\/(firmware|raspi-firmware|linux-firmware)/.test(name)
  );
}

function expectedIn(name: string): RegExp[] {
  switch (name) {
    case 'etc/ssh':
      // The last is a link into systemd's own files.
      return [
        /^moduli$/,
        /^ssh_config$/,
        /^sshd_config$/,
        /^sshd_config\.d\/encrocam\.conf$/,
        /^ssh_config\.d\/20-systemd-ssh-proxy\.conf$/,
      ];
    case 'root':
      return [/^\.bashrc$/, /^\.profile$/];
    default:
      return [];
  }
}

async function checkAccounts(directory: string): Promise<void> {
  const lines = (await readFile(`${directory}/etc/shadow`, 'utf8')).trim().split('\n');
  for (const line of lines) {
    const [name, password] = line.split(':');
    assert.match(password ?? '', /^[!*]+$/, `${name} has no password, and cannot have an empty one`);
  }
  const passwd = await readFile(`${directory}/etc/passwd`, 'utf8');
  for (const { name, home, shell } of (await loadImage()).users) {
    assert.match(passwd, new RegExp(`^${name}:x:\\d+:\\d+:[^:]*:${home}:${shell}$`, 'm'));
  }
  for (const backup of ['passwd-', 'shadow-', 'group-', 'gshadow-']) {
    assert.equal(existsSync(`${directory}/etc/${backup}`), false, backup);
  }
}

async function checkServices(directory: string): Promise<void> {
  const { services } = await loadImage();
  const links = new Set(await readdir(`${directory}/etc/systemd/system`, { recursive: true }));
  for (const unit of services.enable) {
    assert.ok(
      [...links].some((link) => link.endsWith(`.wants/${unit}`)),
      `${unit} is enabled`,
    );
  }
  for (const unit of services.mask) {
    assert.equal(await readlink(`${directory}/etc/systemd/system/${unit}`), '/dev/null');
  }
  for (const unit of services.background) {
    assert.ok(existsSync(`${directory}/usr/lib/systemd/system/${unit}`), `${unit} exists`);
    const text = await readFile(`${directory}/etc/systemd/system/${unit}.d/background.conf`, 'utf8');
    assert.match(text, /^StartupCPUWeight=\d+$/m);
  }
}

async function filesUnder(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)));
}

async function* everyFile(directory: string): AsyncGenerator<Found> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const handle = await open(file, 'r');
    const start = Buffer.alloc(startBytes);
    await handle.read(start, 0, startBytes, 0);
    await handle.close();
    yield { name: path.relative(directory, file), file, start };
  }
}

/** Everything that the dynamic linker will look for is there, although some packages' files were left out. */
async function checkLibraries(directory: string, program: string): Promise<void> {
  const libraries = `${directory}/usr/lib/aarch64-linux-gnu`;
  const seen = new Set<string>();
  const waiting = [`${directory}/${program}`];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const name of neededBy(await readFile(file))) {
      if (seen.has(name)) continue;
      seen.add(name);
      const candidates = [libraries, `${libraries}/blas`, `${libraries}/lapack`, `${libraries}/pulseaudio`];
      const place = candidates
        .map((candidate) => `${candidate}/${name}`)
        .find((candidate) => existsSync(candidate));
      assert.ok(place, `${program} needs ${name}`);
      waiting.push(place);
    }
  }
  assert.ok(seen.has('libc.so.6'));
}

/** DT_NEEDED of a 64-bit little-endian ELF file. */
function neededBy(elf: Buffer): string[] {
  const at = (offset: number): number => Number(elf.readBigUInt64LE(offset));
  const sections = Array.from({ length: elf.readUInt16LE(60) }, (_, index) => at(40) + index * 64);
  const dynamic = sections.find((section) => elf.readUInt32LE(section + 4) === 6);
  if (dynamic === undefined) return [];
  const strings = sections[elf.readUInt32LE(dynamic + 40)];
  if (strings === undefined) return [];
  const names: string[] = [];
  const end = at(dynamic + 24) + at(dynamic + 32);
  for (let entry = at(dynamic + 24); entry < end; entry += 16) {
    if (at(entry) !== 1) continue;
    const start = at(strings + 24) + at(entry + 8);
    names.push(elf.subarray(start, elf.indexOf(0, start)).toString('latin1'));
  }
  return names;
}
