/** Opens the owner's key file, or makes it: the passphrase, the words, and whether they were written down. */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { EncroCamError, messageOf } from '../../runtime/errors.ts';
import { printable } from '../../runtime/log.ts';
import { askSecret } from '../../runtime/pgp/ask-secret.ts';
import { readOwnerFile, writeOwnerFile } from './key-file.ts';
import type { Owner } from './owner.ts';
import { entropyOfWords, newWallet, walletFromEntropy, wordsOf } from './wallet.ts';

/** Where the key file is unless told otherwise. */
export function defaultOwnerFile(): string {
  const settings = process.env.XDG_CONFIG_HOME || path.join(homedir(), '.config');
  return path.join(settings, 'encrocam', 'encrocam-owner.json');
}

export interface OwnerOptions {
  readonly file: string;
  /** A file (or `/dev/fd/3`) whose first line is the passphrase; it is asked for otherwise. */
  readonly passphraseFile?: string | undefined;
  /** Make the wallet again from words that are asked for. */
  readonly restore: boolean;
  /** A wallet that is made now need not be confirmed by some of its words. */
  readonly yes: boolean;
  /** Whether there must be a file already. */
  readonly mustExist?: boolean;
}

export interface OpenedOwner {
  readonly owner: Owner;
  /** For writing the file again. */
  readonly passphrase: string;
}

const minPassphraseLength = 8;
const passphraseVariable = 'ENCROCAM_OWNER_PASSPHRASE';
const wordsVariable = 'ENCROCAM_OWNER_WORDS';
const confirmedWords = 3;

export async function openOwner(options: OwnerOptions): Promise<OpenedOwner> {
  const { file, restore, yes, mustExist = false } = options;
  if (mustExist || existsSync(file)) {
    if (restore) {
      throw new EncroCamError('USAGE', `--restore: ${printable(file)} is there already.`, {
        hint: 'It is never overwritten: its keys are nowhere else. Name another one with --owner.',
      });
    }
    const passphrase = await givenPassphrase(options, `Passphrase of ${printable(file)}`);
    return { owner: await readOwnerFile(file, passphrase), passphrase };
  }
  const entropy = restore
    ? entropyOfWords(
        await askSecret('The 24 words (not shown): ', { variable: wordsVariable, code: 'USAGE' }),
      )
    : newWallet().entropy;
  const passphrase = await newPassphrase(options);
  if (!restore && !yes) await showAndConfirm(wordsOf(entropy));
  const owner: Owner = { entropy, cameras: [] };
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new EncroCamError(
      'INPUT_UNREADABLE',
      `Cannot make ${printable(path.dirname(file))}: ${messageOf(error)}.`,
      {
        hint: 'Name a file in a directory that you can write to: --owner FILE.',
        cause: error,
      },
    );
  });
  await writeOwnerFile(file, passphrase, owner);
  process.stderr.write(`Made ${printable(file)}; the owner is ${walletFromEntropy(entropy).address}.\n`);
  if (yes && !restore) process.stderr.write('Write its 24 words down: encrocam pair --words shows them.\n');
  return { owner, passphrase };
}

async function newPassphrase(options: OwnerOptions): Promise<string> {
  const passphrase = await givenPassphrase(
    options,
    `New passphrase for ${printable(options.file)}, ${minPassphraseLength} characters or more`,
  );
  if (passphrase.length < minPassphraseLength) {
    throw new EncroCamError(
      'USAGE',
      `A passphrase of fewer than ${minPassphraseLength} characters is too short.`,
      {
        hint: 'Whoever gets the file can try passphrases: take six words picked at random.',
      },
    );
  }
  const isAsked = options.passphraseFile === undefined && process.env[passphraseVariable] === undefined;
  if (isAsked && (await givenPassphrase(options, 'Again')) !== passphrase) {
    throw new EncroCamError('USAGE', 'The two passphrases are not the same.', { hint: 'Run it again.' });
  }
  return passphrase;
}

async function givenPassphrase({ passphraseFile }: OwnerOptions, prompt: string): Promise<string> {
  if (passphraseFile === undefined) {
    return askSecret(`${prompt} (not shown): `, { variable: passphraseVariable, code: 'KEY_LOCKED' });
  }
  try {
    return (await readFile(passphraseFile, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw new EncroCamError(
      'INPUT_UNREADABLE',
      `Cannot read ${printable(passphraseFile)}: ${messageOf(error)}.`,
      {
        hint: '--passphrase-file names a file whose first line is the passphrase.',
        cause: error,
      },
    );
  }
}

/** The words on a screen of their own, which is gone afterwards, also from what can be scrolled back to. */
async function showAndConfirm(words: readonly string[]): Promise<void> {
  if (process.stderr.isTTY !== true) {
    throw new EncroCamError('USAGE', 'The 24 words of the new wallet can be shown on a terminal only.', {
      hint: 'Run it on one, or with --yes and then encrocam pair --words.',
    });
  }
  const ask = (prompt: string): Promise<string> => askSecret(prompt, { code: 'USAGE' });
  process.stderr.write(`\u001b[?1049h\u001b[2J\u001b[H${wordsText(words)}`);
  try {
    await ask('Press Enter when they are written down. ');
  } finally {
    process.stderr.write('\u001b[?1049l');
  }
  for (const number of someNumbers(words.length)) {
    for (let attempt = 1; ; attempt++) {
      const word = (await ask(`Word ${number} (not shown): `)).trim().toLowerCase();
      if (word === words[number - 1]) break;
      if (attempt === 3) {
        throw new EncroCamError('USAGE', `That is not word ${number}; nothing was made.`, {
          hint: 'Run it again, and write down the words that it shows then: they are others.',
        });
      }
      process.stderr.write('That is another word.\n');
    }
  }
}

export function wordsText(words: readonly string[]): string {
  const rows = Array.from({ length: words.length / 4 }, (_, row) =>
    [0, 1, 2, 3]
      .map((column) => row + column * (words.length / 4))
      .map((at) => `${String(at + 1).padStart(2)} ${(words[at] ?? '').padEnd(12)}`)
      .join(''),
  );
  return [
    // Lines of fewer than 80 characters: a terminal breaks longer ones within a word.
    'The 24 words of your wallet. Whoever has them is the owner of your cameras;',
    'without them and the key file, nobody is. Write them on paper, in the order of',
    'their numbers, and keep it where you keep a passport. Do not photograph them.',
    '',
    ...rows.map((row) => `  ${row.trimEnd()}`),
    '',
    '',
  ].join('\n');
}

function someNumbers(count: number): number[] {
  const numbers = new Set<number>();
  while (numbers.size < confirmedWords) numbers.add(randomInt(1, count + 1));
  return [...numbers].sort((one, other) => one - other);
}
