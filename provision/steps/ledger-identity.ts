/**
 * The camera's key for the chain, where the answers have a ledger. Recording does not need it: an element that cannot be
 * used now is a warning, and `encrocam identity` makes the key later.
 */
import path from 'node:path';
import type { Signer } from '../../ledger/identity/index.ts';
import type { LedgerIdentity } from '../../runtime/config/types.ts';
import { EncroCamError } from '../../runtime/errors.ts';
import type { Answers } from '../answers/types.ts';
import { paths } from '../place.ts';
import type { System } from '../system.ts';
import type { Step } from './step.ts';

export const ledgerIdentityStep: Step = {
  id: 'ledger-identity',
  title: "Making the camera's key for the chain",
  isDone: async ({ answers }) => answers.ledger === undefined,
  async run({ system, answers, reporter }) {
    try {
      await (await openIdentity(system, answers, true))?.close();
    } catch (error) {
      if (!(error instanceof EncroCamError)) throw error;
      reporter.warning(
        `The camera has no key for the chain yet: ${error.message}`,
        `${error.hint ?? ''} Then: sudo encrocam identity`.trim(),
      );
    }
  },
};

/** What the owner fills the wallet of, or `undefined` without a ledger, or while the element cannot be used. */
export async function readLedgerAddress(system: System, answers: Answers): Promise<string | undefined> {
  try {
    const signer = await openIdentity(system, answers, false);
    await signer?.close();
    return signer?.address;
  } catch (error) {
    if (error instanceof EncroCamError) return undefined;
    throw error;
  }
}

async function openIdentity(system: System, { ledger }: Answers, make: boolean): Promise<Signer | undefined> {
  if (!ledger) return undefined;
  // It brings the libraries of the chain along: only who has one pays for them.
  const { openSigner } = await import('../../ledger/identity/index.ts');
  return openSigner(located(system, ledger.identity), {
    make,
    stateDirectory: system.at(paths.recorderState),
  });
}

/** Paths are relative to the configuration file. */
function located(system: System, identity: LedgerIdentity): LedgerIdentity {
  switch (identity.driver) {
    case 'file':
      return { ...identity, key: system.at(path.posix.resolve(paths.config, identity.key)) };
    case 'pkcs11':
      return { ...identity, module: path.posix.resolve(paths.config, identity.module) };
  }
}
