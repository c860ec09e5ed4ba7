/** The pure parts of the build, one by one. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadBase, loadImage } from '../description.ts';
import { parseUris } from './apt.ts';
import { bmapText, scanImage } from './bmap.ts';
import { bootSettings, cmdlineTxt, loaderEntry } from './boot-texts.ts';
import { foreignPrograms, readInitramfs } from './cpio.ts';
import { exclusionOptions, fstabText, initramfsHook } from './fstab.ts';
import { derivedSerial, derivedUuid } from './ids.ts';
import { biggest, manifestText, parseDpkgStatus, spdxDocument } from './inventory.ts';
import { layoutOf, sfdiskScript } from './layout.ts';
import { parseIndexTargets, sourcesOf } from './mirrors.ts';
import { selectSteps, steps } from './steps.ts';
import { cached, keyOf } from './store.ts';

const image = await loadImage();
const debian = await loadBase('debian-13');
const ubuntu = await loadBase('ubuntu-24.04');
const mebibyte = 1 << 20;

test('partitions are aligned, follow each other without overlap, and leave room for both tables', () => {
  const layout = layoutOf(image, (label) => derivedUuid('seed', label));
  let end = mebibyte;
  for (const { startBytes, bytes } of layout.partitions) {
    assert.equal(startBytes % (image.alignmentMiB * mebibyte), 0);
    assert.ok(startBytes >= end);
    end = startBytes + bytes;
  }
  assert.ok(layout.totalBytes >= end + 33 * 512);
  const script = sfdiskScript(layout, derivedUuid('seed', 'disk'));
  for (const { label } of image.partitions) assert.match(script, new RegExp(`name="${label}"`));
});

test('derived ids are the same for the same build, and differ by purpose and by build', () => {
  assert.equal(derivedUuid('a', 'x'), derivedUuid('a', 'x'));
  assert.notEqual(derivedUuid('a', 'x'), derivedUuid('a', 'y'));
  assert.notEqual(derivedUuid('a', 'x'), derivedUuid('b', 'x'));
  assert.match(
    derivedUuid('a', 'x'),
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.match(derivedSerial('a', 'x'), /^[0-9a-f]{8}$/);
});

test('steps are selected by --only, --from and --to, and a wrong name is told', () => {
  assert.deepEqual(selectSteps({}), steps);
  assert.deepEqual(selectSteps({ only: 'boot' }), ['boot']);
  assert.deepEqual(selectSteps({ from: 'boot', to: 'partitions' }), ['boot', 'partitions']);
  for (const wrong of [{ only: 'bake' }, { only: 'boot', from: 'boot' }, { from: 'artifacts', to: 'boot' }]) {
    assert.throws(() => selectSteps(wrong), { code: 'USAGE' });
  }
});

const hash = 'a'.repeat(64);

test('what apt is about to fetch is read with its hash, whatever characters are in names and versions', () => {
  const text = [
    'Reading package lists...',
    `'http://m/pool/l/libllvm19_1%3a19.1-3%2bb1_arm64.deb' libllvm19_1%3a19.1-3+b1_arm64.deb 23 SHA256:${hash}`,
    `'http://m/pool/g/g++_12_all.deb' g++_12~rc_all.deb 5 SHA256:${hash}`,
  ].join('\n');
  assert.deepEqual(
    parseUris(text).map(({ name, version, architecture, bytes }) => [name, version, architecture, bytes]),
    [
      ['g++', '12~rc', 'all', 5],
      ['libllvm19', '1:19.1-3+b1', 'arm64', 23],
    ],
  );
});

test('a package without a SHA-256 is refused', () => {
  const text = "'http://m/a_1_all.deb' a_1_all.deb 5 MD5Sum:900150983cd24fb0d6963f7d28e17f72";
  assert.throws(() => parseUris(text), { code: 'ARCHIVE_UNTRUSTED' });
});

test('the mirror is a snapshot if one is asked for, else the host’s own, else the base’s', () => {
  const host = parseIndexTargets('Debian|Debian|http://mirror.example/debian/\nNode|Node|https://x/\n||\n');
  const uris = (choice: Parameters<typeof sourcesOf>[1]): string[] =>
    sourcesOf(debian, choice).map(({ uri }) => uri);
  assert.deepEqual(uris({ host }), ['http://mirror.example/debian', 'http://deb.debian.org/debian-security']);
  assert.deepEqual(
    uris({ host: [] }),
    debian.archives.map(({ mirror }) => mirror),
  );
  assert.match(uris({ host, snapshot: '20260801T000000Z' })[0] ?? '', /20260801T000000Z$/);
});

test('an archive that is split by architecture is not looked for where the host gets its own packages', () => {
  const host = [{ origin: 'Ubuntu', label: 'Ubuntu', uri: 'http://de.archive.example/ubuntu' }];
  const [card] = sourcesOf(ubuntu, { host });
  const [native] = sourcesOf(ubuntu, { host, native: true });
  assert.equal(card?.uri, ubuntu.archives[0]?.mirror);
  assert.equal(native?.uri, ubuntu.archives[0]?.hostMirror);
});

test('every partition with a mount point is in fstab by its label, and the temporary files are in memory', () => {
  const text = fstabText(image);
  for (const { label, mount } of image.partitions) {
    if (mount) assert.match(text, new RegExp(`^PARTLABEL=${label} ${mount} `, 'm'));
    else assert.doesNotMatch(text, new RegExp(`PARTLABEL=${label} `));
  }
  assert.match(text, /^tmpfs \/tmp tmpfs /m);
});

test('modules for the initramfs are taken along by a hook, not loaded one and all', () => {
  const hook = initramfsHook(['ext4', 'virtio_blk']);
  assert.match(hook, /^manual_add_modules ext4 virtio_blk$/m);
  assert.match(hook, /prereqs/);
});

test('licences stay though documentation is left out', () => {
  const options = exclusionOptions(image, debian);
  const excluded = options.indexOf('path-exclude=/usr/share/doc/*');
  assert.ok(excluded >= 0 && options.indexOf('path-include=/usr/share/doc/*/copyright') > excluded);
});

