/**
 * The wizard: sets a new camera up, on whatever terminal it is given. It can be ended in any way at any time (Ctrl-C,
 * a line that hangs up, a power cut) and goes on where it was.
 */
import { EncroCamError, isEncroCamError, messageOf } from '../../runtime/errors.ts';
import type { Logger } from '../../runtime/log.ts';
import { lockProvisioning, type ProvisioningLock } from '../lock.ts';
import type { Place } from '../place.ts';
import type { System } from '../system.ts';
import { colorDepth } from './dialogue/colors.ts';
import { EnquirerDialogue } from './dialogue/enquirer.ts';
import { Terminal, type TerminalInput, type TerminalOutput } from './dialogue/terminal.ts';
import type { Session, WizardContext } from './engine.ts';
import { hostMachine } from './host-machine.ts';
import type { Machine } from './machine.ts';
import { questions } from './questions/index.ts';
import { begin } from './resume.ts';
import { finish, review, showCamera } from './review.ts';
import { Disconnected, Stopped } from './signals.ts';

export interface WizardOptions {
  readonly input: TerminalInput;
  readonly output: TerminalOutput;
  /** What whoever starts a second wizard is told: "on the serial console ttyAMA0". */
  readonly where: string;
  readonly system: System;
  readonly place: Place;
  readonly logger: Logger;
  /** Waits for Enter before it takes the lock: on consoles, where nobody may be. Default: true. */
  readonly waitForEnter?: boolean;
  readonly environment?: NodeJS.ProcessEnv;
  /**
   * What to tell whoever has not begun yet when the camera is being set up in another way meanwhile; then it ends.
   * Asked every two seconds until the wizard begins.
   */
  readonly superseded?: () => Promise<string | undefined>;
  /** For tests: another machine, another lock. */
  readonly machine?: Machine;
  readonly lockName?: string;
}

const supersededPollMs = 2_000;
/** On a console nobody comes back to, others shall not be locked out for ever. */
const idleTimeoutMs = 30 * 60_000;

/**
 * @returns `done` when the camera is set up, also by somebody else in the meantime; `stopped` when whoever was there
 *   left: what was answered is kept.
 * @throws {EncroCamError} `USAGE` where there is no terminal.
 */
export async function runWizard(options: WizardOptions): Promise<'done' | 'stopped'> {
  const { input, output, environment = process.env } = options;
  if (!input.isTTY || !output.isTTY) {
    throw new EncroCamError('USAGE', 'The set-up asks questions: it needs a terminal.', {
      hint: 'Run it on a terminal, or use an answers file (docs/ref/answers.md).',
    });
  }
  // First of all, so that nothing that is typed shows.
  const terminal = new Terminal(input, output, { idleTimeoutMs });
  const hangUp = (): void => terminal.disconnect();
  const stopLooking = lookAside(terminal, options);
  process.on('SIGHUP', hangUp);
  process.on('SIGTERM', hangUp);
  try {
    const machine = options.machine ?? hostMachine(options.system, options.place, options.logger);
    const dialogue = await EnquirerDialogue.on(terminal, colorDepth(environment));
    return await setUp({ dialogue, machine, questions }, options, stopLooking);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    if (!(error instanceof Disconnected)) {
      terminal.write('\nStopped. What was answered is kept; the set-up goes on where it was.\n');
    }
    return 'stopped';
  } finally {
    stopLooking();
    process.off('SIGHUP', hangUp);
    process.off('SIGTERM', hangUp);
    terminal.close();
  }
}

/** @returns what ends the looking. */
function lookAside(terminal: Terminal, { superseded, logger }: WizardOptions): () => void {
  if (!superseded) return () => undefined;
  let isOver = false;
  const look = async (): Promise<void> => {
    const text = await superseded();
    if (text === undefined || isOver) return;
    terminal.write(text);
    terminal.disconnect();
  };
  const timer = setInterval(() => {
    look().catch((error: unknown) =>
      logger.warn('whether the camera is being set up elsewhere is not known', { reason: messageOf(error) }),
    );
  }, supersededPollMs);
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}

async function setUp(
  context: WizardContext,
  options: WizardOptions,
  begins: () => void,
): Promise<'done' | 'stopped'> {
  const { dialogue, machine } = context;
  dialogue.say(
    '\nThis camera is not set up yet. A few questions, about ten minutes.\n' +
      'Esc goes back to the question before. Ctrl-C asks whether to stop; nothing that was answered is lost.\n',
  );
  const lock = await takeLock(context, options);
  begins();
  try {
    if (await machine.isDone()) return 'done';
    const begun = await begin(context);
    await answerAndApply(context, begun);
    await dialogue.ask({ message: 'Press Enter when you have kept it' });
    return 'done';
  } finally {
    // A volume that stays open while nobody is there would be anybody's. Trouble with that must not hide how it ended.
    await closeVolume(machine).catch((error: unknown) => {
      options.logger.error('the config volume was left open', { reason: messageOf(error) });
    });
    await lock.release();
  }
}

async function closeVolume(machine: Machine): Promise<void> {
  if (!(await machine.isDone())) await machine.volume.close();
}

async function answerAndApply(context: WizardContext, begun: Session): Promise<void> {
  let session = begun;
  for (;;) {
    session = await review(context, session);
    const camera = await finish(context, session);
    if (camera) return showCamera(context, session, camera);
  }
}

async function takeLock(
  { dialogue }: WizardContext,
  { where, lockName, waitForEnter = true }: WizardOptions,
): Promise<ProvisioningLock> {
  for (let attempt = 0; ; attempt++) {
    if (waitForEnter || attempt > 0) await dialogue.ask({ message: 'Press Enter to begin here' });
    try {
      return await lockProvisioning(where, lockName);
    } catch (error) {
      if (!isEncroCamError(error, 'ALREADY_RUNNING')) throw error;
      dialogue.say(`${error.message} ${error.hint ?? ''}`);
    }
  }
}
