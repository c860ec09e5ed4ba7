/**
 * The unattended first boot: a complete `encrocam.json` on the boot partition, or a pairing code that the camera saw,
 * together with what Raspberry Pi Imager wrote, sets the camera up. One that is wrong is written back beside the reason; one that leaves questions open stays
 * for the wizard, which asks only those. What is only not there at the
 * moment (the network, the drive) is waited for with a bound, and then told as a warning: the camera records, and the
 * syncer goes on trying.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type EncroCamError, isEncroCamError, messageOf } from '../runtime/errors.ts';
import type { Logger } from '../runtime/log.ts';
import { openStorage } from '../runtime/storage/open.ts';
import { readGivenAnswers } from './answers/given.ts';
import type { Answers, OwnerKey } from './answers/types.ts';
import { missingAnswers, validateAnswers } from './answers/validate.ts';
import { lockProvisioning } from './lock.ts';
import { forgetMessage, keptFile, readKept, rememberNonce } from './pairing/kept.ts';
import { type CardPlace, findPlace, type Place } from './place.ts';
import { applyAnswers } from './steps/apply.ts';
import { answersFile, explainMissing, refuseAnswers, refusePairing } from './steps/boot-partition.ts';
import { joinWifi } from './steps/network.ts';
import type { Reporter } from './steps/step.ts';
import type { System } from './system.ts';

export type UnattendedOutcome =
  | { readonly outcome: 'done'; readonly fingerprint: string }
  /** Nothing to do: there is no answers file, and no code was taken. */
  | { readonly outcome: 'none' }
  | { readonly outcome: 'refused'; readonly reason: string }
  /** The wizard has to ask for these. */
  | { readonly outcome: 'incomplete'; readonly missing: readonly string[] };

/** Booting, DHCP, and the clock from the network take most cameras less than half of it. */
const networkWaitMs = 90_000;
const networkPollMs = 2_000;
const storageWaitMs = 30_000;

export interface UnattendedOptions {
  readonly system: System;
  readonly logger: Logger;
  readonly networkWaitMs?: number;
  /** For tests: a lock of their own. */
  readonly lockName?: string;
  /** For tests: everything that is not about files. */
  readonly apply?: typeof applyAnswers;
}

export async function provisionUnattended(options: UnattendedOptions): Promise<UnattendedOutcome> {
  const { system, logger } = options;
  const place = await findPlace(system);
  if (place.kind !== 'card') return { outcome: 'none' };
  const wasPaired = (await readKept(system)) !== undefined;
  if (!wasPaired && (await system.exists(keptFile))) {
    logger.warn(
      'the pairing code that was taken cannot be read by this version: the camera looks for another',
    );
    await forgetMessage(system);
  }
  const hasFile = await system.exists(`${place.bootDirectory}/${answersFile}`);
  if (!wasPaired && !hasFile) return { outcome: 'none' };
  const source = wasPaired ? 'The pairing message' : answersFile;
  const lock = await lockProvisioning(
    wasPaired ? 'by a pairing code' : 'from the answers file on the boot partition',
    options.lockName,
  );
  try {
    const given = await readGivenAnswers(system, place.bootDirectory);
    for (const note of given.notes) logger.info(note);
    const isPaired = given.pairing !== undefined;
    if (given.pairing) await rememberNonce(system, given.pairing);
    if (given.refusal) {
      if (!isPaired) throw given.refusal;
      await refuseAnswers(system, place.bootDirectory, reasonText(given.refusal));
    }
    const missing = missingAnswers(given.answers, { isPaired });
    if (missing.length > 0) {
      logger.warn('not everything was answered: the wizard asks for the rest', { missing: missing.join() });
      await explainMissing(system, place.bootDirectory, { source, missing });
      return { outcome: 'incomplete', missing };
    }
    return await setUp(validateAnswers(given.answers, source, { isPaired }), place, options);
  } catch (error) {
    // A refusal that nobody reads is no use without the log; what is a defect of ours is not the file's fault.
    if (!isEncroCamError(error) || isOurs(error)) throw error;
    const reason = reasonText(error);
    logger.error('the answers were refused', { source, code: error.code, reason: messageOf(error) });
    if (wasPaired) {
      // Whoever said this may say something better: the camera looks for codes again.
      await refusePairing(system, place.bootDirectory, reason);
      await forgetMessage(system);
    } else await refuseAnswers(system, place.bootDirectory, reason);
    return { outcome: 'refused', reason };
  } finally {
    await lock.release();
  }
}