test('the consoles of both ways to boot are on their command lines, and the root partition is found by its label', () => {
  for (const base of [debian, ubuntu]) {
    assert.match(cmdlineTxt(image, base), /console=tty0 /);
    assert.match(cmdlineTxt(image, base), /root=PARTLABEL=root /);
    assert.match(loaderEntry(image, base), /console=ttyAMA0,115200 root=PARTLABEL=root /);
    assert.doesNotMatch(bootSettings(base), /\{release\}/);
  }
});

test('the block map lists what is not zero and what must become zero, and its checksum is its own', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-bmap-'));
  try {
    const file = `${directory}/image`;
    const handle = await open(file, 'w');
    await handle.truncate(10_000_000);
    await handle.write(Buffer.from([1]), 0, 1, 5_000_000);
    await handle.close();
    const scan = await scanImage(file, [{ startBytes: 8192, bytes: 8192 }]);
    assert.equal(scan.bytes, 10_000_000);
    assert.equal(scan.mappedBlocks, 3);
    assert.deepEqual(
      scan.ranges.map(({ first, last }) => [first, last]),
      [
        [2, 3],
        [1220, 1220],
      ],
    );
    const text = bmapText(scan);
    const { createHash } = await import('node:crypto');
    const [, own = ''] = /<BmapFileChecksum> ([0-9a-f]{64}) </.exec(text) ?? [];
    assert.equal(
      createHash('sha256')
        .update(text.replace(own, '0'.repeat(64)))
        .digest('hex'),
      own,
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});

const status = [
  'Package: ffmpeg\nStatus: install ok installed\nInstalled-Size: 100\nArchitecture: arm64\nVersion: 7:7.1\nHomepage: https://ffmpeg.org/',
  'Package: adduser\nStatus: install ok installed\nInstalled-Size: 400\nArchitecture: all\nVersion: 3.1\nSource: adduser (3.0)',
  'Package: gone\nStatus: deinstall ok config-files\nVersion: 1',
].join('\n\n');

test('the manifest holds what is installed and nothing else, in order', () => {
  const packages = parseDpkgStatus(status);
  assert.equal(manifestText(packages), 'adduser 3.1 all\nffmpeg 7:7.1 arm64\n');
  assert.deepEqual(
    biggest(packages, 1).map(({ name }) => name),
    ['adduser'],
  );
});

test('the SPDX document describes the image and contains every package once', () => {
  const document = spdxDocument({
    name: 'encrocam',
    version: '1',
    distribution: 'debian',
    epoch: 1_700_000_000,
    packages: parseDpkgStatus(status),
    sha256: new Map([['ffmpeg', hash]]),
    npm: [{ name: 'ajv', version: '8.0.0', licence: 'MIT' }],
  }) as { packages: { SPDXID: string }[]; relationships: unknown[]; creationInfo: { created: string } };
  const ids = document.packages.map(({ SPDXID }) => SPDXID);
  assert.equal(new Set(ids).size, 4);
  assert.equal(document.relationships.length, 3);
  assert.equal(document.creationInfo.created, '2023-11-14T22:13:20Z');
  for (const id of ids) assert.match(id, /^SPDXRef-[A-Za-z0-9.-]+$/);
});

/** One entry of a cpio archive in the newc form. */
function cpioEntry(name: string, content: Buffer): Buffer {
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  const fields = [1, 0o100755, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0].map(hex).join('');
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat([pad(Buffer.from(`070701${fields}${name}\0`, 'latin1')), pad(content)]);
}

test('a program of the building machine in an initramfs is found, also behind compression', async () => {
  const { zstdCompressSync } = await import('node:zlib');
  const elf = (machine: number): Buffer => {
    const bytes = Buffer.alloc(64);
    bytes.write('\x7fELF', 'latin1');
    bytes.writeUInt16LE(machine, 18);
    return bytes;
  };
  const trailer = cpioEntry('TRAILER!!!', Buffer.alloc(0));
  const early = Buffer.concat([cpioEntry('kernel/x', Buffer.from('text')), trailer, Buffer.alloc(512)]);
  const late = Buffer.concat([cpioEntry('bin/kmod', elf(62)), cpioEntry('bin/sh', elf(183)), trailer]);
  const entries = readInitramfs(Buffer.concat([early, zstdCompressSync(late)]));
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['kernel/x', 'bin/kmod', 'bin/sh'],
  );
  assert.deepEqual(foreignPrograms(entries), ['bin/kmod']);
});

test('a damaged initramfs is an error, not an empty one', () => {
  assert.throws(() => readInitramfs(Buffer.from('not an initramfs')));
});

test('a cache entry that could not be finished does not exist, and a finished one is not made again', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-store-'));
  try {
    const entry = `${directory}/entry`;
    const { existsSync } = await import('node:fs');
    const { writeFile, readdir } = await import('node:fs/promises');
    await assert.rejects(
      cached(entry, async (temporary) => {
        await writeFile(temporary, 'half');
        throw new Error('power cut');
      }),
    );
    assert.equal(existsSync(entry), false);
    let made = 0;
    const make = async (temporary: string): Promise<void> => {
      made += 1;
      await writeFile(temporary, 'whole');
    };
    await cached(entry, make);
    await cached(entry, make);
    assert.equal(made, 1);
    assert.deepEqual(await readdir(directory), ['entry']);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('keys of the cache tell apart parts that join to the same text', () => {
  assert.notEqual(keyOf('ab', 'c'), keyOf('a', 'bc'));
});
