/** How long opening a signer and signing take; apart from the rest, so that it can be bundled as for a camera. */
import { randomBytes } from 'node:crypto';
import { openSigner } from '../ledger/identity/index.ts';
import type { LedgerIdentity } from '../runtime/config/types.ts';

/** The first ones are compiled and loaded while they are measured. */
const warmUps = 5;

export interface SigningTimes {
  /** Milliseconds until a signer with a key that is there is open. */
  readonly openMs: number;
  /** Milliseconds for each signature. */
  readonly signMs: readonly number[];
}

/** Opens a signer and signs. */
export async function signingTimes(identity: LedgerIdentity, rounds: number): Promise<SigningTimes> {
  const openedMs = performance.now();
  const signer = await openSigner(identity);
  const openMs = performance.now() - openedMs;
  const signMs: number[] = [];
  for (let round = 0; round < warmUps + rounds; round++) {
    const digest = randomBytes(32);
    const startMs = performance.now();
    await signer.signDigest(digest);
    if (round >= warmUps) signMs.push(performance.now() - startMs);
  }
  await signer.close();
  return { openMs, signMs };
}
