/**
 * The recovery key: 128 random bits as eight words that can be read aloud and typed on any keyboard. Each word
 * is a "proquint" (Wilkerson, "A Proposal for Proquints", 2009): five letters, consonant and vowel in turn, 16 bits.
 */
import { randomBytes } from 'node:crypto';

const consonants = 'bdfghjklmnprstvz';
const vowels = 'aiou';
const wordCount = 8;
const wordPattern = new RegExp(`^[${consonants}][${vowels}][${consonants}][${vowels}][${consonants}]$`);

/** `lusab-babad-gutih-tugad-…`: the canonical form, and exactly what the key slot holds. */
export function makeRecoveryKey(random: (bytes: number) => Uint8Array = randomBytes): string {
  const bytes = random(wordCount * 2);
  const words: string[] = [];
  for (let index = 0; index < wordCount; index++) {
    words.push(wordOf(((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)));
  }
  return words.join('-');
}

/** The canonical form of a key as people type it (blanks, capitals, dots); `undefined` if it is none. */
export function parseRecoveryKey(text: string): string | undefined {
  const words = text
    .toLowerCase()
    .split(/[\s.,_-]+/)
    .filter((word) => word !== '');
  return words.length === wordCount && words.every((word) => wordPattern.test(word))
    ? words.join('-')
    : undefined;
}

function wordOf(value: number): string {
  const consonant = (shift: number): string => consonants[(value >> shift) & 15] ?? '';
  const vowel = (shift: number): string => vowels[(value >> shift) & 3] ?? '';
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0);
}
