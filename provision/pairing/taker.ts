/** Takes what the camera reads in its pictures: parts become messages, and the first one that holds is kept. */
import { CodeCollector } from '../../ledger/pairing/codes.ts';
import { checkMessage, decodeMessage, type PairingMessage } from '../../ledger/pairing/message.ts';
import { isEncroCamError } from '../../runtime/errors.ts';
import { validatePartialAnswers } from '../answers/validate.ts';
import type { System } from '../system.ts';
import { keepMessage, knownNonces } from './kept.ts';
import type { RefusalLog } from './refusals.ts';

const synchronizedMark = '/run/systemd/timesync/synchronized';

export interface TakerOptions {
  readonly system: System;
  readonly refusals: RefusalLog;
  readonly nowMs?: () => number;
}

export class PairingTaker {
  readonly #options: TakerOptions;
  readonly #collector = new CodeCollector();

  constructor(options: TakerOptions) {
    this.#options = options;
  }

  /** @returns the message that was taken and kept; `undefined` for everything else that codes may hold. */
  async take(text: string): Promise<PairingMessage | undefined> {
    const { system, refusals, nowMs = Date.now } = this.#options;
    const seen = this.#collector.take(text);
    if (seen.outcome === 'refused') refusals.refused(seen.reason);
    if (seen.outcome !== 'message') return undefined;
    try {
      const message = decodeMessage(seen.message);
      // What the wizard would ask again and again is refused before it is taken.
      validatePartialAnswers(message.answers ?? {}, 'The pairing message');
      await checkMessage(message, {
        nowMs: nowMs(),
        clockIsSynchronised: await system.exists(synchronizedMark),
        knownNonces: await knownNonces(system),
      });
      await keepMessage(system, seen.message, message);
      return message;
    } catch (error) {
      if (!isEncroCamError(error, 'PAIRING_REFUSED', 'CONFIG_INVALID')) throw error;
      refusals.refused(error.message.replaceAll(/\s*\n\s*/g, ' '));
      return undefined;
    }
  }
}
