/**
 * Provisioning as a whole: what the answers say, applied in an order that can be cut off anywhere. The wizard, the
 * unattended first boot and `encrocam install` all end here.
 */
import { EncroCamError } from '../../runtime/errors.ts';
import type { Answers } from '../answers/types.ts';
import { accountStep, unlockKeysStep } from './account.ts';
import { configurationStep } from './configuration.ts';
import { doneStep, readyStep, recordingsStep, servicesStep } from './finish.ts';
import { hostNameStep } from './host-name.ts';
import { ownerKeysStep } from './owner-keys.ts';
import { type CameraKey, readCameraKey, signingKeyStep } from './signing-key.ts';
import { runSteps, type Step, type StepContext } from './step.ts';
import { timeZoneStep } from './time-zone.ts';
import { keepAnswersStep, tangStep, volumeStep } from './volume-step.ts';
import { wifiStep } from './wifi.ts';

export const steps: readonly Step[] = [
  timeZoneStep,
  hostNameStep,
  wifiStep,
  accountStep,
  unlockKeysStep,
  volumeStep,
  keepAnswersStep,
  tangStep,
  ownerKeysStep,
  signingKeyStep,
  configurationStep,
  recordingsStep,
  servicesStep,
  readyStep,
  doneStep,
];

/**
 * Applies complete answers and starts recording. After any failure or power cut: call it again.
 * @returns the key whose fingerprint the owner has to keep.
 */
export async function applyAnswers(
  answers: Answers,
  context: Omit<StepContext, 'answers'>,
): Promise<CameraKey> {
  await runSteps(steps, { ...context, answers });
  const key = await readCameraKey(context.system);
  await startServices(context);
  return key;
}

/** Recording is what all this was for: a camera that is set up and does not start says so. */
async function startServices({ system, reporter }: Omit<StepContext, 'answers'>): Promise<void> {
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