async function setUp(
  answers: Answers,
  place: CardPlace,
  options: UnattendedOptions,
): Promise<UnattendedOutcome> {
  const { system, logger } = options;
  const reporter = logReporter(logger);
  if (answers.unlocking.recoveryKey) {
    reporter.warning('No recovery key was made: only the wizard can show one.');
  }
  const wifi = answers.network.wifi;
  // Before the steps: fetching keys needs it.
  if (wifi !== undefined) await joinWifi(system, wifi);
  const needsNetwork = (answers.owner?.keys ?? []).some(isOnTheWeb);
  if (needsNetwork || answers.storage.driver === 'ftp') {
    await waitForNetwork(system, reporter, options.networkWaitMs ?? networkWaitMs);
  }
  const apply = options.apply ?? applyAnswers;
  const { fingerprint } = await apply(answers, { system, place: place satisfies Place, reporter, logger });
  await tryStorage(answers, reporter, logger);
  return { outcome: 'done', fingerprint };
}

function isOnTheWeb(key: OwnerKey): boolean {
  return key.from === 'url' || key.from === 'wkd';
}

/** An address and a clock that was set; certificates are judged by the clock. */
async function waitForNetwork(system: System, reporter: Reporter, boundMs: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < boundMs; waitedMs += networkPollMs) {
    if (await isOnline(system)) return;
    await wait(Math.min(networkPollMs, boundMs - waitedMs));
  }
  reporter.warning(
    `The network, or the time from it, was not there after ${boundMs / 1000} s.`,
    'What needs it is tried all the same.',
  );
}

async function isOnline(system: System): Promise<boolean> {
  const routes = (await system.readText('/proc/net/route')) ?? '';
  const routes6 = (await system.readText('/proc/net/ipv6_route')) ?? '';
  // Destination 0 is the default route; lo has one for IPv6 that leads nowhere.
  const hasRoute =
    routes.split('\n').some((line) => line.split('\t')[1] === '00000000') ||
    routes6.split('\n').some((line) => /^0{32} 00 /.test(line) && !/\slo$/.test(line));
  return hasRoute && (await system.exists('/run/systemd/timesync/synchronized'));
}

/** One log-in, so that a wrong password is in the log at once. It decides nothing: the syncer goes on trying. */
async function tryStorage(answers: Answers, reporter: Reporter, logger: Logger): Promise<void> {
  if (answers.storage.driver === 'none') return;
  const storage = await openStorage(answers.storage, { logger });
  const timer = AbortSignal.timeout(storageWaitMs);
  const timeOut = (): void => void storage.close();
  timer.addEventListener('abort', timeOut);
  try {
    await storage.connect();
    reporter.note(`The drive ${storage.location} can be used.`);
  } catch (error) {
    reporter.warning(
      `The drive cannot be used now: ${messageOf(error)}`,
      'Recording goes on; uploading is tried again.',
    );
  } finally {
    timer.removeEventListener('abort', timeOut);
    await storage.close();
  }
}

/** Failures of this machine or of ours: the file would be refused again and again for no fault of its own. */
function isOurs(error: EncroCamError): boolean {
  return ['INTERNAL', 'PROGRAM_FAILED', 'PROGRAM_MISSING', 'ALREADY_RUNNING', 'KEY_UNREACHABLE'].includes(
    error.code,
  );
}

function reasonText(error: EncroCamError): string {
  const hint = error.hint === undefined ? '' : `\r\n${error.hint}`;
  return `${error.message.replaceAll(/\r?\n/g, '\r\n')} [${error.code}]${hint}`;
}

export function logReporter(logger: Logger): Reporter {
  return {
    started: (step, title) => logger.info(`${title} …`, { step }),
    finished(step, title, outcome) {
      if (outcome === 'skipped') logger.debug(`${title}: was done already`, { step });
    },
    warning: (message, hint) => logger.warn(hint === undefined ? message : `${message} ${hint}`),
    note: (message) => logger.info(message),
  };
}
