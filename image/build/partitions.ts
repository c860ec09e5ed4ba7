/**
 * Step `partitions`: the image file. Partition table, FAT and ext4 are written into one sparse file with sfdisk,
 * mtools and mke2fs: no loop devices, no mounts, no root. All ids follow from the build, so that the same build
 * gives the same bytes.
 */
import { existsSync } from 'node:fs';
import { open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImageError } from '../errors.ts';
import type { Partition } from '../types.ts';
import { artifactName, type Build } from './build.ts';
import { derivedSerial, derivedUuid } from './ids.ts';
import { layoutOf, type Placed, sectorBytes, sfdiskScript } from './layout.ts';

export async function partitions(build: Build): Promise<void> {
  const { image, runner, tools } = build;
  for (const directory of [build.tree, build.bootTree]) {
    if (existsSync(directory)) continue;
    throw new ImageError('STEP_UNREADY', `${directory} is missing.`, {
      hint: 'Run from the step bootstrap.',
    });
  }
  const seed = seedOf(build);
  const layout = layoutOf(image, (label) => derivedUuid(seed, `partition ${label}`));
  const file = imageFile(build);
  const making = `${file}.making`;
  await rm(making, { force: true });
  const handle = await open(making, 'w');
  await handle.truncate(layout.totalBytes);
  await handle.close();
  await runner.run(tools.command('usr/sbin/sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', making), {
    input: sfdiskScript(layout, derivedUuid(seed, 'disk')),
  });
  for (const placed of layout.partitions) {
    build.say(`partition ${placed.partition.label}`);
    await makeFileSystem(build, making, placed, seed);
  }
  await rename(making, file);
}

export function imageFile(build: Build): string {
  return `${build.output}/${artifactName(build)}.img`;
}

/** Everything that a build is made of: what differs here differs in all ids. */
function seedOf(build: Build): string {
  return [artifactName(build), build.epoch, ...build.packages.map(({ sha256 }) => sha256)].join('\n');
}

async function makeFileSystem(build: Build, file: string, placed: Placed, seed: string): Promise<void> {
  switch (placed.partition.format) {
    case 'fat32':
      return makeFat(build, file, placed, seed);
    case 'ext4':
      return makeExt4(build, file, placed, seed);
    case 'empty':
      return;
  }
}

async function makeFat(build: Build, file: string, placed: Placed, seed: string): Promise<void> {
  const { runner, tools, epoch, bootTree } = build;
  const drive = `${file}@@${placed.startBytes}`;
  const env = { MTOOLSRC: '/dev/null', TZ: 'UTC', SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: '1' };
  const label = placed.partition.label.toUpperCase();
  const sectors = placed.bytes / sectorBytes;
  await runner.run(
    tools.command(
      'mformat',
      '-i',
      drive,
      '-F',
      '-T',
      String(sectors),
      '-v',
      label,
      '-N',
      derivedSerial(seed, label),
      '::',
    ),
    { env },
  );
  // One after the other in sorted order: the directory entries' order is part of the bytes.
  const names = (await readdir(bootTree, { recursive: true })).sort();
  let bytes = 0;
  for (const name of names) {
    const source = path.join(bootTree, name);
    const info = await stat(source);
    if (info.isDirectory()) {
      await runner.run(tools.command('mmd', '-i', drive, `::/${name}`), { env });
      continue;
    }
    bytes += info.size;
    if (bytes > placed.bytes * 0.95) throw tooLarge(placed.partition, 'the boot files do not fit');
    await runner.run(['touch', '-d', `@${epoch}`, source]);
    await runner.run(tools.command('mcopy', '-i', drive, '-m', '-Q', source, `::/${name}`), { env });
  }
}

/** Nothing of the host's /etc/mke2fs.conf counts. */
const mke2fsConf = `[defaults]
  base_features = has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum
  default_mntopts = acl,user_xattr
  blocksize = 4096
  inode_size = 256
  inode_ratio = 16384
[fs_types]
  ext4 = {
  }
`;

async function makeExt4(build: Build, file: string, placed: Placed, seed: string): Promise<void> {
  const { runner, tools, epoch, work, tree } = build;
  const { label, mount } = placed.partition;
  const configuration = `${work}/mke2fs.conf`;
  await writeFile(configuration, mke2fsConf);
  const isRoot = mount === '/';
  const extended = [
    `hash_seed=${derivedUuid(seed, `hash seed ${label}`)}`,
    `offset=${placed.startBytes}`,
    'root_owner=0:0',
    'nodiscard',
    // Room in the group descriptors to grow to 1 TiB while mounted.
    ...(isRoot ? [] : ['resize=268435456']),
  ];
  // A system has many small files; recordings are few and large.
  const shape = isRoot ? ['-m', '1', '-d', tree] : ['-m', '0', '-i', '262144', '-J', 'size=16'];
  try {
    await runner.run(
      tools.command(
        'usr/sbin/mke2fs',
        ...['-q', '-F', '-t', 'ext4', '-L', label, '-U', derivedUuid(seed, `file system ${label}`)],
        ...['-E', extended.join(',')],
        ...shape,
        file,
        `${placed.bytes / 1024}k`,
      ),
      { env: { MKE2FS_CONFIG: configuration, SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC' } },
    );
  } catch (error) {
    if (error instanceof ImageError && /allocate block|No space/i.test(error.message)) {
      throw tooLarge(placed.partition, 'its files do not fit');
    }
    throw error;
  }
}

function tooLarge({ label, sizeMiB }: Partition, why: string): ImageError {
  return new ImageError('IMAGE_TOO_LARGE', `Partition ${label} (${sizeMiB} MiB): ${why}.`, {
    hint: 'Give it more room in image/image.json, or leave something out.',
  });
}
