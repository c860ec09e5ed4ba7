/** `encrocam unlock`: see the help text. */
import { hostname } from 'node:os';
import type { Command } from '../../runtime/commands.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger } from '../../runtime/log.ts';
import { findPlace } from '../place.ts';
import { requireRoot } from '../root.ts';
import { createSystem } from '../system.ts';
import { connectAgent } from './agent-client.ts';
import { askForPassphrase } from './front-end.ts';
import { unlockByNetwork } from './network-unlock.ts';
import { openTerminal } from './terminal.ts';

const help = `Usage: encrocam unlock [--network]

Asks for the passphrase (or the recovery key) and unlocks this camera: the config volume is opened and recording
starts. Without a terminal, passphrases are read from standard input, one a line.

  --network   asks the tang server that the camera was bound to instead, again and again until it is unlocked
              (a service, where unlocking.tang was answered)
`;

export const command: Command = {
  help,
  options: { network: { type: 'boolean', default: false } },
  async run({ values }) {
    requireRoot('encrocam unlock');
    const system = createSystem();
    if (values.network === true) {
      const logger = createLogger({ level: 'info', format: 'auto' });
      await unlockByNetwork({ system, place: await findPlace(system), logger });
      return exitCode.whole;
    }
    const terminal = openTerminal();
    try {
      const agent = await connectAgent('a terminal');
      const outcome = await askForPassphrase({ terminal, agent, hostName: hostname(), canBeLeft: true });
      agent.close();
      if (outcome === 'new') terminal.write('This camera is not set up yet: encrocam install does that.\n');
      if (outcome === 'unlocked') terminal.write('This camera is unlocked.\n');
      return outcome === 'unlocked' ? exitCode.whole : exitCode.usage;
    } finally {
      terminal.restore();
    }
  },
};
