/**
 * How long a passphrase holds against somebody who has the card: a careful guess from below, in honest words. It
 * knows patterns (words, names and dates by their form, keyboard rows, repetitions, the most common passwords), not
 * dictionaries: words from a text or a song look better here than they are. Pure.
 */

export interface PassphraseStrength {
  /** Binary logarithm of the guesses that are needed, at least. */
  readonly bits: number;
  readonly verdict: 'weak' | 'fair' | 'good' | 'strong';
  /** A sentence for the owner. */
  readonly text: string;
}

/**
 * Guesses a second of somebody who means it: a hundred graphics cards, each trying several of them at once, slowed
 * down by Argon2id.
 */
const guessesPerSecond = 1e5;
const verdictBits = { fair: 35, good: 47, strong: 62 } as const;

/** Bits of a common word or name: one of 2,000. Longer words are rarer; a list for dice has 7,776 (12.9 bits). */
const wordBits = 11;
const commonBits = 7;
const yearBits = 7;
const digitBits = Math.log2(10);
const letterBits = Math.log2(26);
const otherBits = 5;

/** The cores of what is found most often where passwords leak. */
const common = new Set(
  (
    'password passwort passwd pass secret geheim admin root login welcome willkommen letmein master monkey dragon ' +
    'sunshine princess princesa football baseball shadow michael superman batman trustno iloveyou starwars whatever ' +
    'freedom hello hallo charlie computer changeme default raspberry raspberrypi camera encrocam security internet ' +
    'motdepasse azerty qwerty qwertz summer winter spring autumn sommer test tester guest user abc correcthorsebatterystaple'
  ).split(' '),
);
const rows = [
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1234567890',
  'abcdefghijklmnopqrstuvwxyz',
];
const lookalikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
};

export function passphraseStrength(passphrase: string): PassphraseStrength {
  const bits = Math.floor(Math.min(bitsOfParts(passphrase), bitsOfCommon(passphrase)));
  const verdict =
    bits >= verdictBits.strong
      ? 'strong'
      : bits >= verdictBits.good
        ? 'good'
        : bits >= verdictBits.fair
          ? 'fair'
          : 'weak';
  const holds = `Whoever has the card and a hundred fast computers needs ${duration(2 ** bits / 2 / guessesPerSecond)}, at a guess.`;
  return { bits, verdict, text: `${verdict[0]?.toUpperCase()}${verdict.slice(1)}. ${holds}` };
}

/** A common password, with look-alike characters and something hung on. */
function bitsOfCommon(passphrase: string): number {
  const lower = passphrase.toLowerCase();
  const plain = (text: string): string =>
    [...text]
      .map((character) => lookalikes[character] ?? character)
      .join('')
      .replaceAll(/[^a-z]/g, '');
  const core = plain(lower.replaceAll(/^[^a-z]+|[^a-z]+$/g, ''));
  const letters = lower.replaceAll(/[^a-z]/g, '');
  for (const candidate of [plain(lower), core, letters]) {
    if (!common.has(candidate)) continue;
    const rest = Math.max(0, passphrase.length - candidate.length);
    return commonBits + rest * digitBits;
  }
  return Number.POSITIVE_INFINITY;
}

/** Letters, digits and others apart; what repeats or follows a row counts once. */
function bitsOfParts(passphrase: string): number {
  const seen = new Set<string>();
  let bits = 0;
  // A token without words in it as a whole; others, and the blanks, in parts.
  for (const [part] of passphrase.matchAll(
    /(?<!\S)(?=\S*[\d\W])(?!\S*\p{L}{4})\S+|\p{L}+|\p{Nd}+|[^\p{L}\p{Nd}]+/gu,
  )) {
    const lower = part.toLowerCase();
    // The same again, or the same blank between words, is one guess more.
    bits += seen.has(lower) ? 1 : bitsOfPart(part, lower);
    seen.add(lower);
  }
  return bits;
}

function bitsOfPart(part: string, lower: string): number {
  const steps = stepsInRow(lower);
  if (isMixed(part)) return steps * Math.log2(alphabetSize(part));
  if (/^\p{L}/u.test(part)) return bitsOfLetters(part, lower);
  if (/^\p{Nd}/u.test(part)) {
    if (/^(?:19|20)\d\d$/.test(part)) return yearBits;
    return steps * digitBits;
  }
  return /^[ _.,-]$/.test(part) ? 1 : steps * otherBits;
}

function isMixed(part: string): boolean {
  return [/\p{L}/u, /\p{Nd}/u, /[^\p{L}\p{Nd}\s]/u].filter((kind) => kind.test(part)).length > 1;
}

/** Size of the alphabet from which these characters may have been picked. */
function alphabetSize(part: string): number {
  const kinds: [RegExp, number][] = [
    [/\p{Ll}/u, 26],
    [/\p{Lu}/u, 26],
    [/\p{Nd}/u, 10],
    [/[^\p{L}\p{Nd}]/u, 30],
  ];
  return kinds.reduce((size, [kind, count]) => size + (kind.test(part) ? count : 0), 0);
}

function bitsOfLetters(part: string, lower: string): number {
  const capitals =
    part === lower || part === part.toUpperCase() ? 0 : /^\p{Lu}\p{Ll}*$/u.test(part) ? 1 : lower.length / 2;
  if (common.has(lower)) return commonBits + capitals;
  const random = stepsInRow(lower) * letterBits;
  if (!looksLikeWords(lower)) return random + capitals;
  // Words without blanks between them: one for every six letters.
  const words = Math.max(1, Math.round(lower.length / 6));
  return Math.min(random, words * wordBits) + capitals;
}

/** Characters, less those that are at least the third to repeat or to follow on the keyboard or in the alphabet. */
function stepsInRow(lower: string): number {
  let steps = 0;
  let inRow = 0;
  let before = '';
  for (const character of lower) {
    inRow = follows(before, character) ? inRow + 1 : 0;
    if (inRow < 2) steps += 1;
    before = character;
  }
  return steps;
}

function follows(before: string, character: string): boolean {
  if (before === '') return false;
  if (before === character) return true;
  return rows.some((row) => row.includes(before + character) || row.includes(character + before));
}

/** Whether vowels and consonants are mixed as in words of a language; random letters hardly ever are. */
function looksLikeWords(letters: string): boolean {
  if (/[^a-z]/.test(letters)) return true;
  if (letters.length < 3) return false;
  const vowels = letters.replaceAll(/[^aeiouy]/g, '').length / letters.length;
  return vowels >= 0.2 && vowels <= 0.67 && !/[^aeiouy]{5}|[jqxz][^aeiouy]|[^aeiouyu]q/.test(letters);
}

function duration(seconds: number): string {
  const steps: [limit: number, unit: number, name: string][] = [
    [120, 1, 'seconds'],
    [7200, 60, 'minutes'],
    [172_800, 3600, 'hours'],
    [86_400 * 60, 86_400, 'days'],
    [86_400 * 730, 86_400 * 30, 'months'],
    [86_400 * 365 * 1000, 86_400 * 365, 'years'],
  ];
  if (seconds < 2) return 'less than two seconds';
  for (const [limit, unit, name] of steps) {
    if (seconds < limit) return `about ${Math.round(seconds / unit)} ${name}`;
  }
  return 'more than a thousand years';
}
