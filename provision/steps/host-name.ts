/** The camera's name in the network. */
import type { System } from '../system.ts';
import type { Step } from './step.ts';

export const hostNameStep: Step = {
  id: 'host-name',
  title: 'Setting the host name',
  async isDone({ system, place, answers }) {
    if (place.kind === 'installed') return true;
    return (
      (await system.readText('/etc/hostname'))?.trim() === answers.hostName &&
      (await hostsText(system)) === withHostName(await hostsText(system), answers.hostName)
    );
  },
  async run({ system, answers }) {
    await system.write('/etc/hosts', withHostName(await hostsText(system), answers.hostName));
    await system.write('/etc/hostname', `${answers.hostName}\n`);
    await system.run('hostname', [answers.hostName]);
    // DHCP tells the router the new name at the next lease; asking for one now is a courtesy that may fail offline.
    await system.run('networkctl', ['reload'], { exitCodes: [0, 1] });
  },
};

async function hostsText(system: System): Promise<string> {
  return (await system.readText('/etc/hosts')) ?? '127.0.0.1\tlocalhost\n::1\tlocalhost\n';
}

/** Debian's convention: the machine's own name is 127.0.1.1, so that it resolves without a network (sudo asks). */
export function withHostName(hosts: string, name: string): string {
  const others = hosts.split('\n').filter((line) => line !== '' && !/^127\.0\.1\.1\s/.test(line));
  return `${[...others, `127.0.1.1\t${name}`].join('\n')}\n`;
}
