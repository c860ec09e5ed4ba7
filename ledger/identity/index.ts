/** The camera's identity on the chain; see `signer.ts`. */
import type { LedgerIdentity } from '../../runtime/config/types.ts';
import { openFileSigner } from './file-signer.ts';
import { openPkcs11Signer } from './pkcs11-signer.ts';
import type { Signer } from './signer.ts';

export { accountOf, type DigestSignature, type Signer } from './signer.ts';
export { stateDirectoryOf } from './state-directory.ts';

export interface OpenSignerOptions {
  /** Whether a key is made where there is none. Default: yes. */
  readonly make?: boolean;
  /** On the partition with the configuration, for what has to be known after a restart: that an element refused the PIN. */
  readonly stateDirectory?: string | undefined;
}

/**
 * The signer that `ledger.identity` of a loaded configuration (absolute paths) names.
 * @throws {EncroCamError} `IDENTITY_UNREADABLE`, and those of {@link Signer.signDigest}
 */
export async function openSigner(identity: LedgerIdentity, options: OpenSignerOptions = {}): Promise<Signer> {
  const make = options.make ?? true;
  switch (identity.driver) {
    case 'file':
      return openFileSigner({ key: identity.key, make });
    case 'pkcs11':
      return openPkcs11Signer({ ...identity, make, stateDirectory: options.stateDirectory });
  }
}
