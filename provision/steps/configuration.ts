/** The configuration of recorder and syncer, from the answers: `/etc/encrocam/config.json`, on the config volume. */
import { validateConfig } from '../../runtime/config/validate.ts';
import { cameraKeysFile } from '../../runtime/video-keys/camera-keys.ts';
import type { Answers } from '../answers/types.ts';
import { readKept } from '../pairing/kept.ts';
import { paths } from '../place.ts';
import { ownerKeyFiles } from './owner-keys.ts';
import { signingKeyFile } from './signing-key.ts';
import type { Step } from './step.ts';

const file = `${paths.config}/config.json`;
const owner = { user: 'root', group: 'encrocam' };

export const configurationStep: Step = {
  id: 'configuration',
  title: 'Writing the configuration',
  async isDone({ system, answers }) {
    return (await system.readText(file)) === configText(answers, await readKept(system));
  },
  async run({ system, answers }) {
    // It holds the drive's password: for root and the services' group alone.
    await system.makeDirectory(paths.config, { mode: 0o750, owner });
    await system.write(file, configText(answers, await readKept(system)), { mode: 0o640, owner });
  },
};

/** @throws {ConfigError} if the answers lead to no valid configuration: the services would refuse it. */
export function configText(answers: Answers, pairing?: { readonly owner: string }): string {
  const keys = ownerKeyFiles(answers.owner?.keys.length ?? 0);
  // Who was paired is who the camera claims, whatever the answers say.
  const ledger = answers.ledger && { ...answers.ledger, ...(pairing ? { owner: pairing.owner } : {}) };
  const config = {
    owner: {
      ...(keys.length === 0 ? {} : { keys }),
      ...(pairing ? { symmetricKeys: cameraKeysFile } : {}),
    },
    signing: { key: signingKeyFile },
    cameras: answers.cameras,
    recordings: answers.recordings,
    storage: answers.storage,
    ...(answers.monitor === undefined ? {} : { monitor: answers.monitor }),
    ...(ledger === undefined ? {} : { ledger }),
    log: answers.log,
  };
  validateConfig(config, 'What the answers lead to');
  return `${JSON.stringify(config, undefined, 2)}\n`;
}
