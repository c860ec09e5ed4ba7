/** All questions, in the order in which they are asked. */
import { account } from './account.ts';
import { cameras } from './cameras.ts';
import { hostName } from './host-name.ts';
import { monitor } from './monitor.ts';
import { network } from './network.ts';
import { ownerKeys } from './owner-keys.ts';
import { passphrase } from './passphrase.ts';
import type { Question } from './question.ts';
import { recoveryKey } from './recovery-key.ts';
import { retention } from './retention.ts';
import { signing } from './signing.ts';
import { storage } from './storage.ts';
import { timeZone } from './time-zone.ts';

export const questions: readonly Question[] = [
  timeZone,
  hostName,
  network,
  account,
  // The place for secrets is made before the first secret is asked for that has to wait there.
  passphrase,
  recoveryKey,
  signing,
  ownerKeys,
  cameras,
  storage,
  monitor,
  retention,
];
