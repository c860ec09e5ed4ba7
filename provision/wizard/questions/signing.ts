import type { Verdict } from '../dialogue/dialogue.ts';
import { checkSetting, describeSetting, type Question } from './question.ts';

const endOfKey = '-----END PGP PRIVATE KEY BLOCK-----';

export const signing: Question = {
  id: 'signing',
  title: 'Signing key',
  why:
    `${describeSetting('signing')} A new key is right for a new camera. Import one if this camera takes the place of ` +
    'another whose recordings shall go on under the same key.',
  async ask({ dialogue, draft }) {
    const way = await dialogue.choose({
      message: 'Signing key',
      choices: [
        { value: 'generate', label: 'make a new one' },
        { value: 'import', label: 'import one that exists' },
      ],
      initial: draft.answers.signing?.from ?? 'generate',
    });
    if (way === 'generate') return { answers: { signing: { from: 'generate' } } };
    const before = draft.answers.signing;
    if (
      before?.from === 'import' &&
      (await dialogue.confirm({ message: 'Keep the imported key?', initial: true }))
    ) {
      return {};
    }
    dialogue.say(
      'On the computer that has it: gpg --armor --export-secret-keys KEY. It must have no passphrase.',
    );
    const secretKey = await dialogue.paste({
      message: `Paste the whole secret key, down to ${endOfKey}. It is not shown.`,
      isLast: (lines) => lines.at(-1)?.trim() === endOfKey || (lines.length === 1 && lines[0]?.trim() === ''),
      validate: checkSecretKey,
    });
    return { answers: { signing: { from: 'import', secretKey } } };
  },
  summary: ({ answers }) => (answers.signing?.from === 'import' ? 'imported' : 'a new one is made'),
};

/** What is found out now need not be found out when everything is applied. */
async function checkSecretKey(secretKey: string): Promise<Verdict> {
  const verdict = checkSetting('signing.secretKey', secretKey, { signing: { from: 'import' } });
  if (verdict) return verdict;
  const { readPrivateKey } = await import('openpgp');
  try {
    const key = await readPrivateKey({ armoredKey: secretKey });
    if (!key.isDecrypted()) return 'It has a passphrase: export it without one, or make a new key.';
    await key.getSigningKey();
    return undefined;
  } catch {
    // What openpgp says may quote the key.
    return 'It is no OpenPGP secret key that can sign.';
  }
}
