/** What the makers of `test/vectors/encrocrypt3` have in common. */
import { createHash } from 'node:crypto';
import path from 'node:path';

export const vectors: string = path.join(import.meta.dirname, '../vectors/encrocrypt3');
/** Of video and of the OpenPGP keys of version 4. */
export const secondVectors: string = path.join(vectors, '../encrocrypt2');

/** One file, and what readers must find in it. */
export interface MadeVector {
  readonly file: string;
  readonly what: string;
  readonly packets: readonly Buffer[];
  readonly runs: readonly {
    readonly state: 'signed' | 'locked' | 'certified';
    readonly certifiedToMs?: number;
    readonly ended: boolean;
    readonly stretches: readonly string[];
  }[];
  /** What the owner gets. */
  readonly plaintext: Buffer;
  /** What else `expected.json` says of it. */
  readonly more?: {
    /** File beside the vectors with the camera's public key, where that is not the camera of all others. */
    readonly camera?: string;
    /** In hexadecimal digits: of the owner, where that is none with OpenPGP. */
    readonly symmetricKey?: { readonly id: string; readonly key: string };
    /** What its last note `index` says. */
    readonly index?: readonly { readonly timeMs: number; readonly offset: number }[];
  };
}

export function digestOf(plaintext: Buffer): { plaintextBytes: number; plaintextSha256: string } {
  return {
    plaintextBytes: plaintext.length,
    plaintextSha256: createHash('sha256').update(plaintext).digest('hex'),
  };
}
