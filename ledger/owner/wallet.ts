/**
 * The owner's wallet (`docs/ref/ledger.md`, Identities): 24 words, one key. The entropy is what is kept; words and key
 * follow from it.
 */
import { randomBytes } from 'node:crypto';
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english';
import { type HDAccount, mnemonicToAccount } from 'viem/accounts';
import { EncroCamError } from '../../runtime/errors.ts';
import type { Hex } from '../../runtime/video-keys/hex.ts';

export const entropyBytes = 32;
export const wordCount = 24;

export interface Wallet {
  /** 32 bytes; secret. */
  readonly entropy: Buffer;
  /** Lower case. */
  readonly address: Hex;
  /** 32 bytes; secret. */
  readonly privateKey: Buffer;
  /** EIP-191: 65 bytes, r, s and v. */
  signText(text: string): Promise<Hex>;
}

export function newWallet(): Wallet {
  return walletFromEntropy(randomBytes(entropyBytes));
}

export function walletFromEntropy(entropy: Uint8Array): Wallet {
  // m/44'/60'/0'/0/0, without a BIP-39 passphrase: viem's defaults.
  const account: HDAccount = mnemonicToAccount(wordsOf(entropy).join(' '));
  const { privateKey } = account.getHdKey();
  if (!privateKey) throw new Error('a private key is missing');
  return {
    entropy: Buffer.from(entropy),
    address: account.address.toLowerCase() as Hex,
    privateKey: Buffer.from(privateKey),
    signText: (text) => account.signMessage({ message: text }),
  };
}

export function wordsOf(entropy: Uint8Array): string[] {
  return entropyToMnemonic(entropy, wordlist).split(' ');
}

/**
 * The entropy behind words that somebody typed: any case, any white space, numbers between them as on paper.
 * @throws {EncroCamError} `USAGE`; the words are no part of it.
 */
export function entropyOfWords(text: string): Buffer {
  const words = text
    .normalize('NFKD')
    .toLowerCase()
    .split(/[\s\d.,;:]+/)
    .filter((word) => word !== '');
  const refuse = (message: string): EncroCamError =>
    new EncroCamError('USAGE', message, {
      hint: 'Type the 24 words in their order, with spaces between them.',
    });
  if (words.length !== wordCount)
    throw refuse(`There are ${words.length} words where ${wordCount} are needed.`);
  const unknown = words.findIndex((word) => !wordlist.includes(word));
  if (unknown !== -1) throw refuse(`Word ${unknown + 1} is none of the 2048 words of BIP-39.`);
  try {
    return Buffer.from(mnemonicToEntropy(words.join(' '), wordlist));
  } catch {
    // Not the library's message: it may quote what was typed.
    throw refuse('These words do not belong together: one of them is another, or two changed places.');
  }
}
