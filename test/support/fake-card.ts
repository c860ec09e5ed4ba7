/**
 * A card in a directory: the files of a root file system, and scripted programs that keep the model of a LUKS volume,
 * of mounts and of accounts up to date. Nothing needs privileges. Power can be cut before or in the middle of any
 * operation; what is in memory (mounts, mappings, /run) is gone then, and what was written stays.
 */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { mapperDevice, paths } from '../../provision/place.ts';
import { createSystem, type ProgramResult, type RunOptions, type System } from '../../provision/system.ts';
import { EncroCamError } from '../../runtime/errors.ts';

export interface Volume {
  uuid: string | undefined;
  /** Key slots: what opens each. */
  slots: Map<number, string>;
  hasFileSystem: boolean;
}

export interface FakeCard {
  readonly root: string;
  readonly system: System;
  readonly volume: Volume;
  /** Every program that was run, with its arguments. */
  readonly calls: string[];
  /** What programs got on standard input. */
  readonly inputs: string[];
  /** Replaces the answer of a program. */
  readonly programs: Map<string, Program>;
  /** A system whose power goes off at the `operation`-th change. */
  cutAt(operation: number, when: 'before' | 'during'): { system: System; wasCut: () => boolean };
  /** What a reboot leaves. */
  reboot(): Promise<void>;
  read(file: string): Promise<string | undefined>;
  put(file: string, text: string): Promise<void>;
  remove(): Promise<void>;
}

export type Program = (args: readonly string[], options: RunOptions) => Promise<Partial<ProgramResult>>;

export class PowerCut extends Error {}

