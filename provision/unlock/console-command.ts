/** `encrocam console`: see the help text. What stands on every console, and behind `ssh unlock@camera`. */
import { spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from '../../runtime/commands.ts';
import { EncroCamError, isEncroCamError } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger } from '../../runtime/log.ts';
import { lookedMark, resetAskedMark, unattendedMark } from '../boot-files.ts';
import { keptFile } from '../pairing/kept.ts';
import { findPlace, type Place } from '../place.ts';
import { readState } from '../state.ts';
import { createSystem, type System } from '../system.ts';
import { connectAgent } from './agent-client.ts';
import { askForPassphrase } from './front-end.ts';
import { becomeLogin } from './login.ts';
import { showStatus } from './status.ts';
import { type FrontTerminal, openTerminal } from './terminal.ts';
import { describeConsole, describeSetUp, isTtyName } from './where.ts';

const help = `Usage: encrocam console TTY
       encrocam console ssh

What stands on a console instead of the login prompt: the set-up of a new camera, the prompt that unlocks it, and
the ordinary login once it records. Behind ssh unlock@CAMERA it is the same, with the status in place of the login;
ssh unlock@CAMERA status only tells that. systemd and sshd start it; on a system that exists see encrocam unlock.

  TTY   the console's device, as in tty1 or ttyAMA0
`;

const pollMs = 2_000;
const longestLookMs = 180_000;

export const command: Command = {
  help,
  options: {},
  async run({ positionals }) {
    const [tty, second] = positionals;
    if (tty === undefined || second !== undefined || !isTtyName(tty)) {
      throw new EncroCamError('USAGE', 'Say which console: encrocam console TTY.', {
        hint: 'For example: encrocam console tty1',
      });
    }
    const system = createSystem();
    const overSsh = tty === 'ssh';
    const state = await readState(system);
    const from = describeConsole(tty, process.env);
    if (overSsh && process.env.SSH_ORIGINAL_COMMAND !== undefined) {
      return oneCommand(process.env.SSH_ORIGINAL_COMMAND, from);
    }
    switch (state) {
      case 'recording':
        return overSsh ? showStatus(from) : becomeLogin(tty);
      case 'new':
        return overSsh && process.getuid?.() !== 0
          ? asRoot()
          : setUp(system, describeSetUp(tty, process.env));
      case 'locked':
        return unlock(system, from, tty);
    }
  },
};

/** `ssh unlock@camera status`: the one thing that may be asked for by name. */
async function oneCommand(text: string, from: string): Promise<number> {
  if (text.trim() === 'status') return showStatus(from);
  throw new EncroCamError('USAGE', 'Over SSH there is only the unlock prompt, and: status.', {
    hint: 'ssh unlock@CAMERA, or ssh unlock@CAMERA status',
  });
}

/** On a console, ending means that its unit starts this again, which then finds what to do. */
async function unlock(system: System, from: string, tty: string): Promise<number> {
  const overSsh = tty === 'ssh';
  const terminal = openTerminal();
  try {
    const agent = await connectAgent(from);
    const canReset = !overSsh && (await system.exists(resetAskedMark));
    const outcome = await askForPassphrase({ terminal, agent, hostName: hostname(), canReset });
    agent.close();
    if (outcome === 'reset') {
      const { resetAndRestart } = await import('../reset/command.ts');
      terminal.write('\nErasing all keys of this camera …\n');
      await resetAndRestart(system, { eraseRecordings: false });
      return exitCode.whole;
    }
    if (outcome === 'agent-gone') {
      terminal.write('\nThe unlock agent was restarted.\n');
      return exitCode.usage;
    }
    const isUnlocked = outcome === 'unlocked' && (await readState(system)) === 'recording';
    if (overSsh) return isUnlocked || outcome === 'new' ? exitCode.whole : exitCode.usage;
    if (isUnlocked) {
      terminal.restore();
      // Started anew it would do the same, seconds later, and take them from the recorder that starts now.
      becomeLogin(tty);
    }
    return exitCode.whole;
  } catch (error) {
    if (isEncroCamError(error, 'AGENT_UNREACHABLE')) {
      // Tried again by the unit, or by whoever connects; not in a tight loop.
      terminal.write(`\n${error.message}\n`);
      await wait(pollMs);
    }
    throw error;
  } finally {
    terminal.restore();
  }
}

/** The wizard changes the system; sudo lets the unlock user run exactly this as root. */
function asRoot(): Promise<number> {
  const child = spawn('sudo', ['-n', '/usr/bin/encrocam', 'console', 'ssh'], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? exitCode.usage));
  });
}

async function setUp(system: System, where: string): Promise<number> {
  const place = await findPlace(system);
  // Started anew, this looks again at what is there then: the prompt, the login, or the wizard after a refusal.
  if (await waitForUnattended(system, place)) return exitCode.whole;
  const { runWizard } = await import('../wizard/main.ts');
  const logger = createLogger({ level: 'warn', format: 'auto' });
  await runWizard({
    input: process.stdin,
    output: process.stdout,
    where,
    system,
    place,
    logger,
    superseded: async () => {
      const isOther = (await system.exists(unattendedMark)) || (await readState(system)) !== 'new';
      return isOther ? '\nThis camera is being set up in another way.\n' : undefined;
    },
  });
  return exitCode.whole;
}

/**
 * The unattended set-up has the first say; without an answers file it is over at once. Whether there is one is known
 * once the boot partition was looked at, which is waited for with a bound.
 * @returns whether there was anything to wait for.
 */
async function waitForUnattended(system: System, place: Place): Promise<boolean> {
  if (place.kind === 'installed') return false;
  const givenUpMs = Date.now() + longestLookMs;
  let terminal: FrontTerminal | undefined;
  try {
    while ((await readState(system)) === 'new') {
      const looked = (await system.exists(lookedMark)) || Date.now() > givenUpMs;
      const isUnattended = await system.exists(unattendedMark);
      if (looked && !isUnattended) return terminal !== undefined;
      if (isUnattended && !terminal) {
        const by = (await system.exists(keptFile))
          ? 'by the pairing code that it saw'
          : 'from the answers file on its boot partition';
        terminal = openTerminal();
        terminal.write(`\nThis camera is being set up ${by} …\n`);
      }
      await wait(pollMs);
    }
  } finally {
    // Read from any longer, it would keep this process, and with it the console, for ever.
    terminal?.restore();
  }
  return true;
}
