/**
 * Removes what configuring packages leaves behind and what must not be on a card: caches, logs, backups, and
 * everything that has to differ from camera to camera.
 */
import { chmod, glob, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Patterns inside the tree; directories among them go with all that is in them. */
const traces = [
  'etc/ssh/ssh_host_*',
  'etc/*-',
  'etc/.pwd.lock',
  'etc/resolv.conf',
  'etc/hostname',
  'root/.*history',
  'usr/lib/udev/hwdb.bin.old',
  'var/backups/*',
  'var/cache/apt/*',
  'var/cache/debconf/*-old',
  'var/cache/fontconfig/*',
  'var/cache/ldconfig/*',
  'var/cache/man/*',
  'var/lib/apt/lists/*',
  'var/lib/dbus/machine-id',
  'var/lib/dpkg/*-old',
  'var/lib/dpkg/lock*',
  'var/lib/dpkg/triggers/Lock',
  'var/lib/systemd/random-seed',
  'var/lib/systemd/credential.secret',
  'var/lib/systemd/catalog/*.tmp',
  'var/lib/initramfs-tools/*',
  'var/lib/ucf/*.old',
  'var/lib/ucf/cache/*',
];

/** Emptied, but kept with their modes: services expect them. */
const emptied = ['run', 'tmp', 'var/tmp', 'var/log'];

export async function removeTraces(tree: string): Promise<void> {
  for (const pattern of traces) {
    for await (const name of glob(pattern, { cwd: tree })) {
      await rm(path.join(tree, name), { recursive: true, force: true });
    }
  }
  for (const directory of emptied) {
    for (const name of await readdir(path.join(tree, directory)).catch(() => [])) {
      await rm(path.join(tree, directory, name), { recursive: true, force: true });
    }
  }
  await mkdir(`${tree}/var/log/journal`, { recursive: true, mode: 0o755 });
  await chmod(`${tree}/tmp`, 0o1777);
  await chmod(`${tree}/var/tmp`, 0o1777);
  // Empty, not missing: systemd fills it at the first boot without taking that for a new installation.
  await writeFile(`${tree}/etc/machine-id`, '');
  await truncate(`${tree}/etc/machine-id`);
}
