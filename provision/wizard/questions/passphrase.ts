import { passphraseStrength } from '../passphrase-strength.ts';
import { type Change, checkSetting, explain, type Question, type QuestionContext } from './question.ts';

export const passphrase: Question = {
  id: 'passphrase',
  title: 'Passphrase',
  why:
    "The camera's signing key and the drive's password lie on an encrypted partition. After each start somebody has to " +
    'type this passphrase, on a console or over SSH: until then it records to its card alone, and nothing reaches the ' +
    'drive. A thief who takes the camera gets nothing. ' +
    'Six or more words picked at random are strong and easy to type. Keep in mind that a screen with a keyboard ' +
    'of another language may produce other characters than your computer.',
  async ask(context) {
    const { dialogue, machine, draft } = context;
    const given = draft.answers.unlocking?.passphrase;
    if (given !== undefined && context.passphrase === undefined) {
      dialogue.say('It was given in the answers file.');
      return make(context, given);
    }
    if (context.passphrase !== undefined && (await machine.volume.isMade())) {
      const keep = await dialogue.choose({
        message: 'The encrypted partition is made already',
        choices: [
          { value: 'keep', label: 'keep its passphrase' },
          { value: 'change', label: 'make it anew with another passphrase' },
        ],
      });
      if (keep === 'keep') return {};
    }
    return make(context, await askTwice(context));
  },
  summary: () => 'set',
};

async function askTwice({ dialogue }: QuestionContext): Promise<string> {
  for (;;) {
    const typed = await dialogue.askSecret({
      message: 'Passphrase',
      validate: (value) => checkSetting('unlocking.passphrase', value),
    });
    const strength = passphraseStrength(typed);
    dialogue.say(strength.text);
    if (strength.verdict === 'weak') {
      const anyway = await dialogue.confirm({
        message: 'Use this weak passphrase all the same?',
        initial: false,
      });
      if (!anyway) continue;
    }
    const again = await dialogue.askSecret({ message: 'The same passphrase again' });
    if (again === typed) return typed;
    dialogue.say('They differ. Once more, please.');
  }
}

async function make({ dialogue, machine, draft }: QuestionContext, secret: string): Promise<Change> {
  try {
    await dialogue.work('Making the encrypted partition', () => machine.volume.make(secret), {
      canBeCancelled: false,
    });
  } catch (error) {
    dialogue.say(explain(error));
    throw error;
  }
  return {
    answers: { unlocking: { ...draft.answers.unlocking, passphrase: secret, recoveryKey: false } },
    passphrase: secret,
    facts: { hasRecoveryKey: false },
    reopens: ['recoveryKey'],
  };
}