export async function createFakeCard(): Promise<FakeCard> {
  // In memory where that is to be had: thousands of fsyncs cost nothing there.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const root = await mkdtemp(path.join(parent, 'encrocam-card-'));
  const put = async (file: string, text: string): Promise<void> => {
    const target = path.join(root, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  };
  await put(
    '/etc/passwd',
    [
      'root:x:0:0:root:/root:/bin/bash',
      'encrocam:x:990:990::/nonexistent:/usr/sbin/nologin',
      'unlock:x:991:991::/var/lib/encrocam/unlock:/bin/sh',
      '',
    ].join('\n'),
  );
  await put('/etc/group', 'root:x:0:\nencrocam:x:990:\nunlock:x:991:\nvideo:x:44:\n');
  await put('/etc/hosts', '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n');
  for (const zone of ['Etc/UTC', 'Europe/Berlin']) await put(`/usr/share/zoneinfo/${zone}`, 'TZif2');
  await put('/proc/meminfo', 'MemTotal:        1900000 kB\nMemAvailable:    1500000 kB\n');
  await put('/proc/self/mounts', bootMount);
  await put('/proc/uptime', '90.00 120.00\n');
  await put('/proc/net/route', 'Iface\tDestination\nend0\t00000000\n');
  await put('/run/systemd/timesync/synchronized', '');
  await mkdir(path.join(root, 'boot/firmware'), { recursive: true });
  await mkdir(path.join(root, 'etc/encrocam'), { recursive: true });
  await mkdir(path.join(root, 'etc/ssh'), { recursive: true });
  await mkdir(path.join(root, 'dev/mapper'), { recursive: true });
  await put('/dev/vda3', '');

  const volume: Volume = { uuid: undefined, slots: new Map(), hasFileSystem: false };
  const calls: string[] = [];
  const inputs: string[] = [];
  const programs = new Map<string, Program>();
  const model = createModel(root, volume, put);

  const run = async (
    program: string,
    args: readonly string[],
    options: RunOptions = {},
    cutMidway = false,
  ): Promise<ProgramResult> => {
    calls.push([program, ...args].join(' '));
    if (options.input !== undefined) inputs.push(String(options.input));
    const handler = programs.get(program) ?? model.get(program);
    if (cutMidway) {
      await model.get(`${program} cut`)?.(args, options);
      throw new PowerCut();
    }
    const result = { exitCode: 0, output: '', errors: '', ...(await handler?.(args, options)) };
    if ((options.exitCodes ?? [0]).includes(result.exitCode)) return result;
    throw new EncroCamError('PROGRAM_FAILED', `${program} ended with code ${result.exitCode}`);
  };
  const noChown = async (): Promise<void> => undefined;
  const system = createSystem({ root, run, chown: noChown });

  return {
    root,
    system,
    volume,
    calls,
    inputs,
    programs,
    put,
    cutAt(operation, when) {
      let count = 0;
      let isOff = false;
      const changes = async (action: () => Promise<void>): Promise<void> => {
        if (isOff) throw new PowerCut();
        count++;
        if (count < operation) return action();
        isOff = true;
        if (when === 'during') await action();
        throw new PowerCut();
      };
      const cutRun: System['run'] = async (program, args, options) => {
        if (isOff) throw new PowerCut();
        count++;
        if (count < operation) return run(program, args, options);
        isOff = true;
        if (when === 'before') throw new PowerCut();
        return run(program, args, options, true);
      };
      const cut: System = {
        ...system,
        run: cutRun,
        write: (...args) => changes(() => system.write(...args)),
        link: (...args) => changes(() => system.link(...args)),
        makeDirectory: (...args) => changes(() => system.makeDirectory(...args)),
        remove: (...args) => changes(() => system.remove(...args)),
        wipe: (...args) => changes(() => system.wipe(...args)),
        rename: (...args) => changes(() => system.rename(...args)),
      };
      return { system: cut, wasCut: () => isOff };
    },
    async reboot() {
      await model.get('umount')?.([], {});
      await rm(path.join(root, mapperDevice), { force: true });
      await rm(path.join(root, paths.run), { recursive: true, force: true });
    },
    read: (file) => readFile(path.join(root, file), 'utf8').catch(() => undefined),
    remove: () => rm(root, { recursive: true, force: true }),
  };
}

const bootMount = `/dev/vda1 ${paths.boot} vfat rw 0 0\n/dev/vda4 ${paths.recordings} ext4 rw 0 0\n`;

const configMount = `${mapperDevice} ${paths.config} ext4 rw 0 0\n`;

const lsblk = {
  blockdevices: [
    { name: '/dev/sda', pkname: null, type: 'disk', partlabel: null },
    { name: '/dev/sda1', pkname: '/dev/sda', type: 'part', partlabel: 'config' },
    { name: '/dev/vda', pkname: null, type: 'disk', partlabel: null },
    ...['boot', 'root', 'config', 'recordings'].map((partlabel, index) => ({
      name: `/dev/vda${index + 1}`,
      pkname: '/dev/vda',
      type: 'part',
      partlabel,
    })),
  ],
};

function createModel(
  root: string,
  volume: Volume,
  put: (file: string, text: string) => Promise<void>,
): Map<string, Program> {
  const mountPoint = path.join(root, paths.config);
  const content = path.join(root, 'volume-content');
  const mounts = path.join(root, 'proc/self/mounts');
  const isMounted = async (): Promise<boolean> => (await readFile(mounts, 'utf8')).includes(paths.config);
  const slotOf = (input: string): number | undefined => {
    for (const [slot, key] of volume.slots) if (key === input) return slot;
    return undefined;
  };
  const after = (args: readonly string[], option: string): string => args[args.indexOf(option) + 1] ?? '';

  const cryptsetup: Program = async (args, options) => {
    const input = String(options.input ?? '');
    switch (args[0]) {
      case 'benchmark':
        return { output: 'aes-xts        512b      1700.0 MiB/s      1750.5 MiB/s\n' };
      case 'luksFormat':
        volume.uuid = `uuid-${Math.random().toString(36).slice(2)}`;
        volume.slots = new Map([[0, input]]);
        volume.hasFileSystem = false;
        return {};
      case 'erase':
        volume.slots.clear();
        return {};
      case 'isLuks':
        return { exitCode: volume.uuid === undefined ? 1 : 0 };
      case 'luksUUID':
        return { output: `${volume.uuid}\n` };
      case 'open': {
        if (slotOf(input) === undefined) return { exitCode: 2 };
        if (!args.includes('--test-passphrase')) await put(mapperDevice, '');
        return {};
      }
      case 'close':
        await rm(path.join(root, mapperDevice));
        return {};
      case 'luksDump':
        return { output: JSON.stringify({ keyslots: Object.fromEntries(volume.slots) }) };
      case 'luksKillSlot':
        volume.slots.delete(Number(args.at(-1)));
        return {};
      case 'luksAddKey':
        volume.slots.set(
          Number(after(args, '--key-slot')),
          Buffer.from(input)
            .subarray(Number(after(args, '--keyfile-size')))
            .toString(),
        );
        return {};
      default:
        throw new Error(`cryptsetup ${args[0]} is not modelled`);
    }
  };
  return new Map<string, Program>([
    ['cryptsetup', cryptsetup],
    // A header that was only half written when the power went.
    [
      'cryptsetup cut',
      async (args) => {
        if (args[0] === 'luksFormat') {
          volume.uuid = undefined;
          volume.slots.clear();
        }
        return {};
      },
    ],
    ['findmnt', async () => ({ output: '/dev/vda2\n' })],
    ['lsblk', async () => ({ output: JSON.stringify(lsblk) })],
    ['nproc', async () => ({ output: '4\n' })],
    [
      'mkfs.ext4',
      async () => {
        await rm(content, { recursive: true, force: true });
        await mkdir(content);
        volume.hasFileSystem = true;
        return {};
      },
    ],
    ['e2fsck', async () => ({ exitCode: volume.hasFileSystem ? 0 : 8 })],
    [
      'mount',
      async () => {
        if (!volume.hasFileSystem) return { exitCode: 32 };
        await rm(mountPoint, { recursive: true, force: true });
        await rename(content, mountPoint);
        await appendFile(mounts, configMount);
        return {};
      },
    ],
    [
      'umount',
      async () => {
        if (!(await isMounted())) return {};
        await rename(mountPoint, content);
        await mkdir(mountPoint);
        await writeFile(mounts, (await readFile(mounts, 'utf8')).replace(configMount, ''));
        return {};
      },
    ],
    [
      'useradd',
      async (args) => {
        const name = String(args.at(-1));
        const passwd = await readFile(path.join(root, 'etc/passwd'), 'utf8');
        // As useradd does while somebody else is in the files.
        const locked = await readFile(path.join(root, 'etc/passwd.lock')).catch(() => undefined);
        if (locked) return { exitCode: 1 };
        await put('/etc/passwd', `${passwd}${name}:x:1000:1000::/home/${name}:/bin/bash\n`);
        await put('/etc/group', `${await readFile(path.join(root, 'etc/group'), 'utf8')}${name}:x:1000:\n`);
        await mkdir(path.join(root, 'home', name), { recursive: true });
        return {};
      },
    ],
    [
      'userdel',
      async (args) => {
        const name = String(args.at(-1));
        const passwd = await readFile(path.join(root, 'etc/passwd'), 'utf8');
        await put('/etc/passwd', passwd.replace(new RegExp(`^${name}:.*\n`, 'm'), ''));
        await rm(path.join(root, 'home', name), { recursive: true, force: true });
        return {};
      },
    ],
    [
      'useradd cut',
      async () => {
        await put('/etc/passwd.lock', '1');
        return {};
      },
    ],
    [
      'ssh-keygen',
      async (args) => {
        const file = after(args, '-f');
        await writeFile(
          file,
          `-----BEGIN OPENSSH PRIVATE KEY-----\n${Math.random()}\n-----END OPENSSH PRIVATE KEY-----\n`,
        );
        await writeFile(`${file}.pub`, 'ssh-ed25519 AAAA\n');
        return {};
      },
    ],
    [
      'ssh-keygen cut',
      async (args) => {
        await writeFile(after(args, '-f'), '-----BEGIN OPENSSH');
        return {};
      },
    ],
  ]);
}
