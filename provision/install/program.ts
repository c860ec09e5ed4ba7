/** The program's own files on an installed system: bundle, Node.js, units, users. The image has the same. */
import { cp, readdir, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { paths } from '../place.ts';
import { unlockUser } from '../steps/authorized-keys.ts';
import type { System } from '../system.ts';

const unitDirectory = '/usr/lib/systemd/system';
const launcher = '/usr/bin/encrocam';
const unlockHome = '/var/lib/encrocam/unlock';

/** These belong to a card alone: on a system that exists its partitions, consoles and start are not ours. */
export const cardOnlyUnits: readonly string[] = [
  'encrocam-start-up.service',
  'encrocam-pair.service',
  'encrocam-provision.service',
  'getty@.service.d',
  'serial-getty@.service.d',
];

/** What is switched on. The target is not: the agent starts it, after unlocking. */
export const enabledUnits: readonly string[] = [
  'encrocam-agent.socket',
  'encrocam-ledger.service',
  'encrocam-network-unlock.service',
  'encrocam-record.service',
  'encrocam-sync.service',
];

/**
 * The directory with the bundle that this program is part of.
 * @throws {EncroCamError} `SYSTEM_UNSUITABLE` in a checkout where it was not made yet.
 */
export async function findBundle(script: string | undefined = process.argv[1]): Promise<string> {
  const candidates = [
    script === undefined ? undefined : path.dirname(await realpath(script)),
    fileURLToPath(new URL('../../build/bundle', import.meta.url)),
  ];
  for (const directory of candidates) {
    if (directory !== undefined && (await isBundle(directory))) return directory;
  }
  throw new EncroCamError('SYSTEM_UNSUITABLE', 'The program to install was not found.', {
    hint: 'In a checkout, make it first: make bundle',
  });
}

async function isBundle(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => [] as string[]);
  return ['cli.js', 'encrocam', 'units'].every((name) => names.includes(name));
}

/** Puts bundle and Node.js in place; what was there goes once the new one is complete. */
export async function copyProgram(system: System, bundle: string, node = process.execPath): Promise<void> {
  const target = system.at(paths.program);
  if ((await realpath(target).catch(() => undefined)) !== bundle) {
    const fresh = `${target}.new`;
    const old = `${target}.old`;
    await rm(fresh, { recursive: true, force: true });
    await cp(bundle, fresh, { recursive: true });
    await cp(await realpath(node), path.join(fresh, 'node'));
    await system.run('chown', ['--recursive', '0:0', fresh]);
    await system.run('chmod', ['--recursive', 'u=rwX,go=rX', fresh]);
    await system.run('sync', []);
    await rm(old, { recursive: true, force: true });
    if (await system.exists(paths.program)) await rename(target, old);
    await rename(fresh, target);
    await rm(old, { recursive: true, force: true });
  }
  await system.link(`${paths.program}/encrocam`, launcher);
}

/** Names of the units that an installed system has, from those in the bundle. */
export async function installedUnitNames(unitsDirectory: string): Promise<string[]> {
  const names = (await readdir(unitsDirectory)).sort();
  return names.filter((name) => !cardOnlyUnits.includes(name));
}

export async function copyUnits(system: System, bundle: string): Promise<void> {
  const source = path.join(bundle, 'units');
  for (const name of await installedUnitNames(source)) {
    const target = system.at(path.join(unitDirectory, name));
    await rm(target, { recursive: true, force: true });
    await cp(path.join(source, name), target, { recursive: true });
  }
  await system.run('systemctl', ['daemon-reload']);
}

export async function removeUnits(system: System): Promise<void> {
  for (const name of await system.list(unitDirectory)) {
    if (name.startsWith('encrocam')) await system.remove(`${unitDirectory}/${name}`);
  }
  await system.run('systemctl', ['daemon-reload']);
}

export async function removeProgram(system: System): Promise<void> {
  await system.remove(launcher);
  await system.remove(paths.program);
}

/** `encrocam` runs the services, `unlock` is who one logs in as over SSH to unlock. Neither has a password. */
export async function ensureUsers(system: System): Promise<void> {
  if (!(await system.account('encrocam'))) {
    await system.run('useradd', [
      ...['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'],
      ...['--shell', '/usr/sbin/nologin', '--groups', 'video', 'encrocam'],
    ]);
  }
  if (!(await system.account(unlockUser))) {
    await system.run('useradd', [
      ...['--system', '--user-group', '--no-create-home', '--home-dir', unlockHome],
      // sshd runs the forced command by this shell. No password matches "*".
      ...['--shell', '/bin/sh', '--password', '*', unlockUser],
    ]);
  }
}

export async function removeUsers(system: System): Promise<void> {
  for (const name of ['encrocam', unlockUser]) {
    if (!(await system.account(name))) continue;
    try {
      await system.run('userdel', [name]);
    } catch (error) {
      // 8: the user is logged in. It is removed by the next uninstall; the rest goes on.
      if (!isEncroCamError(error, 'PROGRAM_FAILED')) throw error;
    }
  }
}
