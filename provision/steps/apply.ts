/**
 * Provisioning as a whole: what the answers say, applied in an order that can be cut off anywhere. The wizard, the
 * unattended first boot and `encrocam install` all end here.
 */
import { EncroCamError } from '../../runtime/errors.ts';
import { fetchOwnerKey } from '../answers/owner-keys.ts';
import type { Answers } from '../answers/types.ts';
import { accountStep, unlockKeysStep } from './account.ts';
import { configurationStep } from './configuration.ts';
import { doneStep, readyStep, recordingsStep, servicesStep } from './finish.ts';
import { hostNameStep } from './host-name.ts';
import { ledgerIdentityStep, readLedgerAddress } from './ledger-identity.ts';
import { networkStep } from './network.ts';
import { ownerKeysStep } from './owner-keys.ts';
import { carriedIdentityStep, pairedOwnerStep } from './paired-owner.ts';
import { type CameraKey, readCameraKey, signingKeyStep } from './signing-key.ts';
import { runSteps, type Step, type StepContext } from './step.ts';
import { timeZoneStep } from './time-zone.ts';
import { tangStep, volumeStep } from './volume-step.ts';

export const steps: readonly Step[] = [
  timeZoneStep,
  hostNameStep,
  networkStep,
  accountStep,
  unlockKeysStep,
  volumeStep,
  tangStep,
  ownerKeysStep,
  signingKeyStep,
  configurationStep,
  recordingsStep,
  carriedIdentityStep,
  ledgerIdentityStep,
  pairedOwnerStep,
  servicesStep,
  readyStep,
  doneStep,
];

export interface ApplyContext extends Omit<StepContext, 'answers' | 'fetchOwnerKey'> {
  /** Where key files that the answers name are. Default: the card's boot partition. */
  readonly keyDirectory?: string;
}

export interface AppliedCamera extends CameraKey {
  /** On the chain, where the answers have a ledger and its key can be used. In lower case. */
  readonly ledgerAddress?: string | undefined;
}

/**
 * Applies complete answers and starts recording. After any failure or power cut: call it again. The caller holds the
 * lock of `../lock.ts`, and keeps the answers until this returns.
 * @returns the key whose fingerprint the owner has to keep; its public half is also in /etc/encrocam/camera.public.asc.
 */
export async function applyAnswers(answers: Answers, context: ApplyContext): Promise<AppliedCamera> {
  const { system, place } = context;
  const bootDirectory =
    context.keyDirectory ?? (place.kind === 'card' ? system.at(place.bootDirectory) : undefined);
  await runSteps(steps, {
    ...context,
    answers,
    fetchOwnerKey: (key, signal) => fetchOwnerKey(key, { bootDirectory, signal }),
  });
  const key = await readCameraKey(system);
  const ledgerAddress = await readLedgerAddress(system, answers);
  if (ledgerAddress !== undefined) {
    context.reporter.note(`On the chain, this camera is ${ledgerAddress}: fill its wallet.`);
  }
  await startServices(context);
  return { ...key, ledgerAddress };
}

/** Recording is what all this was for: a camera that is set up and does not start says so. */
async function startServices({ system, reporter }: ApplyContext): Promise<void> {
  try {
    await system.run('systemctl', ['start', 'encrocam.target']);
  } catch (error) {
    if (!(error instanceof EncroCamError)) throw error;
    reporter.warning(
      `Set up, but the services did not start: ${error.message}`,
      'See: journalctl -b -u "encrocam-*"',
    );
  }
}
