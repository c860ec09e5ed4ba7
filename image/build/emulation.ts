/**
 * Runs programs of the card's architecture inside its root file system, on a machine of another one.
 *
 * Two things make that quick. The emulator is a recent qemu-user of the tools tree, registered for this build only
 * (in the user namespace's own binfmt_misc where the kernel has that). And while packages are configured, the
 * programs that maintainer scripts spend their time in (shell, coreutils, perl, openssl, depmod…) are covered by
 * bind mounts of the same version's native builds, whose libraries lie in another multiarch directory. All mounts
 * are made in a mount namespace that ends with the command: nothing of it can stay in the tree.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ImageError, messageOf } from '../errors.ts';
import type { Namespace } from './namespace.ts';
import type { Runner } from './run.ts';
import { type Architecture, hostArchitecture, type Tools } from './tools.ts';

const binfmtDirectory = '/proc/sys/fs/binfmt_misc';
/** ELF, 64 bits, little-endian, executable or shared object, machine 183. */
const aarch64Magic =
  String.raw`\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:` +
  String.raw`\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff`;

export interface NativeProgram {
  readonly package: string;
  /** In the tree of native builds, and in the card's. */
  readonly path: string;
}

export interface Accelerators {
  /** Tree with the native builds. */
  readonly directory: string;
  readonly libraries: string;
  readonly programs: readonly NativeProgram[];
}

export interface ChrootOptions {
  readonly accelerators?: Accelerators;
  /** Programs that do nothing meanwhile. */
  readonly stubs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Emulation {
  readonly #runner: Runner;
  readonly #registered: string | undefined;
  readonly architecture: Architecture = hostArchitecture();

  private constructor(runner: Runner, registered: string | undefined) {
    this.#runner = runner;
    this.#registered = registered;
  }

  /** Makes programs of the card's architecture runnable. */
  static async start(runner: Runner, tools: Tools, kind: Namespace): Promise<Emulation> {
    if (process.arch === 'arm64') return new Emulation(runner, undefined);
    const interpreter = tools.file('qemu-aarch64');
    const name = `encrocam-${process.pid}`;
    try {
      if (kind === 'user' || !existsSync(`${binfmtDirectory}/register`)) {
        await runner.run(['mount', '-t', 'binfmt_misc', 'none', binfmtDirectory]);
      }
      // F: the kernel opens the emulator now, so that it need not exist in the tree. C, O: as the program itself.
      await writeFile(`${binfmtDirectory}/register`, `:${name}:M::${aarch64Magic}:${interpreter}:POCF`);
      return new Emulation(runner, kind === 'mount' ? name : undefined);
    } catch (cause) {
      if (await hostEmulates()) {
        runner.note(`using the host's own qemu-aarch64: ${messageOf(cause)}`);
        return new Emulation(runner, undefined);
      }
      throw new ImageError(
        'HOST_UNSUITABLE',
        `No emulator for arm64 can be registered: ${messageOf(cause)}.`,
        {
          cause,
          hint: 'Run make as root, install qemu-user-binfmt (qemu-user-static on older systems), or build on arm64.',
        },
      );
    }
  }

  /** Takes back what outlives the namespace. */
  async stop(): Promise<void> {
    if (this.#registered !== undefined) await writeFile(`${binfmtDirectory}/${this.#registered}`, '-1');
  }

  /** Runs a command inside the tree, with /proc and the harmless devices. */
  async chroot(tree: string, command: readonly string[], options: ChrootOptions = {}): Promise<string> {
    return this.#withMounts(tree, ['chroot', tree, ...command], options);
  }

  /** Runs a command of the host while the tree has its mounts: what it starts inside the tree finds them. */
  async around(tree: string, command: readonly string[], options: ChrootOptions = {}): Promise<string> {
    return this.#withMounts(tree, command, options);
  }

  async #withMounts(tree: string, command: readonly string[], options: ChrootOptions): Promise<string> {
    const { accelerators, stubs = [], env = {} } = options;
    const native = accelerators && process.arch !== 'arm64' ? accelerators : undefined;
    const { triplet, linker } = this.architecture;
    await mkdir(`${tree}/dev`, { recursive: true });
    await mkdir(`${tree}/proc`, { recursive: true });
    const mounts = ['mount --rbind /proc "$TREE/proc"'];
    for (const device of ['null', 'zero', 'full', 'random', 'urandom', 'tty']) {
      await writeFile(`${tree}/dev/${device}`, '', { flag: 'a' });
      mounts.push(`mount --bind /dev/${device} "$TREE/dev/${device}"`);
    }
    await symlink('/proc/self/fd', `${tree}/dev/fd`).catch(ignoreExisting);
    const stubFile = `${tree}/.stub`;
    await writeFile(stubFile, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    for (const stub of stubs) mounts.push(`mount --bind "$TREE/.stub" "$TREE${stub}"`);
    const directories: string[] = [];
    if (native) {
      const libraries = `/usr/lib/${triplet}`;
      directories.push(libraries, '/usr/lib64');
      await mkdir(`${tree}${libraries}`, { recursive: true });
      await mkdir(`${tree}/usr/lib64`, { recursive: true });
      await symlink('usr/lib64', `${tree}/lib64`).catch(ignoreExisting);
      await writeFile(`${tree}/usr/lib64/${linker}`, '', { flag: 'a' });
      mounts.push(
        `mount --bind "$NATIVE_LIBRARIES" "$TREE${libraries}"`,
        `mount --bind "$NATIVE${libraries}/${linker}" "$TREE/usr/lib64/${linker}"`,
      );
      for (const { path: program } of native.programs) {
        if (stubs.includes(program) || !existsSync(`${tree}${program}`)) continue;
        mounts.push(`mount --bind "$NATIVE${program}" "$TREE${program}"`);
      }
    }
    const script = `${tree}/.mounts`;
    await writeFile(script, `set -eu\n${mounts.join('\n')}\nrm "$TREE/.mounts"\nexec "$@"\n`);
    try {
      return await this.#runner.run(
        ['unshare', '--mount', '--propagation', 'private', 'sh', script, ...command],
        {
          env: {
            TREE: tree,
            NATIVE: native?.directory ?? '',
            NATIVE_LIBRARIES: native?.libraries ?? '',
            PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            HOME: '/root',
            DEBIAN_FRONTEND: 'noninteractive',
            DEBCONF_NONINTERACTIVE_SEEN: 'true',
            ...env,
          },
        },
      );
    } finally {
      await rm(`${tree}/dev`, { recursive: true, force: true });
      await mkdir(`${tree}/dev`);
      await rm(stubFile, { force: true });
      await rm(script, { force: true });
      if (native) {
        await rm(`${tree}/usr/lib64/${linker}`, { force: true });
        await unlink(`${tree}/lib64`);
        for (const directory of directories) await rmdir(`${tree}${directory}`);
      }
    }
  }
}

async function hostEmulates(): Promise<boolean> {
  for (const name of ['qemu-aarch64', 'qemu-aarch64-static']) {
    const text = await readFile(path.join(binfmtDirectory, name), 'utf8').catch(() => '');
    if (/^enabled$/m.test(text) && /^flags: \S*F/m.test(text)) return true;
  }
  return false;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
