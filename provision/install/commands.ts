/** `encrocam install` and `encrocam uninstall`: see the help texts. */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import type { Command } from '../../runtime/commands.ts';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger, printable } from '../../runtime/log.ts';
import type { Answers } from '../answers/types.ts';
import { validateAnswers } from '../answers/validate.ts';
import { placeOfMistake } from '../json-place.ts';
import { lockProvisioning } from '../lock.ts';
import { findPlace } from '../place.ts';
import { requireRoot } from '../root.ts';
import type { Reporter } from '../steps/step.ts';
import { createSystem } from '../system.ts';
import { type InstallContext, installProgram, isSetUp, setUpInstalled, uninstall } from './install.ts';
import { findBundle } from './program.ts';

const installHelp = `Usage: encrocam install [--answers FILE] [--yes]

Makes this computer an EncroCam camera: Debian 12 or 13, Ubuntu, Raspberry Pi OS. It installs what is missing with
apt, copies itself to /usr/lib/encrocam, makes an encrypted volume in a file for keys and passwords, and asks the same
questions as the card does. Network, accounts and consoles of this computer stay as they are. After each start:
encrocam unlock.

  --answers FILE   takes the answers from a file (docs/ref/answers.md) instead of asking
  --yes            does not ask before it changes the system

Running it again repairs and upgrades; what was set up stays.
`;

const uninstallHelp = `Usage: encrocam uninstall [--purge] [--yes]

Stops recording and removes EncroCam from this computer: services, users, program. Recordings and the encrypted volume
with the keys are kept, and a later encrocam install finds them.

  --purge   removes recordings, keys and everything else as well
  --yes     does not ask
`;

export const install: Command = {
  help: installHelp,
  options: { answers: { type: 'string' }, yes: { type: 'boolean', default: false } },
  async run({ values }) {
    requireRoot('encrocam install');
    const file = typeof values.answers === 'string' ? values.answers : undefined;
    // Wrong answers are told before anything is changed.
    const answers = file === undefined ? undefined : await readAnswers(file);
    if (values.yes !== true && !(await confirm('Make this computer an EncroCam camera?')))
      return exitCode.usage;
    const context: InstallContext = {
      system: createSystem(),
      reporter: consoleReporter(),
      logger: createLogger({ level: 'warn', format: 'auto' }),
      bundle: await findBundle(),
    };
    const place = await installProgram(context);
    if (await isSetUp(context.system)) {
      process.stdout.write(
        'This camera was set up before: its keys and settings were kept. Unlock it: encrocam unlock\n',
      );
      return exitCode.whole;
    }
    if (answers === undefined || file === undefined) {
      const { runWizard } = await import('../wizard/main.ts');
      const result = await runWizard({
        input: process.stdin,
        output: process.stdout,
        where: 'in a terminal',
        system: context.system,
        place,
        logger: context.logger,
      });
      return result === 'done' ? exitCode.whole : exitCode.usage;
    }
    const lock = await lockProvisioning(`from the answers file ${printable(file)}`);
    try {
      const key = await setUpInstalled(answers, file, place, context);
      process.stdout.write(
        `\nThis computer is a camera. It signs with the key\n\n  ${key.fingerprint}\n\nKeep it at home: it is what --signed-by checks.\n`,
      );
    } finally {
      await lock.release();
    }
    process.stdout.write(`${printable(file)} may hold passwords: remove it.\n`);
    return exitCode.whole;
  },
};

export const uninstallCommand: Command = {
  help: uninstallHelp,
  options: { purge: { type: 'boolean', default: false }, yes: { type: 'boolean', default: false } },
  async run({ values }) {
    requireRoot('encrocam uninstall');
    const system = createSystem();
    if ((await findPlace(system)).kind === 'card') {
      throw new EncroCamError(
        'SYSTEM_UNSUITABLE',
        'This is a card: EncroCam was not installed on it, it is made of it.',
        {
          hint: 'Flash the card anew to get rid of it.',
        },
      );
    }
    const purge = values.purge === true;
    const question = purge
      ? 'Remove EncroCam with ALL RECORDINGS AND KEYS of this computer?'
      : 'Remove EncroCam from this computer? Recordings and keys are kept.';
    if (values.yes !== true && !(await confirm(question))) return exitCode.usage;
    await uninstall(system, consoleReporter(), { purge });
    process.stdout.write('EncroCam was removed.\n');
    return exitCode.whole;
  },
};

async function readAnswers(file: string): Promise<Answers> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new EncroCamError('INPUT_UNREADABLE', `Cannot read ${printable(file)}: ${messageOf(error)}.`, {
      hint: 'Give the place of the answers file: --answers FILE',
      cause: error,
    });
  }
  return parseAnswers(text, printable(file));
}

/** @throws {EncroCamError} `CONFIG_INVALID`, with every problem and no secret. */
function parseAnswers(text: string, source: string): Answers {
  let value: unknown;
  try {
    // Windows editors put a mark in front.
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    throw new EncroCamError('CONFIG_INVALID', `${source} is not JSON: look at ${placeOfMistake(text)}.`, {
      hint: 'A missing comma, quote or bracket is the usual cause.',
    });
  }
  return validateAnswers(value, source);
}

/** Only a plain yes is one; without a terminal there is nobody to say it. */
async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new EncroCamError('USAGE', 'Nobody can be asked here: standard input is no terminal.', {
      hint: 'Add --yes if it is meant.',
    });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

function consoleReporter(): Reporter {
  return {
    started: (_, title) => void process.stdout.write(`${title} …\n`),
    finished: () => undefined,
    warning: (message, hint) =>
      void process.stderr.write(`Warning: ${printable(message)}${hint === undefined ? '' : ` ${hint}`}\n`),
    note: (message) => void process.stdout.write(`${printable(message)}\n`),
  };
}
