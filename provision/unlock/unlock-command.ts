/** `encrocam unlock`: see the help text. */
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from '../../runtime/commands.ts';
import { isEncroCamError, messageOf } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger, type Logger } from '../../runtime/log.ts';
import { findPlace, type Place } from '../place.ts';
import { requireRoot } from '../root.ts';
import { readState } from '../state.ts';
import { tangSlot } from '../steps/volume-step.ts';
import { createSystem, type System } from '../system.ts';
import { connectAgent } from './agent-client.ts';
import { askForPassphrase } from './front-end.ts';
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
    if (values.network === true) return unlockByNetwork(system, await findPlace(system));
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

const clevisTimeoutMs = 60_000;
const firstPauseMs = 2_000;
const longestPauseMs = 60_000;

/** Goes on until the camera is unlocked, by this or by a person: after a power cut the router is slower than we are. */
export async function unlockByNetwork(system: System, place: Place): Promise<number> {
  const logger = createLogger({ level: 'info', format: 'auto' });
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    if ((await readState(system)) !== 'locked') return exitCode.whole;
    const passphrase = await askTang(system, place, logger);
    if (passphrase !== undefined && (await sendToAgent(passphrase))) return exitCode.whole;
    await wait(pauseMs);
  }
}

async function askTang(system: System, place: Place, logger: Logger): Promise<string | undefined> {
  const volume = place.kind === 'installed' ? system.at(place.volume) : place.volume;
  try {
    const { output } = await system.run('clevis', ['luks', 'pass', '-d', volume, '-s', String(tangSlot)], {
      timeoutMs: clevisTimeoutMs,
    });
    return output;
  } catch (error) {
    if (!isEncroCamError(error)) throw error;
    logger.warn('the tang server gave no key', { reason: messageOf(error) });
    return undefined;
  }
}

async function sendToAgent(passphrase: string): Promise<boolean> {
  const agent = await connectAgent('the tang server');
  try {
    return await new Promise((resolve) => {
      agent.onEvent((event) => {
        if (event.type === 'state' && event.state === 'locked')
          agent.send({ type: 'passphrase', passphrase });
        else if (event.type === 'unlocked' || event.type === 'state') resolve(true);
        else if (event.type === 'failed' || (event.type === 'wrong' && event.you)) resolve(false);
      });
      agent.onClose(() => resolve(false));
    });
  } finally {
    agent.close();
  }
}
