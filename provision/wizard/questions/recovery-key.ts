import { qrCode } from '../qr.ts';
import type { Question } from './question.ts';

export const recoveryKey: Question = {
  id: 'recoveryKey',
  title: 'Recovery key',
  why:
    'A second key that opens the encrypted partition, made at random, for the day when the passphrase is forgotten. ' +
    'It is shown once. Keep it on paper at home, not near the camera.',
  async ask({ dialogue, machine, draft, passphrase }) {
    if (passphrase === undefined) throw new TypeError('the recovery key is asked for before the passphrase');
    if (draft.facts.hasRecoveryKey) {
      const keep = await dialogue.confirm({ message: 'There is one already. Keep it?', initial: true });
      if (keep) return {};
    }
    if (!(await dialogue.confirm({ message: 'Make a recovery key?', initial: true }))) {
      return { facts: { hasRecoveryKey: false } };
    }
    const key = await dialogue.work(
      'Making the recovery key',
      () => machine.volume.addRecoveryKey(passphrase),
      { canBeCancelled: false },
    );
    dialogue.say('The recovery key:');
    dialogue.show(`\n  ${key}\n`);
    const code = await qrCode(key, dialogue.colors, dialogue.columns);
    if (code) dialogue.show(code.lines);
    while (!(await dialogue.confirm({ message: 'Is it written down?', initial: false }))) {
      dialogue.say(
        'It is shown only now. Without it and without the passphrase, the camera has to be set up anew.',
      );
      if (!(await dialogue.confirm({ message: 'Show it again?', initial: true }))) break;
      dialogue.show(`\n  ${key}\n`);
    }
    // Not for whoever sits down at this screen next.
    dialogue.clear();
    return { facts: { hasRecoveryKey: true } };
  },
  summary: ({ facts }) => (facts.hasRecoveryKey ? 'made' : 'none'),
};
