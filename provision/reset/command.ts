/** `encrocam reset`: see the help text. */
import type { Command } from '../../runtime/commands.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import { exitCode } from '../../runtime/exit-codes.ts';
import { createLogger } from '../../runtime/log.ts';
import { lockProvisioning } from '../lock.ts';
import { type CardPlace, findPlace } from '../place.ts';
import { requireRoot } from '../root.ts';
import { createSystem, type System } from '../system.ts';
import { resetCamera } from './reset.ts';

const help = `Usage: encrocam reset [--yes] [--erase-recordings]

Makes this camera new: its keys are erased for good, with the accounts, networks and passwords of its owner. It starts
again and looks for the pairing code of its next owner, or asks its questions. Recordings on its card stay, as files
that only the owner before can open; they move to /var/lib/encrocam/recordings/earlier.

  --yes                does not ask
  --erase-recordings   removes the recordings on the card, too

Without a passphrase: put an empty file called encrocam-reset on the boot partition, start the camera, and type
reset at the prompt on its screen or serial line.
`;

const word = 'reset';

export const command: Command = {
  help,
  options: {
    yes: { type: 'boolean', default: false },
    'erase-recordings': { type: 'boolean', default: false },
  },
  async run({ values }) {
    requireRoot('encrocam reset');
    const system = createSystem();
    await findCard(system);
    if (values.yes !== true && !(await confirmed())) {
      process.stdout.write('Nothing was changed.\n');
      return exitCode.usage;
    }
    await resetAndRestart(system, { eraseRecordings: values['erase-recordings'] === true });
    process.stdout.write('The camera starts again, and is new.\n');
    return exitCode.whole;
  },
};

/** What runs still believes in the owner, so the camera starts again. */
export async function resetAndRestart(
  system: System,
  { eraseRecordings }: { readonly eraseRecordings: boolean },
): Promise<void> {
  const place = await findCard(system);
  const lock = await lockProvisioning('by a reset');
  try {
    const logger = createLogger({ level: 'info', format: 'auto' });
    await resetCamera({ system, place, logger, eraseRecordings });
  } finally {
    await lock.release();
  }
  await system.run('systemctl', ['reboot', '--no-block']);
}

async function findCard(system: System): Promise<CardPlace> {
  const place = await findPlace(system);
  if (place.kind === 'card') return place;
  throw new EncroCamError('SYSTEM_UNSUITABLE', 'This is no card: EncroCam was installed on this system.', {
    hint: 'Run encrocam uninstall, and install it again.',
  });
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new EncroCamError('USAGE', 'A reset asks first, and there is no terminal.', {
      hint: 'Run it on a terminal, or with --yes.',
    });
  }
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await lines.question(
      `All keys of this camera are erased, and nobody gets them back. Type ${word} to go on: `,
    );
    return answer.trim() === word;
  } finally {
    lines.close();
  }
}
