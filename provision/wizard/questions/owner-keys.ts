import { EncroCamError, isEncroCamError } from '../../../runtime/errors.ts';
import { printable } from '../../../runtime/log.ts';
import { fingerprintOf, parseFingerprint } from '../../../runtime/pgp/keys.ts';
import type { OwnerKey, OwnerKeyText } from '../../answers/types.ts';
import { readOwnerKey } from '../../steps/owner-keys.ts';
import { Back, Cancelled } from '../signals.ts';
import {
  checkSetting,
  describeSetting,
  explain,
  groupFingerprint,
  type Question,
  type QuestionContext,
} from './question.ts';

const endOfKey = '-----END PGP PUBLIC KEY BLOCK-----';
const maxKeys = 32;
const maxNames = 3;

/** A key that was read and confirmed: kept as text, so that setting up needs no network. */
type ConfirmedKey = OwnerKeyText & { readonly fingerprint: string };

export const ownerKeys: Question = {
  id: 'ownerKeys',
  title: "Owner's keys",
  why:
    `${describeSetting('owner.keys')} The camera has no key that opens them: only your secret key does, at home. ` +
    'Compare the fingerprint with the one that your computer shows: gpg --fingerprint YOUR@ADDRESS.',
  isAsked: ({ draft }) => draft.facts.pairedOwner === undefined || draft.answers.owner !== undefined,
  async ask(context) {
    const { dialogue, draft } = context;
    let keys = await confirmed(context, draft.answers.owner?.keys ?? []);
    for (;;) {
      for (const key of keys) dialogue.say(`  ${groupFingerprint(key.fingerprint)}`);
      const [first, ...rest] = keys;
      const what = await dialogue.choose({
        message: first ? 'May somebody else watch?' : 'Where is your public key?',
        choices: [
          ...(first ? [{ value: 'done', label: 'that is all' } as const] : []),
          ...(keys.length < maxKeys
            ? ([
                { value: 'text', label: 'paste it' },
                { value: 'file', label: 'a file on the boot partition' },
                { value: 'wkd', label: 'look it up by mail address (Web Key Directory)' },
                { value: 'url', label: 'fetch it from an address on the web' },
              ] as const)
            : []),
          ...(first ? [{ value: 'remove', label: 'start over with no key' } as const] : []),
        ],
      });
      if (what === 'done' && first) return { answers: { owner: { keys: [first, ...rest] } } };
      if (what === 'remove' || what === 'done') {
        keys = [];
        continue;
      }
      const key = await backToList(() => askKey(context, what));
      if (key && !keys.some(({ fingerprint }) => fingerprint === key.fingerprint)) keys = [...keys, key];
    }
  },
  summary: ({ answers }) =>
    (answers.owner?.keys ?? [])
      .map((key) => groupFingerprint(key.fingerprint?.replaceAll(/\s/g, '') ?? key.from))
      .join(', '),
};

/** Esc in a part of the question leads to its list, not to the question before. */
async function backToList(ask: () => Promise<ConfirmedKey | undefined>): Promise<ConfirmedKey | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Back || error instanceof Cancelled) return undefined;
    throw error;
  }
}

/** Keys from an answers file are looked at like those that are typed. */
async function confirmed(context: QuestionContext, keys: readonly OwnerKey[]): Promise<ConfirmedKey[]> {
  const result: ConfirmedKey[] = [];
  for (const key of keys) {
    if (key.from === 'text' && key.fingerprint !== undefined) {
      result.push({ ...key, fingerprint: key.fingerprint });
      continue;
    }
    const read = await backToList(() => readAndConfirm(context, key));
    if (read) result.push(read);
  }
  return result;
}

async function askKey(context: QuestionContext, from: OwnerKey['from']): Promise<ConfirmedKey | undefined> {
  const { dialogue, machine } = context;
  const beside = { owner: {} };
  // Text is checked as a key of the list; the schema's rules for an entry hold there.
  const check = (entry: Record<string, unknown>) => checkSetting('owner.keys', [entry], beside);
  const later = '0'.repeat(40);
  switch (from) {
    case 'text': {
      const armored = await dialogue.paste({
        message: `Paste the whole key, down to ${endOfKey}.`,
        isLast: (lines) =>
          lines.at(-1)?.trim() === endOfKey || (lines.length === 1 && lines[0]?.trim() === ''),
        validate: (text) => check({ from, armored: text }),
      });
      return readAndConfirm(context, { from, armored });
    }
    case 'file': {
      const names = await machine.listKeyFiles();
      if (names.length === 0) {
        dialogue.say(
          'There is no key on the boot partition. Put owner.asc there with the card in another computer.',
        );
        return undefined;
      }
      const file = await dialogue.choose({
        message: 'File',
        choices: names.map((name) => ({ value: name, label: name })),
      });
      return readAndConfirm(context, { from, file });
    }
    case 'url': {
      const url = await dialogue.ask({
        message: 'Address of the key, beginning with https://',
        validate: (text) => check({ from, url: text, fingerprint: later }),
      });
      return readAndConfirm(context, { from, url, fingerprint: '' });
    }
    case 'wkd': {
      const address = await dialogue.ask({
        message: 'Mail address',
        validate: (text) => check({ from, address: text, fingerprint: later }),
      });
      return readAndConfirm(context, { from, address, fingerprint: '' });
    }
  }
}

async function readAndConfirm(context: QuestionContext, source: OwnerKey): Promise<ConfirmedKey | undefined> {
  const { dialogue, machine } = context;
  try {
    const material = await dialogue.work('Reading the key', ({ signal }) =>
      machine.fetchOwnerKey(source, signal),
    );
    const wanted = source.fingerprint ? parseFingerprint(source.fingerprint) : undefined;
    const key = await readOwnerKey(material, withFingerprint(source, wanted));
    const fingerprint = fingerprintOf(key);
    dialogue.say(`\n  ${groupFingerprint(fingerprint)}`);
    for (const name of key.getUserIDs().slice(0, maxNames)) dialogue.say(`  ${printable(name)}`);
    dialogue.say(`  made on ${key.getCreationTime().toISOString().slice(0, 10)}\n`);
    const right = await dialogue.confirm({ message: 'Is this the fingerprint of your key?', initial: false });
    if (!right) {
      dialogue.say('Then it is not taken.');
      return undefined;
    }
    return { from: 'text', armored: key.armor().trim(), fingerprint };
  } catch (error) {
    if (!(error instanceof EncroCamError)) throw error;
    dialogue.say(explain(error));
    // Several keys in one: which one is meant?
    if (!isEncroCamError(error, 'KEY_UNREADABLE') || source.fingerprint || !/ keys: /.test(error.message)) {
      return undefined;
    }
    const typed = await dialogue.ask({
      message: 'Fingerprint of the one that is yours',
      validate: (text) => (parseFingerprint(text) ? undefined : 'A fingerprint has 40 hexadecimal digits.'),
    });
    return readAndConfirm(context, withFingerprint(source, typed));
  }
}

function withFingerprint(source: OwnerKey, fingerprint: string | undefined): OwnerKey {
  // Without one, whatever single key there is is shown, and confirmed by a person.
  const { fingerprint: _, ...rest } = source;
  return { ...rest, ...(fingerprint === undefined ? {} : { fingerprint }) } as OwnerKey;
}
