/** `encrocam start-up` and `provision`: what a card runs at its start. See the help texts. */
import type { Command } from '../runtime/commands.ts';
import { exitCode } from '../runtime/exit-codes.ts';
import { createLogger, type Logger } from '../runtime/log.ts';
import { requireRoot } from './root.ts';
import { createSystem, type System } from './system.ts';

type Action = (system: System, logger: Logger) => Promise<number>;

function service(name: string, text: string, action: Action): Command {
  return {
    help: `Usage: encrocam ${name}\n\n${text}\nA service of the card: systemd runs it at each start.\n`,
    options: {},
    async run() {
      requireRoot(`encrocam ${name}`);
      return action(createSystem(), createLogger({ level: 'info', format: 'auto' }));
    },
  };
}

/** One process for both: on a slow board, starting one takes longer than what it does. */
export const startUp: Command = service(
  'start-up',
  'Makes SSH host keys where there are none, takes the SSH keys and the answers file on the boot partition, tells\n' +
    'systemd that it is ready, and grows the recordings partition and its file system to the end of the card.\n',
  async (system, logger) => {
    const { takeBootFiles } = await import('./boot-files.ts');
    const failed = await takeBootFiles(system, logger);
    if (process.env.NOTIFY_SOCKET !== undefined) await system.run('systemd-notify', ['--ready']);
    const { growCard } = await import('./grow.ts');
    await growCard(system, logger);
    return failed.length === 0 ? exitCode.whole : exitCode.usage;
  },
);

export const provision: Command = service(
  'provision',
  'Sets a new camera up from encrocam.json on its boot partition. A file that is refused is called\n' +
    'encrocam.refused.json afterwards, with the reason in encrocam.reason.txt.\n',
  async (system, logger) => {
    const { provisionUnattended } = await import('./unattended.ts');
    const result = await provisionUnattended({ system, logger });
    if (result.outcome === 'done') logger.info('this camera is set up', { signedBy: result.fingerprint });
    return result.outcome === 'refused' ? exitCode.usage : exitCode.whole;
  },
);
