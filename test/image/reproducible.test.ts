/** Builds the image twice, as two people would, and looks into it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { sha256OfFile } from '../../image/build/store.ts';
import { loadImage } from '../../image/description.ts';
import { type BuildResult, BuiltImage, build, removeDirectory } from './built.ts';
import { checkBootFiles } from './check-boot.ts';
import { checkContents } from './check-contents.ts';

const directories: string[] = [];
/** Of one commit, also if somebody commits while this runs. */
const pinned = { SOURCE_DATE_EPOCH: '1790000000' };
let first: BuildResult;
let image: BuiltImage;

before(async () => {
  first = await build({ env: { BASE: 'debian-13', ...pinned } });
  directories.push(first.output);
  assert.equal(first.exitCode, 0, first.messages);
  image = await BuiltImage.open(first, 'debian-13');
});

after(async () => {
  for (const directory of directories) await removeDirectory(directory);
});

async function temporary(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'encrocam-look-'));
  directories.push(directory);
  return directory;
}

test('a second build from the same packages is the same to the byte, wherever it is built', async () => {
  const second = await build({
    env: { LOCK: `${first.output}/image/packages.json`, ...pinned },
  });
  directories.push(second.output);
  assert.equal(second.exitCode, 0, second.messages);
  const again = await BuiltImage.open(second, 'debian-13');
  assert.equal(await sha256OfFile(again.file), await sha256OfFile(image.file));
});

test('what the firmware of a Raspberry Pi and an EFI loader need is there and fits together', async () => {
  const directory = await temporary();
  await image.extractBoot(directory);
  await checkBootFiles(directory, image);
});

test('the root file system holds nothing secret, nothing shared, and nothing left over', async () => {
  const directory = await temporary();
  const complaints = await image.extractExt4('root', directory);
  assert.doesNotMatch(complaints, /(?:could not|error|corrupt)/i);
  await checkContents(directory);
});

test('the config partition is empty: no LUKS header, not one byte', async () => {
  const { startBytes, bytes } = image.partition('config');
  const content = await image.readBytes(startBytes, bytes);
  assert.equal(content.equals(Buffer.alloc(bytes)), true);
});

test('the partition for recordings is an empty file system', async () => {
  const directory = await temporary();
  await image.extractExt4('recordings', directory);
  const { readdir } = await import('node:fs/promises');
  assert.deepEqual(await readdir(directory), ['lost+found']);
});

test('the partition table is what image.json says', async () => {
  const { $ } = await import('zx');
  const { stdout } = await $({
    quiet: true,
  })`${image.tools.command('usr/sbin/sfdisk', '--json', image.file)}`;
  const { partitiontable } = JSON.parse(stdout) as {
    partitiontable: {
      label: string;
      partitions: { name: string; start: number; size: number; uuid: string }[];
    };
  };
  assert.equal(partitiontable.label, 'gpt');
  const description = await loadImage();
  assert.deepEqual(
    partitiontable.partitions.map(({ name, size }) => [name, size * 512]),
    description.partitions.map(({ label, sizeMiB }) => [label, sizeMiB * 1024 ** 2]),
  );
  for (const { start } of partitiontable.partitions) {
    assert.equal((start * 512) % (description.alignmentMiB * 1024 ** 2), 0);
  }
  assert.equal(
    new Set(partitiontable.partitions.map(({ uuid }) => uuid)).size,
    description.partitions.length,
  );
});

test('a step can be run again by itself, and says so when an earlier one is missing', async () => {
  const directory = await temporary();
  const refused = await build({ output: directory, args: ['--only', 'boot'] });
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.messages, /USAGE|STEP_UNREADY/);
});

test('an answers file that breaks a rule is refused before anything is built', async () => {
  const directory = await temporary();
  const file = `${directory}/answers.json`;
  const { writeFile } = await import('node:fs/promises');
  await writeFile(
    file,
    JSON.stringify({ hostName: 'no spaces please', unlocking: { passphrase: 'top secret' } }),
  );
  const refused = await build({ env: { ANSWERS: file, LOCK: `${first.output}/image/packages.json` } });
  directories.push(refused.output);
  assert.notEqual(refused.exitCode, 0);
  assert.match(refused.messages, /hostName/);
  assert.doesNotMatch(refused.messages, /top secret/);
  const log = await readFile(`${refused.output}/log`, 'utf8');
  assert.doesNotMatch(log, /top secret/);
  assert.equal(existsSync(`${refused.output}/image/root`), false);
});
