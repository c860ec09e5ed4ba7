import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passphraseStrength } from './passphrase-strength.ts';

const verdicts: Record<ReturnType<typeof passphraseStrength>['verdict'], string[]> = {
  weak: [
    'password',
    'Passw0rd!',
    'P@ssw0rd2024',
    'aaaaaaaaaaaaaaaa',
    'qwertyuiop',
    '12345678',
    'abcdefgh',
    'raspberry',
    'Maria1984',
    'encrocam',
    'hello hello hello hello',
    '20232024',
  ],
  fair: ['garden lamp river', 'Kitchen42 table lamp'],
  good: ['garden lamp river stone', 'k4Tq9zLm'],
  strong: [
    'garden lamp river stone paper cloud',
    'fkqpzmvhwxjtbrnd',
    'x7#Kp2!vQ9z&Lm',
    'lusab babad gutih tugad zomun nikod',
    'Straße über grünem Fluß mit Öl, Nebel',
  ],
};
for (const [verdict, passphrases] of Object.entries(verdicts)) {
  for (const passphrase of passphrases) {
    test(`"${passphrase}" is ${verdict}`, () => {
      const strength = passphraseStrength(passphrase);
      assert.equal(strength.verdict, verdict, `${strength.bits} bits`);
    });
  }
}

test('something hung on never makes a passphrase weaker', () => {
  for (const base of ['garden lamp', 'k4Tq9z', 'Maria1984']) {
    for (const more of [' river', '#', '77', 'Q']) {
      assert.ok(passphraseStrength(base + more).bits >= passphraseStrength(base).bits, base + more);
    }
  }
});

test('a long passphrase is judged at once', () => {
  const started = performance.now();
  passphraseStrength('correct horse '.repeat(40).slice(0, 512));
  assert.ok(performance.now() - started < 100);
});
