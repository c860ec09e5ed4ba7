/** The last page before anything is applied: all answers, each can be changed. Then applying, and the key to keep. */
import { EncroCamError } from '../../runtime/errors.ts';
import type { Answers } from '../answers/types.ts';
import { validateAnswers } from '../answers/validate.ts';
import type { Reporter } from '../steps/step.ts';
import { askedQuestions, askOpenQuestions, askQuestion, type Session, type WizardContext } from './engine.ts';
import type { FinishedCamera } from './machine.ts';
import { qrCode } from './qr.ts';
import { explain, groupFingerprint } from './questions/question.ts';
import { Back } from './signals.ts';

const titleWidth = 24;

/** Asks until everything is answered and approved; returns what shall be applied. */
export async function review(context: WizardContext, begun: Session): Promise<Session> {
  const { dialogue } = context;
  let session = begun;
  for (;;) {
    session = await askOpenQuestions(context, session);
    const asked = await askedQuestions(context, session);
    dialogue.say('\n--- All answers ---');
    for (const { title, summary } of asked) {
      dialogue.say(`  ${`${title}:`.padEnd(titleWidth)} ${summary(session.draft)}`);
    }
    dialogue.say('');
    try {
      const next = await dialogue.choose({
        message: 'Set the camera up like this?',
        choices: [
          { value: 'yes', label: 'yes, and start recording' },
          { value: 'change', label: 'change an answer' },
        ],
      });
      if (next === 'yes') return session;
      const id = await dialogue.choose({
        message: 'Which?',
        choices: asked.map((question) => ({ value: question.id, label: question.title })),
      });
      const question = asked.find((one) => one.id === id);
      if (question) session = await askQuestion(context, session, question);
    } catch (error) {
      // Esc leads to the list of answers again, which is where one sees what to do.
      if (!(error instanceof Back)) throw error;
    }
  }
}

/** The answers as they are applied. */
export function completeAnswers({ draft, passphrase }: Session): Answers {
  return validateAnswers(
    {
      ...draft.answers,
      unlocking: { ...draft.answers.unlocking, passphrase, recoveryKey: draft.facts.hasRecoveryKey ?? false },
    },
    'What was answered',
    { isPaired: draft.facts.pairedOwner !== undefined },
  );
}

/** Applies the answers; a failure is shown, and can be tried again. @returns `undefined` to go back to the answers. */
export async function finish(context: WizardContext, session: Session): Promise<FinishedCamera | undefined> {
  const { dialogue, machine } = context;
  const answers = completeAnswers(session);
  for (;;) {
    const remarks: string[] = [];
    try {
      const camera = await dialogue.work(
        'Setting up',
        ({ progress }) => machine.finish(answers, reporterTo(progress, remarks)),
        { canBeCancelled: false },
      );
      for (const remark of remarks) dialogue.say(remark);
      return camera;
    } catch (error) {
      if (!(error instanceof EncroCamError)) throw error;
      for (const remark of remarks) dialogue.say(remark);
      dialogue.say(explain(error));
    }
    const next = await dialogue.choose({
      message: 'What now?',
      choices: [
        { value: 'again', label: 'try again' },
        { value: 'change', label: 'change an answer' },
      ],
    });
    if (next === 'change') return undefined;
  }
}

function reporterTo(progress: (text: string) => void, remarks: string[]): Reporter {
  return {
    started: (_id, title) => progress(title),
    finished: () => undefined,
    warning: (message, hint) => remarks.push(hint ? `Warning: ${message}\n${hint}` : `Warning: ${message}`),
    note: (message) => remarks.push(message),
  };
}

/** What the owner has to keep, as text and as QR codes. */
export async function showCamera(
  { dialogue, machine }: WizardContext,
  { draft }: Session,
  { fingerprint, publicKey, ledgerAddress }: FinishedCamera,
): Promise<void> {
  const armored = publicKey.trim();
  dialogue.say(
    '\n--- Recording has started ---\n' +
      'Keep the fingerprint of the signing key, and its public key, where nobody who visits the camera gets at it. ' +
      'Without one of them, nobody can tell recordings of this camera from forged ones. ' +
      'The public key is also on the boot partition, for the day when the card is in your computer again.\n',
  );
  dialogue.show(`  ${groupFingerprint(fingerprint)}\n`);
  await showCode(dialogue, 'The fingerprint as a QR code:', [`OPENPGP4FPR:${fingerprint}`]);
  dialogue.show(`${armored}\n`);
  await showCode(
    dialogue,
    'The public key as a QR code (if it is one long word: base64 -d FILE | gpg --import):',
    [
      armored,
      // Without its frame it fits on narrower terminals.
      armored.replaceAll(/^(?:-----.*|=.{4}|\w+: .*)$/gm, '').replaceAll(/\s/g, ''),
    ],
  );
  const chainId = draft.answers.ledger?.chainId;
  if (ledgerAddress !== undefined && chainId !== undefined) {
    await showCode(dialogue, `Its address on the chain, ${ledgerAddress}, as a QR code: fill its wallet.`, [
      `ethereum:${ledgerAddress}@${chainId}`,
    ]);
  }
  const addresses = machine.addresses();
  if (addresses.length > 0) dialogue.say(`Addresses of the camera: ${addresses.join(', ')}`);
  dialogue.show(
    `To see what there is, on your computer:\n  encrocam list ${driveLocation(draft.answers.storage)}\n` +
      `To watch one of them:\n  encrocam play LOCATION/RECORDING --signed-by ${fingerprint}\n`,
  );
}

/** Where the recordings are, as the viewer takes it. */
export function driveLocation(storage: Answers['storage'] | undefined): string {
  switch (storage?.driver) {
    case 'ftp': {
      const host = storage.host.includes(':') ? `[${storage.host}]` : storage.host;
      const port = storage.port === 21 ? '' : `:${storage.port}`;
      const directory = storage.directory.replaceAll(/^\/+|\/+$/g, '');
      return `ftps://${encodeURIComponent(storage.user)}@${host}${port}/${encodeURI(directory)}`;
    }
    case 'directory':
      return storage.directory;
    default:
      return 'DIRECTORY';
  }
}

/** The first of the texts that fits. */
async function showCode(
  dialogue: WizardContext['dialogue'],
  title: string,
  texts: readonly string[],
): Promise<void> {
  for (const text of texts) {
    const code = await qrCode(text, dialogue.colors, dialogue.columns);
    if (!code) continue;
    dialogue.say(title);
    dialogue.show(`${code.lines}\n`);
    return;
  }
  dialogue.say(`${title} it does not fit on ${dialogue.columns} columns; take the text.`);
}
