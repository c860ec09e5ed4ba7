import { createHash } from 'node:crypto';
import { checkSetting, type Question, type QuestionContext } from './question.ts';

export const account: Question = {
  id: 'account',
  title: 'Account and SSH keys',
  why:
    'An account lets you log in over SSH, to look after the camera and to type the passphrase after a power cut. ' +
    'It has no password: your SSH keys open it. On your computer they are in ~/.ssh/id_ed25519.pub or the like.',
  isAsked: ({ machine }) => machine.kind === 'card',
  async ask(context) {
    const { dialogue, draft } = context;
    const before = draft.answers.account;
    const way = await dialogue.choose({
      message: 'Account',
      choices: [
        { value: 'make', label: 'an account with SSH keys' },
        { value: 'none', label: 'none: the passphrase can be typed on a console only' },
      ],
      initial: before || !draft.answered.has('account') ? 'make' : 'none',
    });
    if (way === 'none') return { without: ['account'] };
    const name = await dialogue.ask({
      message: 'Name of the account',
      initial: before?.name ?? 'owner',
      validate: (value) => checkSetting('account.name', value),
    });
    const authorizedKeys = await askKeys(context);
    return { answers: { account: { name, authorizedKeys } } };
  },
  summary: ({ answers }) =>
    answers.account
      ? `${answers.account.name}, with ${answers.account.authorizedKeys.length} SSH key(s)`
      : 'none',
};

async function askKeys({ dialogue, draft }: QuestionContext): Promise<string[]> {
  const before = draft.answers.account?.authorizedKeys ?? [];
  if (before.length > 0) {
    showKeys(before, (text) => dialogue.say(text));
    if (await dialogue.confirm({ message: 'Keep these keys?', initial: true })) return before;
  }
  const text = await dialogue.paste({
    message: 'Paste your SSH public keys, one on a line; an empty line ends it.',
    isLast: (lines) => lines.at(-1)?.trim() === '',
    validate: (pasted) => {
      const keys = keysIn(pasted);
      if (keys.length === 0) return 'At least one key is needed. Esc goes back.';
      for (const key of keys) {
        const verdict = checkSetting('account.authorizedKeys', [key], { account: { name: 'owner' } });
        if (verdict) return `This is no key: ${key.slice(0, 40)}... ${verdict}`;
      }
      return checkSetting('account.authorizedKeys', keys, { account: { name: 'owner' } });
    },
  });
  const keys = keysIn(text);
  showKeys(keys, (line) => dialogue.say(line));
  return keys;
}

/** As in an `authorized_keys` file: comments and empty lines do not count. */
function keysIn(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== '' && !line.startsWith('#')))];
}

function showKeys(keys: readonly string[], say: (text: string) => void): void {
  for (const key of keys) {
    const [type, material = '', ...comment] = key.split(' ');
    const digest = createHash('sha256').update(Buffer.from(material, 'base64')).digest('base64');
    say(`  ${type} SHA256:${digest.replace(/=+$/, '')} ${comment.join(' ')}`.trimEnd());
  }
}
