/**
 * The owner's account: SSH keys only, no password. Its sudo asks for none either, as there is none to ask for.
 */
import type { System } from '../system.ts';
import { saveOwnKeys, writeUnlockKeys } from './authorized-keys.ts';
import type { Step, StepContext } from './step.ts';

const sudoersFile = '/etc/sudoers.d/encrocam-account';
const groups = ['adm', 'sudo', 'systemd-journal', 'video'];

export const accountStep: Step = {
  id: 'account',
  title: 'Making the account',
  async isDone({ system, place, answers }) {
    const { account } = answers;
    if (place.kind === 'installed' || account === undefined) return true;
    const entry = await system.account(account.name);
    if (!entry) return false;
    return (
      (await system.readText(sudoersFile)) === sudoersLine(account.name) &&
      (await system.readText(`${entry.home}/.ssh/authorized_keys`)) === keysText(account.authorizedKeys)
    );
  },
  async run({ system, answers }) {
    const { account } = answers;
    if (account === undefined) return;
    if (!(await system.account(account.name))) {
      await removeStaleLocks(system);
      await system.run('useradd', [
        ...['--create-home', '--shell', '/bin/bash', '--groups', groups.join(',')],
        // No password matches "*", and unlike "!" it does not make sshd refuse the account's keys.
        ...['--password', '*', account.name],
      ]);
    } else {
      await system.run('usermod', ['--append', '--groups', groups.join(','), account.name]);
    }
    const entry = await system.account(account.name);
    if (!entry) throw new Error(`useradd made no account ${account.name}`);
    const owner = { user: account.name, group: account.name };
    await system.makeDirectory(entry.home, { mode: 0o755, owner });
    await system.makeDirectory(`${entry.home}/.ssh`, { mode: 0o700, owner });
    await system.write(sudoersFile, sudoersLine(account.name), { mode: 0o440 });
    // Last: with it the account can be used.
    await system.write(`${entry.home}/.ssh/authorized_keys`, keysText(account.authorizedKeys), {
      mode: 0o600,
      owner,
    });
  },
};

/** Removes the account that the file of sudo names, with its home: whoever had it is no owner any more. */
export async function removeAccounts(system: System): Promise<void> {
  const name = /^(\S+) ALL=/.exec((await system.readText(sudoersFile)) ?? '')?.[1];
  if (name !== undefined && (await system.account(name))) {
    await removeStaleLocks(system);
    // 12: the home could not be removed, as somebody works in it. 8 is the same of the account; -f removes it all the same.
    await system.run('userdel', ['--force', '--remove', name], { exitCodes: [0, 12] });
  }
  await system.remove(sudoersFile);
}

/** The keys of the account unlock the camera as well. */
export const unlockKeysStep: Step = {
  id: 'unlock-keys',
  title: 'Allowing the SSH keys to unlock',
  // Cheap and free of side effects: written anew each time.
  isDone: async () => false,
  async run({ system, place, answers }: StepContext) {
    await saveOwnKeys(system, answers.account?.authorizedKeys ?? []);
    await writeUnlockKeys(system, place.kind === 'card' ? place.bootDirectory : undefined);
  },
};

function sudoersLine(name: string): string {
  return `${name} ALL=(ALL:ALL) NOPASSWD: ALL\n`;
}

function keysText(keys: readonly string[]): string {
  return keys.map((key) => `${key.trim()}\n`).join('');
}

/**
 * A power cut during useradd leaves its lock files; they name a process number that may belong to another process by
 * now, and every later useradd would refuse to work. Provisioning is the only one to use it at this time.
 */
async function removeStaleLocks(system: System): Promise<void> {
  for (const name of ['passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid']) {
    await system.remove(`/etc/${name}.lock`);
  }
}
