/**
 * A computer that ran before it heard of EncroCam: plain Debian on a disk, of the very packages that the image is made
 * of, before anything of ours is laid over them. What `encrocam install` is for.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, cp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { $ } from 'zx';
import { bundle } from '../../ci/bundle.ts';
import { build } from '../image/built.ts';
import { Card } from './card.ts';
import { type CardBox, imageUnderTest } from './image.ts';
import type { DirectBoot } from './machine.ts';
import { removeTemporary, temporaryDirectory } from './temporary.ts';

const base = 'debian-13';
const diskSize = '3G';
/** Where the owner unpacked the program. */
export const unpackedProgram = '/opt/encrocam';

export interface PlainSystem {
  readonly disk: Card;
  readonly directBoot: DirectBoot;
}

/** @param files what the owner put on it, by absolute path; readable by root alone. */
export async function plainSystem(
  cards: CardBox,
  files: Readonly<Record<string, string>>,
): Promise<PlainSystem> {
  const run = $({ quiet: true });
  const work = temporaryDirectory('plain');
  try {
    const { exitCode, messages } = await build({
      output: work,
      env: { BASE: base },
      args: ['--to', 'bootstrap', '--keep'],
    });
    assert.equal(exitCode, 0, messages);
    const tree = path.join(work, 'image/root');
    await putProgram(`${tree}${unpackedProgram}`, work);
    const written = {
      '/etc/machine-id': `${randomBytes(16).toString('hex')}\n`,
      '/etc/hostname': 'attic\n',
      '/etc/fstab': '/dev/vda / ext4 defaults 0 1\n',
      '/etc/systemd/network/80-dhcp.network': '[Match]\nType=ether\n[Network]\nDHCP=yes\n',
      ...files,
    };
    for (const [file, content] of Object.entries(written)) {
      await writeFile(`${tree}${file}`, content, { mode: file in files ? 0o600 : 0o644 });
      await chmod(`${tree}${file}`, file in files ? 0o600 : 0o644);
    }
    const wanted = `${tree}/etc/systemd/system/multi-user.target.wants`;
    for (const unit of ['systemd-networkd.service', 'ssh.service']) {
      await rm(path.join(wanted, unit), { force: true });
      await symlink(`/usr/lib/systemd/system/${unit}`, path.join(wanted, unit));
    }
    await run`ssh-keygen -A -f ${tree}`;
    const boot = path.join(tree, 'boot');
    const names = await readdir(boot);
    const bootFile = async (prefix: string): Promise<string> => {
      const name = names.find((one) => one.startsWith(prefix)) ?? assert.fail(`no ${prefix} in ${names}`);
      await cp(path.join(boot, name), path.join(cards.directory, name));
      return path.join(cards.directory, name);
    };
    const directBoot = {
      kernelFile: await bootFile('vmlinuz-'),
      initramfsFile: await bootFile('initrd.img-'),
      commandLine: 'root=/dev/vda rw console=ttyAMA0',
    };
    const disk = new Card(cards.nextFile());
    await run`mke2fs -q -t ext4 -d ${tree} ${disk.file} ${diskSize}`;
    return { disk, directBoot };
  } finally {
    removeTemporary(work);
  }
}

/** The bundle, and the Node.js for the machine's architecture from the image. */
async function putProgram(target: string, work: string): Promise<void> {
  await bundle(target);
  const image = new Card(await imageUnderTest());
  await image.extract('root', '/usr/lib/encrocam', work);
  await cp(path.join(work, 'encrocam/node'), path.join(target, 'node'));
}
