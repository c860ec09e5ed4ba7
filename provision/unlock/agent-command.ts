/** `encrocam agent`: see the help text. */
import type { Command } from '../../runtime/commands.ts';
import { messageOf } from '../../runtime/errors.ts';
import { createLogger } from '../../runtime/log.ts';
import { findPlace, paths } from '../place.ts';
import { requireRoot } from '../root.ts';
import { createSystem } from '../system.ts';
import { Agent, listen } from './agent.ts';
import { createUnlocker, resumeUnlocking } from './unlocker.ts';

const help = `Usage: encrocam agent

The unlock agent (a service): takes passphrases from consoles and SSH on ${paths.agentSocket}, opens the config
volume with the first right one, and starts recording. systemd starts it when somebody connects.
`;

/** Once the camera records, the agent has nothing to remember: systemd starts it again when it is asked for. */
const idleMs = 5_000;
const firstSocketFromSystemd = 3;

export const command: Command = {
  help,
  options: {},
  async run() {
    requireRoot('encrocam agent');
    const logger = createLogger({ level: 'info', format: 'auto' });
    const system = createSystem();
    const place = await findPlace(system);
    const unlocker = createUnlocker(system, place, logger);
    const agent = new Agent({ unlocker, logger });
    await resumeUnlocking(system, place, logger).catch((error: unknown) =>
      logger.error('an unlocking that was cut off cannot go on', { reason: messageOf(error) }),
    );
    const activated = process.env.LISTEN_PID === String(process.pid) && process.env.LISTEN_FDS === '1';
    const server = await listen(
      agent,
      activated ? { fd: firstSocketFromSystemd } : { path: paths.agentSocket },
    );
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (): void => {
        server.close(() => resolve(0));
      };
      const waitAndEnd = (): void => {
        clearTimeout(timer);
        if (!activated) return;
        timer = setTimeout(async () => {
          // The number of wrong attempts must outlive a front end that hangs up.
          const keep = await unlocker.state().then(
            (state) => state === 'locked',
            () => true,
          );
          if (agent.clientCount > 0) return;
          if (keep) waitAndEnd();
          else end();
        }, idleMs);
      };
      agent.onIdle(waitAndEnd);
      waitAndEnd();
      process.once('SIGTERM', end);
    });
  },
};
