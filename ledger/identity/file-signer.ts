/** The identity as a file: the partition it lies on is what protects it. */
import { sign } from 'viem/accounts';
import { bytesToHex } from 'viem/utils';
import { EncroCamError } from '../../runtime/errors.ts';
import { type IdentityKey, makeKeyFile, readKeyFile } from './key-file.ts';
import { checkDigest, type Signer } from './signer.ts';

export interface FileSignerOptions {
  /** Path of the key file. */
  readonly key: string;
  /** Whether a key is made where there is none. */
  readonly make: boolean;
}

/** @throws {EncroCamError} `IDENTITY_UNREADABLE` */
export async function openFileSigner(options: FileSignerOptions): Promise<Signer> {
  const { key, address } = options.make ? await makeKeyFile(options.key) : await existing(options.key);
  let closed = false;
  return {
    address,
    async signDigest(digest) {
      if (closed) throw new Error('the signer is closed');
      checkDigest(digest);
      // RFC 6979 chooses the nonce; s is in the lower half already.
      const { r, s, yParity } = await sign({ hash: bytesToHex(digest), privateKey: key });
      return { r, s, yParity: yParity === 1 ? 1 : 0 };
    },
    async close() {
      closed = true;
    },
  };
}

async function existing(file: string): Promise<IdentityKey> {
  const found = await readKeyFile(file);
  if (found) return found;
  throw new EncroCamError('IDENTITY_UNREADABLE', `The ledger's key ${file} is not there.`, {
    hint: 'Make it with: sudo encrocam identity',
  });
}
