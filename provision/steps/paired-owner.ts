/**
 * The owner who was paired with the camera by a code: their keys, and the camera's own key on the chain, which a reset may
 * have carried over from the owner before.
 */
import path from 'node:path';
import type { LedgerIdentity } from '../../runtime/config/types.ts';
import { type CameraKeys, cameraKeysFile, cameraKeysText } from '../../runtime/video-keys/camera-keys.ts';
import { addressBytes } from '../../runtime/video-keys/keys.ts';
import type { Answers } from '../answers/types.ts';
import { readKept } from '../pairing/kept.ts';
import { paths } from '../place.ts';
import type { System } from '../system.ts';
import { readLedgerAddress } from './ledger-identity.ts';
import type { Step } from './step.ts';

/** The camera's key on the chain between a reset and the next set-up; see `../reset/`. */
export const carriedIdentity = `${paths.provision}/ledger.key`;

const file = `${paths.config}/${cameraKeysFile}`;
const recorders = { user: 'encrocam', group: 'encrocam' };
const defaultIdentity: LedgerIdentity = { driver: 'file', key: 'ledger.key' };

/** Before a new one would be made: with it, the claim of the next owner is the transfer of this camera. */
export const carriedIdentityStep: Step = {
  id: 'carried-identity',
  title: "Taking over the camera's key for the chain",
  isDone: async ({ system }) => !(await system.exists(carriedIdentity)),
  async run({ system, answers, reporter }) {
    const key = identityFile(answers);
    const text = await system.readText(carriedIdentity);
    if (key === undefined) {
      reporter.warning('The camera had a key for the chain before; the secure element has another one now.');
    } else if (text !== undefined && !(await system.exists(key))) {
      await system.write(key, text, { mode: 0o640, owner: { user: 'root', group: 'encrocam' } });
    }
    await system.wipe(carriedIdentity);
  },
};

export const pairedOwnerStep: Step = {
  id: 'paired-owner',
  title: "Keeping the owner's keys",
  // The message goes with the last step.
  isDone: async ({ system }) => (await readKept(system)) === undefined,
  async run({ system, answers, reporter }) {
    const pairing = await readKept(system);
    if (!pairing) return;
    const address = await cameraAddress(system, answers);
    const keys: CameraKeys = {
      camera: address === undefined ? Buffer.alloc(addressBytes) : Buffer.from(address.slice(2), 'hex'),
      owner: Buffer.from(pairing.owner.slice(2), 'hex'),
      kek: pairing.kek,
      keys: { recordings: pairing.recordings, live: pairing.live },
    };
    await system.makeDirectory(paths.recorderState, { mode: 0o750, owner: recorders });
    await system.write(file, cameraKeysText(keys), { mode: 0o600, owner: recorders });
    reporter.note(
      `This camera belongs to ${pairing.owner}; its own address is ${address ?? 'not known yet'}.`,
    );
  },
};

/** Commands of the owner name the camera by it, so it has one without a ledger, too. */
async function cameraAddress(system: System, answers: Answers): Promise<string | undefined> {
  // Made by the step before, unless a secure element cannot be used now.
  if (answers.ledger) return readLedgerAddress(system, answers);
  const { openSigner } = await import('../../ledger/identity/index.ts');
  const key = system.at(path.posix.resolve(paths.config, 'ledger.key'));
  const signer = await openSigner(
    { driver: 'file', key },
    { stateDirectory: system.at(paths.recorderState) },
  );
  await signer.close();
  return signer.address;
}

/** Where the key is, if it is a file. */
function identityFile({ ledger }: Answers): string | undefined {
  const identity = ledger?.identity ?? defaultIdentity;
  return identity.driver === 'file' ? path.posix.resolve(paths.config, identity.key) : undefined;
}
