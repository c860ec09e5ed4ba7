/**
 * Installs EncroCam on a system that exists, and removes it again. The config volume is a file there; the network,
 * accounts, consoles and partitions of the system are left as they are. Running it again repairs and upgrades.
 */
import path from 'node:path';
import type { Logger } from '../../runtime/log.ts';
import type { Answers } from '../answers/types.ts';
import { defaultVolumeFile, findPlace, type InstalledPlace, paths } from '../place.ts';
import { readState } from '../state.ts';
import { applyAnswers } from '../steps/apply.ts';
import type { CameraKey } from '../steps/signing-key.ts';
import type { Reporter } from '../steps/step.ts';
import { closeVolume } from '../steps/volume.ts';
import type { System } from '../system.ts';
import { checkHost, installPackages, missingPackages } from './host.ts';
import {
  copyProgram,
  copyUnits,
  enabledUnits,
  ensureUsers,
  removeProgram,
  removeUnits,
  removeUsers,
} from './program.ts';

export interface InstallContext {
  readonly system: System;
  readonly reporter: Reporter;
  readonly logger: Logger;
  /** Directory with the program's files. */
  readonly bundle: string;
  /** The Node.js to install with it. Default: the one that runs this. */
  readonly node?: string;
}

/** Everything but the answers: afterwards `encrocam` is a command and the camera is `new`, or `locked` as it was. */
export async function installProgram(context: InstallContext): Promise<InstalledPlace> {
  const { system, reporter, bundle } = context;
  const step = async (id: string, title: string, action: () => Promise<void>): Promise<void> => {
    reporter.started(id, title);
    await action();
    reporter.finished(id, title, 'done');
  };
  reporter.note(`Installing on ${await checkHost(system)}.`);
  const missing = await missingPackages(system);
  if (missing.length > 0) {
    await step('packages', `Installing ${missing.join(', ')}`, () => installPackages(system, missing));
  }
  await step('users', 'Making the users encrocam and unlock', () => ensureUsers(system));
  await step('program', `Copying the program to ${paths.program}`, () =>
    copyProgram(system, bundle, context.node),
  );
  await system.makeDirectory('/var/lib/encrocam', { mode: 0o755 });
  // The mark by which everything else knows that this is no card.
  if (!(await system.exists(paths.installedMark))) {
    await system.write(paths.installedMark, `${JSON.stringify({ volume: defaultVolumeFile })}\n`);
  }
  await step('units', 'Installing the services', async () => {
    await copyUnits(system, bundle);
    await system.run('systemctl', ['enable', ...enabledUnits]);
    await system.run('systemctl', ['start', 'encrocam-agent.socket']);
  });
  const place = await findPlace(system);
  if (place.kind !== 'installed') throw new Error(`${paths.installedMark} is not what was written`);
  return place;
}

/** Whether an earlier installation was set up to its end: then unlocking is all that is missing. */
export async function isSetUp(system: System): Promise<boolean> {
  return (await readState(system)) !== 'new';
}

/** @param answersPath where the answers came from: key files they name are looked for beside it. */
export async function setUpInstalled(
  answers: Answers,
  answersPath: string,
  place: InstalledPlace,
  { system, reporter, logger }: InstallContext,
): Promise<CameraKey> {
  const keyDirectory = path.dirname(path.resolve(answersPath));
  return applyAnswers(answers, { system, place, reporter, logger, keyDirectory });
}

export interface UninstallOptions {
  /** Also the recordings, the config volume with the keys, and everything else. */
  readonly purge: boolean;
}

export async function uninstall(
  system: System,
  reporter: Reporter,
  options: UninstallOptions,
): Promise<void> {
  reporter.started('services', 'Stopping the services');
  // 5: not loaded, as after an installation that was cut off.
  const exitCodes = [0, 1, 5];
  await system.run('systemctl', ['stop', 'encrocam.target', ...enabledUnits, 'encrocam-agent.service'], {
    exitCodes,
  });
  await system.run('systemctl', ['disable', ...enabledUnits], { exitCodes });
  await closeVolume(system);
  reporter.finished('services', 'Stopping the services', 'done');
  await removeUnits(system);
  await removeUsers(system);
  if (options.purge) {
    await system.remove('/var/lib/encrocam');
    await system.remove(paths.config);
  } else {
    await system.remove('/var/lib/encrocam/unlock');
    reporter.note(
      `Kept: ${paths.recordings}, and the config volume with the keys. --purge removes them too.`,
    );
  }
  // Last: until here, running it again goes on.
  await removeProgram(system);
}
